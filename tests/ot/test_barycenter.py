"""Barycenters against Gaussians in closed form, quantiles on the line, POT, and what makes a minimum a minimum."""

import math

import numpy as np
import pytest
import torch

from otrecon.ot import Convolution, Dense, Grid, barycenter, gaussians, line_barycenter, moments, sinkhorn_divergence
from otrecon.ot.gaussians import Gaussian
from otrecon.solvers import ConvergenceWarning
from tests.ot import reference
from tests.ot.reference import random_measures

IMAGE = Grid((64, 64))
ROUND = (Gaussian((24.0, 22.0), 16.0), Gaussian((40.0, 38.0), 16.0))
THREE = (
    Gaussian((24.0, 22.0), [[16.0, 4.0], [4.0, 9.0]]),
    Gaussian((40.0, 38.0), [[9.0, -3.0], [-3.0, 20.0]]),
    Gaussian((30.0, 40.0), 12.0),
)


def on(gaussians, grid):
    return torch.stack([one.on(grid) for one in gaussians])


def shares(*values):
    return torch.tensor(values, dtype=torch.float64)


def compare(measure, grid, truth, *, std=1e-2, mean=0.02, mass=1e-3):
    """Assert moments of a barycenter: relative error of the widths, error of the mean in pixels, of the mass."""
    measure = measure.double().cpu()
    assert float(measure.sum()) == pytest.approx(truth.mass, rel=mass)
    gap = (moments.mean(measure, grid) - truth.mean).abs() / torch.tensor(grid.spacing, dtype=torch.float64)
    assert float(gap.max()) <= mean
    widths = moments.covariance(measure, grid).diagonal().sqrt()
    torch.testing.assert_close(widths, truth.covariance.diagonal().sqrt(), rtol=std, atol=0)


# Gaussians. The issue asks for 1 % of the width, 0.02 px of the mean, 1e-3 of the mass; the method does better.


@pytest.mark.parametrize("weights", [None, (0.2, 0.8)])
def test_two_gaussians(weights, device):
    weights = None if weights is None else shares(*weights).to(device)
    found = barycenter(on(ROUND, IMAGE).to(device), IMAGE, blur=0.7, weights=weights)
    assert bool(found.converged)
    truth = gaussians.barycenter(ROUND, None if weights is None else weights.tolist(), 0.7)
    compare(found.measure, IMAGE, truth, std=1e-4, mean=2e-3, mass=2e-4)
    # Not the average of the images: of those, little is left in the middle.
    assert float(found.measure[32, 30]) > 10 * float(on(ROUND, IMAGE).mean(0)[32, 30])


def test_the_shape_of_a_gaussian_barycenter_is_a_gaussian():
    found = barycenter(on(ROUND, IMAGE), IMAGE, blur=0.7, tol=1e-6).measure
    torch.testing.assert_close(found, gaussians.barycenter(ROUND, None, 0.7).on(IMAGE), rtol=1e-3, atol=1e-7)


def test_three_gaussians_with_weights():
    weights = (0.5, 0.2, 0.3)
    found = barycenter(on(THREE, IMAGE), IMAGE, blur=0.7, weights=shares(*weights), tol=1e-6)
    truth = gaussians.barycenter(THREE, weights, 0.7)
    compare(found.measure, IMAGE, truth, std=1e-5, mean=1e-4, mass=1e-5)
    torch.testing.assert_close(moments.covariance(found.measure, IMAGE), truth.covariance, rtol=1e-4, atol=1e-4)


def test_an_image_that_is_not_square():
    grid, pair = Grid((40, 72)), (Gaussian((18.0, 24.0), 9.0), Gaussian((22.0, 46.0), 16.0))
    found = barycenter(on(pair, grid), grid, blur=0.7)
    compare(found.measure, grid, gaussians.barycenter(pair, None, 0.7), std=1e-3, mean=2e-3, mass=5e-4)


def test_anisotropic_spacing():
    grid, pair = (
        Grid((40, 50), (0.7, 1.4)),
        (Gaussian((12.0, 30.0), 6.0), Gaussian((15.0, 42.0), [[4.0, 1], [1, 16.0]])),
    )
    found = barycenter(on(pair, grid), grid, blur=0.9, weights=shares(0.3, 0.7), tol=1e-6)
    compare(found.measure, grid, gaussians.barycenter(pair, (0.3, 0.7), 0.9), std=1e-4, mean=1e-3, mass=1e-5)


def test_a_volume():
    grid, pair = Grid((48, 48, 48)), (Gaussian((20.0, 22.0, 24.0), 16.0), Gaussian((28.0, 26.0, 23.0), 16.0))
    found = barycenter(on(pair, grid), grid, blur=1.4)
    compare(found.measure, grid, gaussians.barycenter(pair, None, 1.4), std=1e-3, mean=2e-3, mass=5e-4)


@pytest.mark.parametrize("blur", [0.7, 2.0, 6.0])
@pytest.mark.parametrize("weights", [(0.5, 0.5), (0.9, 0.1)])
def test_on_the_line_at_any_blur(blur, weights):
    grid, pair = Grid((120,)), (Gaussian(40.0, 9.0), Gaussian(75.0, 36.0))
    found = barycenter(on(pair, grid), grid, blur=blur, weights=shares(*weights), tol=1e-7)
    compare(found.measure, grid, gaussians.barycenter(pair, weights, blur), std=1e-4, mean=1e-3, mass=1e-6)


def test_on_the_line_it_averages_the_quantiles():
    x = torch.arange(100, dtype=torch.float64)
    bumps = torch.stack(
        [
            torch.exp(-((x - 20) ** 2) / 32) + 0.5 * torch.exp(-((x - 34) ** 2) / 18),
            torch.exp(-((x - 60) ** 2) / 72),
            torch.exp(-((x - 70) ** 2) / 32) + torch.exp(-((x - 82) ** 2) / 32),
        ]
    )
    bumps = bumps / bumps.sum(1, keepdim=True)
    weights = shares(0.3, 0.3, 0.4)
    found = barycenter(bumps, Grid((100,)), blur=1.0, weights=weights, tol=1e-6, max_iterations=2000).measure
    exact = line_barycenter(bumps, weights=weights)
    cumulated = torch.stack([exact.mass[exact.positions <= place + 0.5].sum() for place in x])
    # As functions: apart by a share of the mass that moves less than a pixel.
    assert float((found.cumsum(0) - cumulated).abs().max()) < 0.02


@pytest.mark.parametrize("blur", [1.0, 2.0, 3.5])
def test_not_debiased_it_is_wider_by_the_blur(blur):
    # Gaussians of one width: the barycenter is one of them, smoothed with the kernel.
    found = barycenter(on(ROUND, IMAGE), IMAGE, blur=blur, debiased=False, tol=1e-8)
    compare(found.measure, IMAGE, Gaussian((32.0, 30.0), 16.0 + blur**2), std=1e-5, mean=1e-4, mass=1e-6)


def test_not_debiased_the_widths_solve_their_equation():
    # With R_k = (S A_k + eps^2 / 4)^(1/2), entropy relative to the pixels: sum_k w_k R_k = S - eps / 2.
    grid, blur, weights = Grid((160,)), 3.0, shares(0.3, 0.7)
    pair = (Gaussian(60.0, 25.0), Gaussian(90.0, 100.0))
    eps = blur**2
    low, high = 25.0, 200.0
    for _ in range(100):
        S = (low + high) / 2
        pull = sum(float(w) * math.sqrt(S * float(one.covariance) + eps**2 / 4) for w, one in zip(weights, pair))  # noqa: B905
        low, high = (S, high) if pull > S - eps / 2 else (low, S)
    found = barycenter(on(pair, grid), grid, blur=blur, weights=weights, debiased=False, tol=1e-9).measure
    compare(found, grid, Gaussian(81.0, S), std=1e-5, mean=1e-4, mass=1e-6)


# What makes a minimum a minimum


def slopes(found, measures, weights, geometry, blur, reach=None):
    """Derivative of the weighted sum of divergences at the barycenter, by the divergence alone."""
    here = found.measure.expand_as(measures)
    each = sinkhorn_divergence(measures, here, geometry, blur=blur, reach=reach, tol=1e-10, max_iterations=5000)
    return torch.einsum("k,k...->...", weights, each.g)


@pytest.mark.parametrize("blur", [1.0, 1.8])
@pytest.mark.parametrize("spacing", [1.0, (0.5, 0.8)])
def test_nothing_is_gained_by_moving_on(blur, spacing):
    grid = Grid((24, 28), spacing)
    step = grid.spacing[0]
    bumps = [
        Gaussian((8.0 * step, 9.0 * grid.spacing[1]), 6.0 * step**2),
        Gaussian((14 * step, 16 * grid.spacing[1]), 9.0 * step**2),
    ]
    measures, weights = on(bumps, grid), shares(0.35, 0.65)
    found = barycenter(measures, grid, blur=blur * step, weights=weights, tol=1e-8, max_iterations=3000)
    slope = slopes(found, measures, weights, grid, blur * step)
    # Constant where there is mass: no grain of it is better off elsewhere.
    mean = (found.measure * slope).sum()
    assert float((found.measure * (slope - mean).abs()).sum()) < 1e-6 * (blur * step) ** 2


@pytest.mark.parametrize("masses", [(1.0, 1.0), (1.0, 2.5)])
@pytest.mark.parametrize("reach", [3.0, 100.0])
def test_nothing_is_gained_by_adding_mass_or_taking_it(reach, masses):
    grid, blur = Grid((24, 28)), 1.5
    measures = on((Gaussian((9.0, 9.0), 6.0, masses[0]), Gaussian((13.0, 17.0), 9.0, masses[1])), grid)
    weights = shares(0.35, 0.65)
    found = barycenter(measures, grid, blur=blur, weights=weights, reach=reach, tol=1e-8, max_iterations=3000)
    assert bool(found.converged)
    slope = slopes(found, measures, weights, grid, blur, reach)
    assert float((found.measure * slope.abs()).sum()) < 1e-5 * (blur**2 + reach**2)


def test_the_mass_for_a_long_reach():
    # Far below the reach moving is free, and rho (sqrt(m_k) - sqrt(m))^2 is all there is to pay.
    for masses, weights in (((1.0, 4.0), (0.5, 0.5)), ((0.5, 2.0, 3.0), (0.2, 0.5, 0.3))):
        bumps = [Gaussian((20.0 + 5 * k, 22.0 + 4 * k), 9.0, mass) for k, mass in enumerate(masses)]
        grid = Grid((48, 50))
        found = barycenter(on(bumps, grid), grid, blur=1.0, reach=200.0, weights=shares(*weights))
        assert bool(found.converged)
        root = sum(w * math.sqrt(m) for w, m in zip(weights, masses, strict=True))
        assert float(found.measure.sum()) == pytest.approx(root**2, rel=1e-3)


@pytest.mark.parametrize("reach", [1e3, 1e6, 1e12])
def test_equal_masses_and_any_long_reach_are_balanced(reach):
    grid = Grid((30, 31))
    pair = on((Gaussian((11.0, 12.0), 9.0), Gaussian((18.0, 19.0), 9.0)), grid)
    found = barycenter(pair, grid, blur=1.0, reach=reach)
    assert bool(found.converged)
    torch.testing.assert_close(found.measure, barycenter(pair, grid, blur=1.0).measure, rtol=0, atol=1e-5)


def test_masses_that_differ_by_rounding_alone_converge_all_the_same():
    pair = on(ROUND, IMAGE).float()
    pair[1] *= 1 + 8e-6
    assert bool(barycenter(pair, IMAGE, blur=1.0, tol=1e-6).converged)


def test_weights_as_a_list_and_weights_of_a_batch():
    pair = on(ROUND, IMAGE)
    times = shares(0.2, 0.8).unsqueeze(1)
    way = barycenter(pair, IMAGE, blur=1.0, weights=torch.cat([1 - times, times], dim=1))
    assert way.measure.shape == (2, 64, 64)
    for one, t in zip(way.measure, (0.2, 0.8), strict=True):
        for weights in ([1 - t, t], np.array([1 - t, t]), (1 - t, t)):
            alone = barycenter(pair, IMAGE, blur=1.0, weights=weights).measure
            torch.testing.assert_close(one, alone, rtol=0, atol=1e-5)


def test_equal_masses_and_a_long_reach_are_balanced():
    balanced = barycenter(on(ROUND, IMAGE), IMAGE, blur=1.0, tol=1e-6)
    far = barycenter(on(ROUND, IMAGE), IMAGE, blur=1.0, reach=1e4, tol=1e-6)
    torch.testing.assert_close(far.measure, balanced.measure, rtol=0, atol=1e-4 * float(balanced.measure.max()))


def test_the_objective_grows_in_every_direction():
    grid, blur, weights = Grid((12, 13)), 1.5, shares(0.3, 0.3, 0.4)
    measures = random_measures(3, 12, 13, seed=1) + 0.02
    measures = measures / measures.sum((1, 2), keepdim=True)
    found = barycenter(measures, grid, blur=blur, weights=weights, tol=1e-6, max_iterations=5000).measure
    found = found / found.sum()

    def objective(measure):
        each = sinkhorn_divergence(measures, measure.expand_as(measures), grid, blur=blur, tol=1e-10)
        return float((weights * each.value).sum())

    least = objective(found)
    for seed in range(6):
        other = random_measures(12, 13, seed=100 + seed)
        for share in (1e-3, 0.1):
            assert objective((1 - share) * found + share * other) > least
    assert objective(measures.mean(0)) > least


# One measure, equal measures, weights of zero and one


@pytest.mark.parametrize("reach", [None, 5.0])
def test_the_barycenter_of_one_measure_is_itself(reach):
    found = barycenter(on(THREE[:1], IMAGE), IMAGE, blur=0.7, reach=reach, tol=1e-6).measure
    assert float((found - on(THREE, IMAGE)[0]).abs().sum()) < 1e-4


@pytest.mark.parametrize("reach", [None, 5.0])
def test_a_measure_without_weight_has_no_say(reach):
    measures = on(THREE, IMAGE)
    found = barycenter(measures, IMAGE, blur=1.0, weights=shares(0.4, 0.6, 0.0), reach=reach, tol=1e-6).measure
    without = barycenter(measures[:2], IMAGE, blur=1.0, weights=shares(0.4, 0.6), reach=reach, tol=1e-6).measure
    assert float((found - without).abs().sum()) < 1e-4


def test_order_does_not_matter():
    weights = shares(0.5, 0.2, 0.3)
    one = barycenter(on(THREE, IMAGE), IMAGE, blur=1.0, weights=weights, tol=1e-7).measure
    other = barycenter(on(THREE, IMAGE).flip(0), IMAGE, blur=1.0, weights=weights.flip(0), tol=1e-7).measure
    assert float((one - other).abs().sum()) < 1e-5


@pytest.mark.parametrize("mass", [1e-20, 0.01, 1e3, 1e20])
def test_the_unit_of_mass_is_free(mass):
    grid = Grid((30, 31))
    pair = on((Gaussian((11.0, 12.0), 6.0), Gaussian((17.0, 18.0), 6.0)), grid)
    one, other = (barycenter(unit * pair, grid, blur=1.0, tol=1e-6) for unit in (1.0, mass))
    assert bool(other.converged)
    assert float((other.measure / mass - one.measure).abs().sum()) < 1e-4


# POT


@pytest.mark.parametrize("weights", [(0.3, 0.7)])
def test_pot_finds_the_same(weights):
    ot = pytest.importorskip("ot")
    grid, blur = Grid((16, 16)), 0.7
    measures = on((Gaussian((5.0, 6.0), 3.0), Gaussian((9.5, 9.0), [[4.0, 1.0], [1.0, 3.0]])), grid)
    # POT's cost is |x - y|^2 on a square of side 1: its reg is 2 blur^2 in that unit.
    expected = ot.bregman.convolutional_barycenter2d_debiased(
        measures.numpy(), reg=2 * blur**2 / 15**2, weights=list(weights), method="sinkhorn_log", numItermax=5000,
        stopThr=1e-9, warn=False,
    )  # fmt: skip
    found = barycenter(measures, grid, blur=blur, weights=shares(*weights), tol=1e-8)
    assert bool(found.converged)
    assert float((found.measure - torch.as_tensor(expected)).abs().sum()) < 1e-5


def test_pot_finds_the_same_without_debiasing():
    ot = pytest.importorskip("ot")
    grid, blur = Grid((16, 16)), 1.5
    measures = random_measures(3, 16, 16, seed=2, zeros=0.5) + 1e-6
    measures = measures / measures.sum((1, 2), keepdim=True)
    expected = ot.bregman.convolutional_barycenter2d(
        measures.numpy(), reg=2 * blur**2 / 15**2, weights=[0.2, 0.5, 0.3], method="sinkhorn_log", numItermax=5000,
        stopThr=1e-11, warn=False,
    )  # fmt: skip
    found = barycenter(measures, grid, blur=blur, weights=shares(0.2, 0.5, 0.3), debiased=False, tol=1e-9)
    torch.testing.assert_close(found.measure, torch.as_tensor(expected), rtol=1e-5, atol=1e-9)


# Other geometries


@pytest.mark.parametrize("name", ["by axes", "pairs", "Fourier", "matrix"])
@pytest.mark.parametrize("debiased", [True, False])
def test_any_symmetric_geometry(name, debiased):
    half = lambda *steps: sum(step**2 for step in steps) / 2  # noqa: E731
    shape, settings = (12, 13), {"blur": 0.8, "weights": shares(0.4, 0.6), "debiased": debiased, "tol": 1e-6}
    if name == "Fourier":
        # The transform serves where the costs span few times blur^2.
        settings.update(blur=3.0, tol=1e-4 if debiased else 1e-6)
    measures = on((Gaussian((4.0, 5.0), 4.0), Gaussian((7.0, 8.0), 4.0)), Grid(shape))
    expected = barycenter(measures, Grid(shape), **settings).measure
    if name == "matrix":
        found = barycenter(measures.flatten(1), Dense(reference.costs(shape)), **settings).measure.view(shape)
    else:
        found = barycenter(
            measures, Convolution(shape, [half, half] if name == "by axes" else half), **settings
        ).measure
    # Debiasing undoes the blur, and magnifies what the transform rounds away.
    assert float((found - expected).abs().sum()) < (2e-2 if debiased and name == "Fourier" else 1e-5)


# Batches, dtypes, starts


def test_a_batch_is_its_items(device):
    grid = Grid((20, 22))
    pairs = [
        (Gaussian((7.0, 8.0), 4.0), Gaussian((11.0, 13.0), 6.0)),
        (Gaussian((12.0, 8.0), 5.0), Gaussian((7.0, 12.0), 3.0)),
    ]
    measures = torch.stack([on(pair, grid) for pair in pairs])[:, None].to(device)
    weights = torch.stack([shares(0.5, 0.5), shares(0.2, 0.8)])[:, None].to(device)
    together = barycenter(measures, grid, blur=1.0, weights=weights, tol=1e-7)
    assert together.measure.shape == (2, 1, 20, 22)
    assert together.converged.shape == together.error.shape == (2, 1)
    for k in range(2):
        alone = barycenter(measures[k, 0], grid, blur=1.0, weights=weights[k, 0], tol=1e-7)
        assert alone.converged.shape == ()
        assert float((alone.measure - together.measure[k, 0]).abs().sum()) < 1e-6
        assert alone.iterations <= together.iterations


def test_dtype_and_device_are_those_of_the_measures(device):
    measures = on(ROUND, IMAGE).float().to(device)
    found = barycenter(measures, IMAGE, blur=1.0, weights=shares(0.5, 0.5).to(device))
    assert (found.measure.dtype, found.error.dtype, found.state.dtype) == (torch.float32, torch.float32, torch.float64)
    assert found.measure.device.type == found.state.device.type == device.type
    compare(found.measure, IMAGE, gaussians.barycenter(ROUND, None, 1.0), std=1e-4, mean=2e-3, mass=2e-4)


def test_a_nearby_result_is_a_head_start():
    measures = on(ROUND, IMAGE)
    before = barycenter(measures, IMAGE, blur=0.7, weights=shares(0.5, 0.5))
    fresh = barycenter(measures, IMAGE, blur=0.7, weights=shares(0.495, 0.505))
    warm = barycenter(measures, IMAGE, blur=0.7, weights=shares(0.495, 0.505), initial=before)
    same = barycenter(measures, IMAGE, blur=0.7, weights=shares(0.5, 0.5), initial=before)
    assert warm.iterations <= fresh.iterations
    assert same.iterations == 1
    assert float((warm.measure - fresh.measure).abs().sum()) < 1e-2
    compare(warm.measure, IMAGE, gaussians.barycenter(ROUND, [0.495, 0.505], 0.7), std=1e-3, mean=1e-2, mass=5e-4)


def test_a_start_does_not_change_the_answer():
    measures, grid = on(THREE, IMAGE), IMAGE
    far = barycenter(measures.flip(0), grid, blur=2.0)
    plain = barycenter(measures, grid, blur=2.0, debiased=False)
    expected = barycenter(measures, grid, blur=1.0, tol=1e-7).measure
    for start in (far, plain):
        found = barycenter(measures, grid, blur=1.0, tol=1e-7, initial=start)
        assert bool(found.converged)
        assert float((found.measure - expected).abs().sum()) < 1e-4


def test_measures_and_starts_stay_as_they_were():
    measures = on(ROUND, IMAGE)
    start = barycenter(measures, IMAGE, blur=1.0)
    before = measures.clone(), start.state.clone()
    barycenter(measures, IMAGE, blur=1.0, debiased=False, initial=start)
    assert torch.equal(measures, before[0])
    assert torch.equal(start.state, before[1])


def test_what_did_not_converge_says_so_once():
    measures = torch.zeros(2, 20, 20, dtype=torch.float64)
    measures[0, 3, 4] = measures[1, 15, 16] = 1
    with pytest.warns(ConvergenceWarning, match="barycenter stopped at max_iterations=3") as seen:
        found = barycenter(measures, Grid((20, 20)), blur=0.7, max_iterations=3)
    assert len(seen) == 1
    assert seen[0].filename == __file__
    assert not bool(found.converged)
    assert (found.iterations, len(found.residuals)) == (3, 3)
    assert bool(torch.isfinite(found.measure).all())


# Derivatives


def smooth(masses=(1.0, 1.0, 1.0)):
    grid = Grid((9, 8), (1.0, 0.8))
    bumps = (Gaussian((3.0, 2.5), 3.0), Gaussian((5.0, 3.5), [[4.0, 1.0], [1.0, 3.0]]), Gaussian((4.0, 3.0), 5.0))
    return torch.stack([mass * one.on(grid) for mass, one in zip(masses, bumps, strict=True)]), grid


DERIVED = pytest.mark.parametrize(
    ("blur", "reach", "debiased"), [(1.5, None, False), (3.0, None, False), (0.4, None, True), (0.4, 3.0, True)]
)


@DERIVED
def test_derivatives_are_central_differences(blur, reach, debiased):
    masses = (1.0, 1.0, 1.0) if reach is None else (1.0, 1.5, 0.7)
    measures, grid = smooth(masses)
    weights = shares(0.2, 0.5, 0.3)
    generator = torch.Generator().manual_seed(3)
    watched = torch.randn(9, 8, dtype=torch.float64, generator=generator)
    change = measures * torch.randn(measures.shape, dtype=torch.float64, generator=generator)
    if reach is None:
        change = change - measures * change.sum((1, 2), keepdim=True)
    shift = shares(0.5, -0.2, -0.3)

    def loss(measures, weights):
        found = barycenter(
            measures, grid, blur=blur, weights=weights, reach=reach, debiased=debiased, tol=1e-9, max_iterations=4000,
            differentiable=True,
        )  # fmt: skip
        assert bool(found.converged)
        return (watched * found.measure).sum()

    inputs = measures.clone().requires_grad_(), weights.clone().requires_grad_()
    loss(*inputs).backward()
    for at, step in enumerate((change, shift)):
        sides = []
        for size in (1e-3, -1e-3):
            moved = [measures, weights]
            moved[at] = moved[at] + size * step
            sides.append(float(loss(*moved)))
        numeric = (sides[0] - sides[1]) / 2e-3
        assert float((inputs[at].grad * step).sum()) == pytest.approx(numeric, rel=1e-4)


def test_mass_that_is_kept_has_no_derivative():
    measures, grid = smooth()
    measures.requires_grad_()
    found = barycenter(measures, grid, blur=1.5, debiased=False, tol=1e-9, differentiable=True)
    found.measure.sum().backward()
    # Adding mass to one measure alone is not asked for; moving it within one leaves the total alone.
    assert float((measures.grad - measures.grad.mean((1, 2), keepdim=True)).abs().max()) < 1e-6


def test_by_default_it_is_a_constant():
    measures, grid = smooth()
    assert not barycenter(measures.requires_grad_(), grid, blur=1.5).measure.requires_grad
    found = barycenter(measures, grid, blur=1.5, debiased=False, differentiable=True)
    assert found.measure.requires_grad
    assert not found.error.requires_grad
    assert not found.state.requires_grad
    assert not barycenter(measures.detach(), grid, blur=1.5, differentiable=True).measure.requires_grad


def test_the_derivative_does_not_change_the_measure():
    measures, grid = smooth()
    plain = barycenter(measures, grid, blur=1.5, debiased=False, tol=1e-9)
    found = barycenter(measures.requires_grad_(), grid, blur=1.5, debiased=False, tol=1e-9, differentiable=True)
    torch.testing.assert_close(found.measure.detach(), plain.measure, rtol=1e-9, atol=0)


def test_a_weight_of_zero_has_a_finite_derivative():
    for blur, reach, debiased in ((1.5, None, False), (0.4, 3.0, True)):
        measures, grid = smooth()
        weights = shares(0.4, 0.6, 0.0).requires_grad_()
        found = barycenter(
            measures, grid, blur=blur, weights=weights, reach=reach, debiased=debiased, differentiable=True
        )
        found.measure[4, 4].backward()
        assert bool(torch.isfinite(weights.grad).all())


def test_the_derivative_at_an_empty_pixel_is_what_a_trace_of_mass_would_do():
    measures, grid = smooth()
    measures = torch.where(measures < 1e-3, 0.0, measures)
    measures = measures / measures.sum((1, 2), keepdim=True)
    settings = {"blur": 1.5, "debiased": False, "tol": 1e-11, "max_iterations": 2000}
    probe = measures.clone().requires_grad_()
    barycenter(probe, grid, **settings, differentiable=True).measure[4, 4].backward()
    empty, full = tuple((measures[0] == 0).nonzero()[3].tolist()), tuple((measures[0] > 0).nonzero()[9].tolist())

    def value(step):
        moved = measures.clone()
        moved[0][empty] += step
        moved[0][full] -= step
        return float(barycenter(moved, grid, **settings).measure[4, 4])

    # One-sided: mass cannot be taken from an empty pixel. Two steps cancel the curvature.
    step = 1e-5
    numeric = (4 * value(step) - value(2 * step) - 3 * value(0.0)) / (2 * step)
    assert float(probe.grad[0][empty] - probe.grad[0][full]) == pytest.approx(numeric, rel=1e-4)


def test_a_derivative_that_does_not_converge_says_so():
    # Debiased noise is empty between its peaks: there the logarithm of the barycenter has no limit.
    measures = random_measures(2, 9, 8, seed=4).requires_grad_()
    found = barycenter(measures, Grid((9, 8)), blur=1.5, tol=1e-2, max_iterations=100, differentiable=True)
    with pytest.warns(ConvergenceWarning, match="has no gradient there"):
        found.measure[4, 4].backward()


def test_a_second_derivative_is_refused():
    measures, grid = smooth()
    measures.requires_grad_()
    found = barycenter(measures, grid, blur=1.5, debiased=False, differentiable=True)
    (slope,) = torch.autograd.grad(found.measure[4, 4], measures, create_graph=True)
    with pytest.raises(RuntimeError, match="differentiable once"):
        slope.square().sum().backward()


@pytest.mark.parametrize("mode", [True, False])
def test_grad_mode_is_left_as_it_was(mode):
    measures, grid = smooth()
    with torch.set_grad_enabled(mode):
        barycenter(measures.requires_grad_(), grid, blur=1.5, debiased=False, differentiable=True)
        assert torch.is_grad_enabled() is mode
