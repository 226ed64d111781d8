"""The Sinkhorn divergence: closed forms, what makes it a divergence, and its derivatives."""

from itertools import pairwise

import pytest
import torch

from otrecon.ot import Convolution, Dense, Grid, gaussians, sinkhorn_divergence
from otrecon.ot.gaussians import Gaussian
from otrecon.solvers import ConvergenceWarning
from tests.ot import reference
from tests.ot.reference import random_measures

WIDE, TALL = Gaussian((50.0, 60.0), [[40.0, 10.0], [10.0, 30.0]]), Gaussian((75.0, 66.0), [[30.0, -5.0], [-5.0, 60.0]])


def saturating(y, x):
    return 1 - torch.exp(-((y**2 + x**2) ** 2) / 6.0**4)


def with_mass(gaussian, mass):
    return Gaussian(gaussian.mean, gaussian.covariance, mass)


# Closed forms


@pytest.mark.parametrize("blur", [1.5, 6.0])
def test_gaussians_on_128_by_128(blur, device):
    grid = Grid((128, 128))
    found = sinkhorn_divergence(WIDE.on(grid).to(device), TALL.on(grid).to(device), grid, blur=blur)
    assert bool(found.converged)
    # Required is 1e-4; the error of the method is that of rounding, of the grid 1e-9.
    assert float(found.value) == pytest.approx(gaussians.divergence(WIDE, TALL, blur), rel=1e-8)


@pytest.mark.parametrize("masses", [(1.0, 1.0), (2.0, 0.7)])
@pytest.mark.parametrize("reach", [5.0, 20.0, 200.0])
def test_unbalanced_gaussians_on_128_by_128(reach, masses):
    grid = Grid((128, 128))
    p, q = with_mass(WIDE, masses[0]), with_mass(TALL, masses[1])
    found = sinkhorn_divergence(p.on(grid), q.on(grid), grid, blur=1.5, reach=reach)
    assert bool(found.converged)
    assert float(found.value) == pytest.approx(gaussians.divergence(p, q, 1.5, reach), rel=1e-8)


def test_gaussians_from_32_bits():
    grid = Grid((128, 128))
    found = sinkhorn_divergence(WIDE.on(grid).float(), TALL.on(grid).float(), grid, blur=1.5)
    assert found.value.dtype == torch.float32
    assert float(found.value) == pytest.approx(gaussians.divergence(WIDE, TALL, 1.5), rel=1e-6)


@pytest.mark.parametrize(("shape", "spacing"), [((200,), 0.5), ((64, 50), (1.0, 1.6)), ((26, 20, 28), (2.0, 2.5, 1.5))])
def test_gaussians_in_every_dimension(shape, spacing):
    grid, d = Grid(shape, spacing), len(shape)
    middle = grid.coordinates().reshape(-1, d).mean(0)
    p, q = Gaussian(middle - 3.0, 6.0), Gaussian(middle + torch.arange(2.0, 2 + d), 9.0)
    found = sinkhorn_divergence(p.on(grid), q.on(grid), grid, blur=2.5)
    # The grid cuts the Gaussians five widths from their middle.
    assert float(found.value) == pytest.approx(gaussians.divergence(p, q, 2.5), rel=1e-4)


@pytest.mark.parametrize("blur", [0.5, 2.0, 50.0])
def test_a_shift_costs_half_its_square_at_any_blur(blur):
    a = torch.zeros(30, 40, dtype=torch.float64)
    a[4:12, 5:15] = random_measures(8, 10, seed=1, zeros=0.4)
    found = sinkhorn_divergence(a, a.roll((9, 14), (0, 1)), Grid((30, 40), (0.5, 2.0)), blur=blur)
    assert float(found.value) == pytest.approx((4.5**2 + 28**2) / 2, rel=1e-6)


def test_a_large_blur_sees_the_means_alone():
    grid = Grid((12, 17))
    a, b = random_measures(2, 12, 17, seed=2, zeros=0.5)
    means = torch.stack([(m[..., None] * grid.coordinates()).sum((0, 1)) for m in (a, b)])
    found = sinkhorn_divergence(a, b, grid, blur=1e3)
    assert float(found.value) == pytest.approx(float((means[0] - means[1]).square().sum() / 2), rel=1e-3)


@pytest.mark.parametrize("reach", [None, 2.0])
@pytest.mark.parametrize("name", ["grid", "convolution", "dense"])
def test_it_is_what_its_definition_says(name, reach):
    shape = (7, 9)
    geometry = {
        "grid": Grid(shape, (1.0, 0.6)),
        "convolution": Convolution(shape, saturating),
        "dense": Dense(reference.costs(shape).sqrt()),
    }[name]
    a, b = random_measures(2, *shape, seed=3, zeros=0.4)
    if reach is not None:
        a, b = 1.3 * a, 0.4 * b
    if name == "dense":
        a, b = a.flatten(), b.flatten()
    blur, cost = 0.6, geometry.cost_matrix()

    def value(one, other):
        return reference.solve(one.flatten(), other.flatten(), cost, blur, reach)[0]

    expected = value(a, b) - (value(a, a) + value(b, b)) / 2 + blur**2 / 2 * float(a.sum() - b.sum()) ** 2
    assert float(sinkhorn_divergence(a, b, geometry, blur=blur, reach=reach).value) == pytest.approx(expected, rel=1e-8)


# What makes it a divergence


@pytest.mark.parametrize("reach", [None, 3.0])
@pytest.mark.parametrize("blur", [0.3, 1.0, 4.0, 40.0])
@pytest.mark.parametrize("zeros", [0.0, 0.6, 0.99])
def test_from_a_measure_to_itself_it_is_zero(zeros, blur, reach):
    a = random_measures(24, 31, seed=4, zeros=zeros)
    found = sinkhorn_divergence(a, a.clone(), Grid((24, 31)), blur=blur, reach=reach)
    assert bool(found.converged)
    assert abs(float(found.value)) <= 1e-10
    # And flat: the derivative is zero, up to the constant of balanced potentials.
    for slope in (found.f[a > 0], found.g[a > 0]):
        assert float((slope - (slope.mean() if reach is None else 0)).abs().max()) < 1e-3


def test_from_a_gaussian_to_itself_on_128_by_128_it_is_zero():
    grid = Grid((128, 128))
    assert abs(float(sinkhorn_divergence(WIDE.on(grid), WIDE.on(grid), grid, blur=1.5).value)) <= 1e-10


@pytest.mark.parametrize(("blur", "reach"), [(0.5, None), (1.0, None), (5.0, None), (1.0, 2.0), (1.0, 100.0)])
def test_on_a_thousand_pairs_it_is_positive(blur, reach):
    a = random_measures(1000, 6, 7, seed=5, zeros=0.5)
    b = random_measures(1000, 6, 7, seed=6, zeros=0.5) * (1.0 if reach is None else 1.5)
    found = sinkhorn_divergence(a, b, Grid((6, 7)), blur=blur, reach=reach)
    assert bool(found.converged.all())
    assert float(found.value.min()) > 0


@pytest.mark.parametrize("near", [1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-8])
def test_on_a_thousand_pairs_that_are_nearly_equal_it_is_not_negative(near):
    a, other = random_measures(2, 1000, 6, 7, seed=7, zeros=0.5)
    found = sinkhorn_divergence(a, (1 - near) * a + near * other, Grid((6, 7)), blur=1.0)
    assert float(found.value.min()) >= -1e-11


@pytest.mark.parametrize("reach", [None, 2.0])
def test_it_is_the_same_both_ways(reach):
    a, b = random_measures(2, 5, 12, 17, seed=8, zeros=0.5)
    grid = Grid((12, 17), (1.0, 0.7))
    there, back = (sinkhorn_divergence(*pair, grid, blur=1.0, reach=reach) for pair in ((a, b), (b, a)))
    torch.testing.assert_close(there.value, back.value, rtol=1e-9, atol=0)
    # Balanced derivatives are free up to a constant.
    for one, other in ((there.f, back.g), (there.g, back.f)):
        gap = one - other
        if reach is None:
            gap = gap - gap.mean((1, 2), keepdim=True)
        assert float(gap.abs().max()) < 1e-4


@pytest.mark.parametrize("mass", [1e-30, 1e-9, 1e-3, 7.0, 1e9, 1e20])
def test_the_unit_of_mass_is_free(mass):
    # The divergence is linear in the common mass: products of masses must cancel, and not numerically.
    a, b = random_measures(2, 12, 17, seed=12, zeros=0.5)
    near = 0.99 * a + 0.01 * b
    grid = Grid((12, 17))
    for other in (b, near):
        base = sinkhorn_divergence(a, other, grid, blur=1.5)
        found = sinkhorn_divergence(mass * a, mass * other, grid, blur=1.5)
        assert bool(found.converged)
        assert float(found.value) == pytest.approx(mass * float(base.value), rel=1e-6)
        gap = (found.f - base.f)[a > 0]
        assert float((gap - gap.mean()).abs().max()) < 1e-4


@pytest.mark.parametrize("mass", [1e6, 1e10])
def test_with_a_reach_large_masses_lose_no_digits(mass):
    # Unbalanced, a mass m is another problem; its closed form knows it.
    grid = Grid((128, 128))
    p, q = with_mass(WIDE, mass), with_mass(TALL, 1.3 * mass)
    found = sinkhorn_divergence(p.on(grid), q.on(grid), grid, blur=1.5, reach=20.0)
    assert bool(found.converged)
    assert float(found.value) == pytest.approx(gaussians.divergence(p, q, 1.5, 20.0), rel=1e-6)


def test_mirrored_images_are_as_far_apart():
    a, b = random_measures(2, 12, 17, seed=9, zeros=0.5)
    grid = Grid((12, 17))
    value = float(sinkhorn_divergence(a, b, grid, blur=1.0).value)
    for axes in ((0,), (1,), (0, 1)):
        mirrored = sinkhorn_divergence(a.flip(axes), b.flip(axes), grid, blur=1.0)
        assert float(mirrored.value) == pytest.approx(value, rel=1e-9)
    turned = sinkhorn_divergence(a.T.contiguous(), b.T.contiguous(), Grid((17, 12)), blur=1.0)
    assert float(turned.value) == pytest.approx(value, rel=1e-9)


# Derivatives


@pytest.mark.parametrize("name", ["image", "line", "volume", "saturating"])
@pytest.mark.parametrize("reach", [None, 1.5])
def test_gradients_are_central_differences(name, reach):
    geometry = {
        "image": Grid((9, 11), (1.0, 0.5)),
        "line": Grid((30,)),
        "volume": Grid((4, 5, 6)),
        "saturating": Convolution((9, 11), saturating),
    }[name]
    blur = 0.4 if name == "saturating" else 1.0
    a, b = random_measures(2, *geometry.shape, ndim=len(geometry.shape), seed=10, zeros=0.3)
    if reach is not None:
        a, b = 1.3 * a, 0.4 * b
    a, b = a.requires_grad_(), b.requires_grad_()
    found = sinkhorn_divergence(a, b, geometry, blur=blur, reach=reach)
    (3 * found.value).backward()
    torch.testing.assert_close(a.grad, 3 * found.f, rtol=1e-14, atol=0)
    torch.testing.assert_close(b.grad, 3 * found.g, rtol=1e-14, atol=0)
    generator = torch.Generator().manual_seed(11)
    for at, measure in enumerate((a, b)):
        change = measure.detach() * torch.randn(measure.shape, dtype=torch.float64, generator=generator)
        if reach is None:
            change = change - measure.detach() * change.sum()
        sides = []
        for step in (1e-3, -1e-3):
            moved = [x.detach() for x in (a, b)]
            moved[at] = moved[at] + step * change
            sides.append(float(sinkhorn_divergence(*moved, geometry, blur=blur, reach=reach, tol=1e-11).value))
        assert float((measure.grad * change).sum()) == pytest.approx(3 * (sides[0] - sides[1]) / 2e-3, rel=1e-4)


def test_the_gradient_drives_one_image_onto_another():
    b, grid = random_measures(8, 9, seed=12), Grid((8, 9))
    # Steps short beside one over the variance of the image: the slope of a misplaced mean grows with the distance.
    a, values = torch.full((8, 9), 1 / 72, dtype=torch.float64), []
    for _ in range(40):
        value = sinkhorn_divergence(a.requires_grad_(), b, grid, blur=1.0).value
        (slope,) = torch.autograd.grad(value, a)
        values.append(value.item())
        a = (a.detach().log() - 0.2 * slope).flatten().softmax(0).view(8, 9)
    assert values[-1] < 0.05 * values[0]
    assert all(later < earlier for earlier, later in pairwise(values))


def test_batches_broadcast():
    a, b = random_measures(3, 1, 6, 7, seed=13).requires_grad_(), random_measures(4, 6, 7, seed=14)
    grid = Grid((6, 7))
    found = sinkhorn_divergence(a, b, grid, blur=1.0)
    assert found.value.shape == found.converged.shape == found.error.shape == (3, 4)
    assert found.f.shape == found.g.shape == (3, 4, 6, 7)
    alone = sinkhorn_divergence(a[2, 0].detach(), b[1], grid, blur=1.0)
    assert found.value[2, 1].item() == pytest.approx(float(alone.value), rel=1e-9)
    found.value.sum().backward()
    torch.testing.assert_close(a.grad, found.f.sum(1, keepdim=True), rtol=1e-12, atol=1e-14)


def test_a_second_derivative_is_refused():
    a, b = random_measures(2, 6, 7, seed=15)
    a.requires_grad_()
    value = sinkhorn_divergence(a, b, Grid((6, 7)), blur=1.0).value
    (slope,) = torch.autograd.grad(value, a, create_graph=True)
    with pytest.raises(RuntimeError, match="differentiable once"):
        (slope.square().sum() + a.sum()).backward()


def test_what_did_not_converge_says_so_once():
    a, b = random_measures(2, 2, 12, 17, seed=16)
    with pytest.warns(ConvergenceWarning, match="sinkhorn_divergence stopped at max_iterations=3") as seen:
        found = sinkhorn_divergence(a, b, Grid((12, 17)), blur=0.5, max_iterations=3)
    assert len(seen) == 1
    assert seen[0].filename == __file__
    assert found.converged.tolist() == [False, False]
    assert found.iterations == 3
    assert bool((found.error > 1e-6).all())


@pytest.mark.parametrize(
    "geometry",
    [
        Convolution((6,), lambda x: x.clamp(min=0)),
        Dense(torch.arange(36, dtype=torch.float64).view(6, 6)),
    ],
    ids=repr,
)
def test_a_cost_with_a_direction_is_refused(geometry):
    a = torch.full((6,), 1 / 6, dtype=torch.float64)
    with pytest.raises(ValueError, match="sinkhorn takes any cost"):
        sinkhorn_divergence(a, a, geometry, blur=1.0)
