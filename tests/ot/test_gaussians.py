"""Closed forms against transport solved on fine grids: by Sinkhorn in numpy, by POT, and against scipy's matrix roots.

The Gaussians are at least 1.2 pixels wide and 6.5 widths from every border, where sampling them costs less than 1e-9.
"""

import math

import numpy as np
import pytest
import scipy.linalg
import torch

from otrecon.ot import gaussians, moments
from otrecon.ot.gaussians import Gaussian
from otrecon.ot.geometry import Grid

LINE = Grid((180,), 0.15)
PLANE = Grid((34, 30), (0.9, 1.0))
ON_THE_LINE = (Gaussian(11.0, 2.2), Gaussian(13.5, 0.9))
IN_THE_PLANE = (
    Gaussian((14.0, 13.5), [[2.9, 0.8], [0.8, 1.6]]),
    Gaussian((15.5, 15.0), [[1.7, -0.6], [-0.6, 2.7]]),
)
CASES = [(LINE, *ON_THE_LINE), (PLANE, *IN_THE_PLANE)]


def with_mass(gaussian, mass):
    return Gaussian(gaussian.mean, gaussian.covariance, mass)


def kl(p, q):
    return scipy.special.rel_entr(p, q).sum() - p.sum() + q.sum()


def numerical(grid, a, b, eps, rho=math.inf):
    """Sinkhorn by scaling, value of the primal, plan and potentials, in numpy."""
    cost = grid.cost_matrix().numpy()
    kernel, power = np.exp(-cost / eps), 1.0 if rho == math.inf else rho / (rho + eps)
    u, v = np.ones_like(a), np.ones_like(b)
    for _ in range(5000):
        old = u
        u = (kernel @ (b * v)) ** -power
        v = (kernel.T @ (a * u)) ** -power
        if np.abs(np.log(u / old)).max() < 1e-14:
            break
    plan = (a * u)[:, None] * kernel * (b * v)
    value = (plan * cost).sum() + eps * kl(plan, a[:, None] * b)
    if rho < math.inf:
        value += rho * kl(plan.sum(1), a) + rho * kl(plan.sum(0), b)
    return value, plan, eps * np.log(u), eps * np.log(v)


def sampled(grid, *measures):
    return [measure.on(grid).flatten().numpy() for measure in measures]


# Values


@pytest.mark.parametrize("blur", [1.0, 1.7, 4.0])
@pytest.mark.parametrize(("grid", "p", "q"), CASES)
def test_entropic_is_the_value_on_a_fine_grid(grid, p, q, blur):
    expected, _, _, _ = numerical(grid, *sampled(grid, p, q), blur**2)
    assert gaussians.entropic(p, q, blur) == pytest.approx(expected, rel=2e-8)


@pytest.mark.parametrize("blur", [1.0, 3.0])
@pytest.mark.parametrize("reach", [1.0, 2.5, 8.0])
@pytest.mark.parametrize(("grid", "p", "q"), CASES)
@pytest.mark.parametrize("masses", [(1.0, 1.0), (1.4, 0.3)])
def test_entropic_with_a_reach_is_the_value_on_a_fine_grid(grid, p, q, blur, reach, masses):
    p, q = with_mass(p, masses[0]), with_mass(q, masses[1])
    expected, _, _, _ = numerical(grid, *sampled(grid, p, q), blur**2, reach**2)
    assert gaussians.entropic(p, q, blur, reach) == pytest.approx(expected, rel=2e-8)


@pytest.mark.parametrize(("grid", "p", "q"), CASES)
def test_balanced_masses_other_than_one(grid, p, q):
    p, q = with_mass(p, 2.5), with_mass(q, 2.5)
    expected, _, _, _ = numerical(grid, *sampled(grid, p, q), 1.7**2)
    assert gaussians.entropic(p, q, 1.7) == pytest.approx(expected, rel=2e-8)


@pytest.mark.parametrize(("grid", "p", "q"), CASES)
def test_entropic_is_pots(grid, p, q):
    # POT with the cost |x - y|^2: its eps is 2 blur^2 and its value twice ours.
    ot = pytest.importorskip("ot")
    a, b = sampled(grid, p, q)
    result = ot.solve(2 * grid.cost_matrix().numpy(), a, b, reg=2 * 1.3**2, reg_type="KL", max_iter=5000, tol=1e-12)
    assert gaussians.entropic(p, q, 1.3) == pytest.approx(result.value / 2, rel=1e-6)
    assert gaussians.plan(p, q, 1.3).transport_cost == pytest.approx(result.value_linear / 2, rel=1e-6)


def test_entropic_with_a_reach_is_pots():
    # The penalty converts as the cost does. POT's reg_type "kl" takes the product of the measures as its reference.
    ot = pytest.importorskip("ot")
    p, q = with_mass(ON_THE_LINE[0], 1.4), with_mass(ON_THE_LINE[1], 0.3)
    a, b = sampled(LINE, p, q)
    plan = ot.unbalanced.sinkhorn_unbalanced(
        a, b, 2 * LINE.cost_matrix().numpy(), reg=2 * 1.3**2, reg_m=2 * 2.0**2, reg_type="kl", c=np.outer(a, b),
        numItermax=5000, stopThr=1e-13,
    )  # fmt: skip
    assert gaussians.plan(p, q, 1.3, 2.0).mass == pytest.approx(plan.sum(), rel=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_wasserstein_is_the_bures_distance_of_scipy(seed):
    rng = np.random.default_rng(seed)
    mean, factor = rng.normal(size=(2, 3)), rng.normal(size=(2, 3, 3))
    A, B = factor @ factor.transpose(0, 2, 1)
    root = scipy.linalg.sqrtm(A).real
    bures = np.trace(A + B - 2 * scipy.linalg.sqrtm(root @ B @ root).real)
    expected = (np.sum((mean[0] - mean[1]) ** 2) + bures) / 2
    p, q = Gaussian(mean[0].tolist(), A.tolist()), Gaussian(mean[1].tolist(), B.tolist())
    assert gaussians.wasserstein(p, q) == pytest.approx(expected, rel=1e-10)
    assert gaussians.plan(p, q).transport_cost == pytest.approx(expected, rel=1e-10)
    assert gaussians.wasserstein(with_mass(p, 3.0), with_mass(q, 3.0)) == pytest.approx(3 * expected, rel=1e-10)


@pytest.mark.parametrize(("p", "q"), [ON_THE_LINE, IN_THE_PLANE])
def test_limits(p, q):
    exact = gaussians.wasserstein(p, q)
    assert gaussians.entropic(p, q, 1e-5) == pytest.approx(exact, rel=1e-7)
    assert gaussians.divergence(p, q, 1e-5) == pytest.approx(exact, rel=1e-7)
    # A wide blur only sees the means; a wide reach is balanced, with an error of the order of 1 / reach^2.
    gap = p.mean - q.mean
    assert gaussians.divergence(p, q, 1e3) == pytest.approx(float(gap @ gap) / 2, rel=1e-4)
    for blur in (0.0, 0.8):
        assert gaussians.entropic(p, q, blur, 1e6) == pytest.approx(gaussians.entropic(p, q, blur), rel=1e-9)
        assert gaussians.entropic(p, q, blur + 1e-7, 2.0) == pytest.approx(
            gaussians.entropic(p, q, blur, 2.0), rel=1e-6
        )


def test_points_are_gaussians_without_width():
    p, q = Gaussian((1.0, 2.0), 0.0, 1.5), Gaussian((2.0, 4.0), 0.0, 0.5)
    squared, reach = 5.0, 3.0
    # Two points: only how much moves is free, and that is solved by hand.
    expected = reach**2 * (2 - 2 * math.sqrt(0.75) * math.exp(-squared / (4 * reach**2)))
    assert gaussians.entropic(p, q, 0.0, reach) == pytest.approx(expected, rel=1e-12)
    moved = math.exp(((1.2 + 9) * math.log(0.75) - squared / 2) / (1.2 + 18))
    assert gaussians.plan(p, q, math.sqrt(1.2), reach).mass == pytest.approx(moved, rel=1e-12)
    # A point and a Gaussian: one plan is possible, the product.
    q = Gaussian((2.0, 4.0), [[2.0, 1.0], [1.0, 3.0]], 1.5)
    assert gaussians.entropic(p, q, 0.0) == pytest.approx(1.5 * (5.0 + 5.0) / 2, rel=1e-12)
    assert gaussians.plan(p, q).transport_cost == pytest.approx(7.5, rel=1e-12)
    flat = Gaussian((0.0, 0.0), [[4.0, 0.0], [0.0, 0.0]])
    assert gaussians.plan(flat, with_mass(q, 1.0)).transport_cost == pytest.approx(
        gaussians.wasserstein(flat, with_mass(q, 1.0)), rel=1e-10
    )


# Divergence


@pytest.mark.parametrize("masses", [(1.0, 1.0), (1.4, 0.3)])
@pytest.mark.parametrize(("grid", "p", "q"), CASES)
def test_unbalanced_divergence_is_that_of_the_grid(grid, p, q, masses):
    p, q, eps, rho = with_mass(p, masses[0]), with_mass(q, masses[1]), 1.44, 4.0
    a, b = sampled(grid, p, q)
    ab, aa, bb = (numerical(grid, *pair, eps, rho)[0] for pair in ((a, b), (a, a), (b, b)))
    expected = ab - aa / 2 - bb / 2 + eps / 2 * (a.sum() - b.sum()) ** 2
    assert gaussians.divergence(p, q, 1.2, 2.0) == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize("reach", [None, 0.5, 4.0])
@pytest.mark.parametrize("blur", [0.0, 0.3, 3.0])
def test_divergence_is_zero_for_equals_and_positive_otherwise(blur, reach):
    rng = np.random.default_rng(7)
    for _ in range(50):
        factor = rng.normal(size=(2, 2, 2))
        A, B = factor @ factor.transpose(0, 2, 1)
        mass = rng.uniform(0.2, 3.0, size=2) if reach else np.ones(2)
        p = Gaussian(rng.normal(size=2).tolist(), A.tolist(), float(mass[0]))
        q = Gaussian(rng.normal(size=2).tolist(), B.tolist(), float(mass[1]))
        value = gaussians.divergence(p, q, blur, reach)
        assert value > 1e-6
        assert gaussians.divergence(q, p, blur, reach) == pytest.approx(value, rel=1e-9, abs=1e-12)
        assert abs(gaussians.divergence(p, p, blur, reach)) < 1e-12


# Plans and paths


@pytest.mark.parametrize("reach", [None, 2.0])
@pytest.mark.parametrize(("grid", "p", "q"), CASES)
def test_plan_is_that_of_the_grid(grid, p, q, reach):
    q = with_mass(q, 0.6 if reach else 1.0)
    blur = 1.2
    plan = gaussians.plan(p, q, blur, reach)
    _, expected, _, _ = numerical(grid, *sampled(grid, p, q), blur**2, math.inf if reach is None else reach**2)
    points = grid.coordinates().reshape(grid.size, -1).numpy()
    mass = expected.sum()
    assert plan.mass == pytest.approx(mass, rel=1e-8)
    assert plan.transport_cost == pytest.approx((expected * grid.cost_matrix().numpy()).sum(), rel=1e-8)
    for marginal, axis in ((plan.source, 1), (plan.target, 0)):
        density = torch.from_numpy(expected.sum(axis)).reshape(grid.shape)
        torch.testing.assert_close(moments.mean(density, grid), marginal.mean, rtol=1e-8, atol=1e-8)
        torch.testing.assert_close(moments.covariance(density, grid), marginal.covariance, rtol=1e-8, atol=1e-8)
        assert marginal.mass == plan.mass
    cross = (points - plan.source.mean.numpy()).T @ expected @ (points - plan.target.mean.numpy()) / mass
    np.testing.assert_allclose(plan.cross.numpy(), cross, rtol=1e-7, atol=1e-8)
    # Conditional means, on all points that hold mass.
    seen = expected.sum(1) > 1e-9
    average = (expected @ points)[seen] / expected.sum(1)[seen][:, None]
    np.testing.assert_allclose(plan.map(torch.from_numpy(points))[seen].numpy(), average, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("p", "q"), [ON_THE_LINE, IN_THE_PLANE])
def test_without_blur_the_map_pushes_one_onto_the_other(p, q):
    plan = gaussians.plan(p, q)
    torch.testing.assert_close(plan.slope @ p.covariance @ plan.slope.mT, q.covariance, rtol=1e-12, atol=1e-12)
    assert float(torch.linalg.eigvalsh(plan.slope)[0]) > 0
    torch.testing.assert_close(plan.map(p.mean), q.mean)


@pytest.mark.parametrize(("p", "q"), [ON_THE_LINE, IN_THE_PLANE, (Gaussian((0.0, 1.0), 0.0), IN_THE_PLANE[1])])
def test_displacement_is_a_geodesic(p, q):
    whole = gaussians.wasserstein(p, q)
    moments_on_the_way = [gaussians.displacement(p, q, t) for t in (0.0, 0.25, 1.0)]
    assert gaussians.wasserstein(moments_on_the_way[0], p) < 1e-12
    assert gaussians.wasserstein(moments_on_the_way[2], q) < 1e-12
    # W2 runs at constant speed, so its square by the square of the time.
    assert gaussians.wasserstein(p, moments_on_the_way[1]) == pytest.approx(whole / 16, rel=1e-9)
    assert gaussians.wasserstein(moments_on_the_way[1], q) == pytest.approx(whole * 9 / 16, rel=1e-9)


def test_displacement_on_the_line_adds_the_widths():
    p, q = Gaussian(2.0, 9.0, 2.0), Gaussian(6.0, 1.0, 2.0)
    middle = gaussians.displacement(p, q, 0.5)
    assert (middle.mean.item(), middle.covariance.item(), middle.mass) == pytest.approx((4.0, 4.0, 2.0))


# Barycenters

FAMILY = (
    Gaussian((13.0, 15.0), [[2.9, 0.8], [0.8, 1.6]]),
    Gaussian((16.0, 14.0), [[1.7, -0.6], [-0.6, 2.7]]),
    Gaussian((15.0, 14.5), [[2.2, 0.3], [0.3, 1.5]]),
)
WEIGHTS = (0.5, 0.2, 0.3)


@pytest.mark.parametrize("kind", ["debiased", "product", "uniform"])
@pytest.mark.parametrize(
    ("grid", "family", "weights", "blur"),
    [(LINE, ON_THE_LINE, (0.3, 0.7), 1.1), (PLANE, FAMILY, WEIGHTS, 1.4), (PLANE, FAMILY, WEIGHTS, 1.6)],
)
def test_at_the_barycenter_the_first_variation_is_flat(grid, family, weights, blur, kind):
    if kind == "product":
        # It is narrower by about the blur: widen the family, so that the answer can still be sampled.
        family = [Gaussian(g.mean, g.covariance + 0.8 * blur**2 * torch.eye(g.ndim)) for g in family]
    entropy = "product" if kind == "product" else "uniform"
    centre = gaussians.barycenter(family, weights, blur, debiased=kind == "debiased", entropy=entropy)
    b, *measures = sampled(grid, centre, *family)
    slack = sum(w * numerical(grid, a, b, blur**2)[3] for w, a in zip(weights, measures, strict=True))
    if kind == "debiased":
        _, _, f, g = numerical(grid, b, b, blur**2)
        slack = slack - (f + g) / 2
    if kind == "uniform":
        slack = slack + blur**2 * np.log(b)
    # Far out the potentials feel the border of the grid.
    seen = b > 1e-3 * b.max()
    assert seen.sum() > 25
    assert np.ptp(slack[seen]) < 1e-6


@pytest.mark.parametrize("blur", [0.0, 0.9])
def test_barycenter_of_copies_is_the_copy(blur):
    centre = gaussians.barycenter([IN_THE_PLANE[0]] * 3, (0.2, 0.3, 0.5), blur)
    torch.testing.assert_close(centre.mean, IN_THE_PLANE[0].mean)
    torch.testing.assert_close(centre.covariance, IN_THE_PLANE[0].covariance, rtol=1e-10, atol=1e-10)


def test_without_debiasing_a_copy_gains_or_loses_eps_in_every_direction():
    p = IN_THE_PLANE[0]
    centre = gaussians.barycenter([p], None, 0.9, debiased=False)
    wider = p.covariance + 0.81 * torch.eye(2, dtype=torch.float64)
    torch.testing.assert_close(centre.covariance, wider, rtol=1e-9, atol=1e-9)
    centre = gaussians.barycenter([p], None, 0.9, debiased=False, entropy="product")
    torch.testing.assert_close(
        centre.covariance, p.covariance - 0.81 * torch.eye(2, dtype=torch.float64), rtol=1e-9, atol=1e-9
    )
    # Under the blur it collapses: along one axis here, along both there.
    centre = gaussians.barycenter(
        [Gaussian((0.0, 0.0), [[4.0, 0.0], [0.0, 0.5]])], None, 1.0, debiased=False, entropy="product"
    )
    torch.testing.assert_close(centre.covariance, torch.tensor([[3.0, 0.0], [0.0, 0.0]]).double(), rtol=0, atol=1e-8)
    centre = gaussians.barycenter([p], None, 3.0, debiased=False, entropy="product")
    assert float(centre.covariance.abs().max()) < 1e-8
    wider = [gaussians.entropic(p, Gaussian(p.mean, width**2), 3.0) for width in (0.0, 0.05, 0.1)]
    assert wider == sorted(wider)


def test_without_blur_pairs_meet_on_the_geodesic():
    p, q = IN_THE_PLANE
    centre, expected = gaussians.barycenter([p, q], (0.3, 0.7)), gaussians.displacement(p, q, 0.7)
    torch.testing.assert_close(centre.mean, expected.mean)
    torch.testing.assert_close(centre.covariance, expected.covariance, rtol=1e-9, atol=1e-9)
    line = gaussians.barycenter([Gaussian(0.0, 1.0, 2.0), Gaussian(3.0, 16.0, 2.0), Gaussian(6.0, 4.0, 2.0)])
    assert (line.mean.item(), math.sqrt(line.covariance.item()), line.mass) == pytest.approx((3.0, 7 / 3, 2.0))


def test_barycenter_of_points_is_a_point():
    points = [Gaussian((0.0, 0.0), 0.0), Gaussian((4.0, 2.0), 0.0)]
    centre = gaussians.barycenter(points, (0.75, 0.25), 0.5)
    assert centre.mean.tolist() == [1.0, 0.5]
    assert float(centre.covariance.abs().max()) == 0
    blurred = gaussians.barycenter(points, (0.75, 0.25), 0.5, debiased=False)
    torch.testing.assert_close(blurred.covariance, 0.25 * torch.eye(2, dtype=torch.float64))


def test_barycenter_says_when_it_did_not_converge():
    with pytest.raises(RuntimeError, match="did not converge in 3 iterations"):
        gaussians.barycenter(FAMILY, WEIGHTS, 0.5, max_iterations=3)


# Sampling


@pytest.mark.parametrize(("grid", "p", "q"), CASES)
def test_samples_have_the_moments_of_the_gaussian(grid, p, q):
    for gaussian in (with_mass(p, 2.5), q):
        a = gaussian.on(grid)
        assert a.dtype == torch.float64
        assert a.shape == grid.shape
        assert float(a.sum()) == pytest.approx(gaussian.mass, rel=1e-14)
        torch.testing.assert_close(moments.mean(a, grid), gaussian.mean, rtol=0, atol=1e-8)
        torch.testing.assert_close(moments.covariance(a, grid), gaussian.covariance, rtol=0, atol=1e-7)


def test_samples_are_as_exact_as_told():
    # Half a pixel wide: the variance is off by 4 (pi w)^2 exp(-2 (pi w)^2), the mean, at the worst offset, by less.
    width = 0.5
    a = Gaussian(20.25, width**2).on(Grid((41,)))
    bound = math.exp(-2 * (math.pi * width) ** 2)
    error = abs(moments.mean(a, Grid((41,))).item() - 20.25)
    assert 0.1 * bound < error < 4 * bound
    assert abs(moments.mean(Gaussian(20.25, 1.0).on(Grid((41,))), Grid((41,))).item() - 20.25) < 4e-8


# Refusals


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (((0.0, 1.0), [[1.0]]), "mean must be"),
        ((0.0, [[1.0, 0.0], [0.0, 1.0]]), "mean must be"),
        (((0.0, 1.0), [[1.0, 0.5], [0.4, 1.0]]), "symmetric"),
        (((0.0, 1.0), [[1.0, 2.0], [2.0, 1.0]]), "negative eigenvalues"),
        ((0.0, -1.0), "negative eigenvalues"),
        ((float("nan"), 1.0), "finite"),
        ((0.0, float("inf")), "finite"),
        ((0.0, 1.0, 0.0), "mass"),
        ((0.0, 1.0, float("nan")), "mass"),
    ],
)
def test_no_gaussian(arguments, match):
    with pytest.raises(ValueError, match=match):
        Gaussian(*arguments)


def test_refusals():
    p, plane, heavy = Gaussian(0.0, 1.0), Gaussian((0.0, 0.0), 1.0), Gaussian(0.0, 1.0, 2.0)
    for function in (gaussians.entropic, gaussians.divergence, gaussians.plan):
        with pytest.raises(ValueError, match="as many axes"):
            function(p, plane, 1.0)
        with pytest.raises(ValueError, match="give a reach"):
            function(p, heavy, 1.0)
        with pytest.raises(ValueError, match="blur must be"):
            function(p, p, -1.0)
        for reach in (0.0, float("inf")):
            with pytest.raises(ValueError, match="reach must be"):
                function(p, p, 1.0, reach)
    with pytest.raises(ValueError, match="as many axes"):
        p.on(Grid((4, 5)))
    with pytest.raises(ValueError, match="singular"):
        Gaussian((2.0, 2.0), [[1.0, 0.0], [0.0, 0.0]]).on(Grid((4, 5)))
    with pytest.raises(ValueError, match="none of the Gaussian"):
        Gaussian(1e4, 1.0).on(Grid((9,)))
    with pytest.raises(ValueError, match="time must lie"):
        gaussians.displacement(p, p, 1.2)
    with pytest.raises(ValueError, match="at least one"):
        gaussians.barycenter([])
    with pytest.raises(ValueError, match="as many axes"):
        gaussians.barycenter([p, plane])
    with pytest.raises(ValueError, match="masses differ"):
        gaussians.barycenter([p, heavy])
    with pytest.raises(ValueError, match="blur must be"):
        gaussians.barycenter([p, p], None, float("nan"))
    with pytest.raises(ValueError, match="entropy must be"):
        gaussians.barycenter([p, p], None, 1.0, debiased=False, entropy="pixels")
    for weights, message in (((0.5, 0.6), "add up to 1"), ((1.5, -0.5), "at least 0"), ((1.0,), "one weight for each")):
        with pytest.raises(ValueError, match=message):
            gaussians.barycenter([p, p], weights)
