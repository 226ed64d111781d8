"""Transport with entropy against POT, a plain dense solver, bounds that need no solver, and finite differences."""

import math
import warnings
from itertools import pairwise

import pytest
import torch

from otrecon.ot import Convolution, Dense, Grid, emd, gaussians, sinkhorn
from otrecon.ot.gaussians import Gaussian
from otrecon.solvers import ConvergenceWarning
from tests.ot import reference
from tests.ot.reference import random_measures

CASES = {
    "image": ((12, 17), 1.0, 1.0, 0.0),
    "holes": ((12, 17), 1.0, 1.3, 0.6),
    "anisotropic": ((12, 17), (0.5, 2.0), 1.7, 0.3),
    "line": ((40,), 1.0, 0.8, 0.3),
    "volume": ((5, 6, 7), 1.0, 0.9, 0.3),
    "volume, anisotropic": ((5, 6, 7), (2.5, 1.0, 0.3), 1.1, 0.5),
    "wide blur": ((12, 17), 1.0, 30.0, 0.3),
}
EVERY = pytest.mark.parametrize("name", list(CASES))


def pair(name, masses=(1.0, 1.0)):
    shape, spacing, blur, zeros = CASES[name]
    a, b = random_measures(2, *shape, ndim=len(shape), seed=3, zeros=zeros)
    return masses[0] * a, masses[1] * b, Grid(shape, spacing), blur, reference.costs(shape, spacing)


def pot(a, b, cost, **kwargs):
    """POT's dense solver, on the pixels that hold mass."""
    ot = pytest.importorskip("ot")
    rows, columns = a.flatten() > 0, b.flatten() > 0
    source, target = a.flatten()[rows], b.flatten()[columns]
    matrix = cost[rows][:, columns]
    return ot.solve(matrix.numpy(), source.numpy(), target.numpy(), max_iter=100_000, tol=1e-11, **kwargs)


# Values and plans


@EVERY
def test_value_and_plan_are_those_of_pot(name):
    # The cost is half the square, and so is POT's here; with |x - y|^2 its reg would be 2 blur^2, its value twice.
    a, b, grid, blur, cost = pair(name)
    found = sinkhorn(a, b, grid, blur=blur)
    expected = pot(a, b, cost, reg=blur**2, reg_type="KL")
    assert bool(found.converged)
    assert float(found.value) == pytest.approx(float(expected.value), rel=1e-8)
    tight = sinkhorn(a, b, grid, blur=blur, tol=1e-11)
    assert float(tight.transport_cost) == pytest.approx(float(expected.value_linear), rel=1e-8)
    dense = tight.plan.dense()[a.flatten() > 0][:, b.flatten() > 0]
    torch.testing.assert_close(dense, torch.as_tensor(expected.plan), rtol=0, atol=1e-9)


def test_the_conversion_to_pots_usual_cost():
    a, b, grid, blur, cost = pair("image")
    expected = pot(a, b, 2 * cost, reg=2 * blur**2, reg_type="KL")
    assert 2 * float(sinkhorn(a, b, grid, blur=blur).value) == pytest.approx(float(expected.value), rel=1e-8)


@EVERY
@pytest.mark.parametrize("reach", [None, 0.3, 2.0, 40.0])
def test_the_value_lies_between_bounds_that_need_no_solver(name, reach, device):
    a, b, grid, blur, cost = pair(name, (1.0, 1.0) if reach is None else (1.3, 0.4))
    found = sinkhorn(a.to(device), b.to(device), grid, blur=blur, reach=reach)
    assert bool(found.converged)
    low, high = reference.bounds(*(x.flatten().cpu() for x in (a, b, found.f, found.g)), cost, blur, reach)
    scale = 1e-12 * (float(cost.max()) + blur**2 + (reach or 0) ** 2)
    assert low - scale <= float(found.value) <= high + scale
    assert high - low <= 1e-5 * abs(high) + scale


@EVERY
@pytest.mark.parametrize("reach", [0.5, 3.0])
def test_unbalanced_is_the_plain_dense_solver(name, reach):
    a, b, grid, blur, cost = pair(name, (1.3, 0.4))
    value, f, g = reference.solve(a.flatten(), b.flatten(), cost, blur, reach)
    found = sinkhorn(a, b, grid, blur=blur, reach=reach, tol=1e-11)
    assert float(found.value) == pytest.approx(value, rel=1e-10)
    torch.testing.assert_close(found.f.flatten(), f, rtol=1e-7, atol=1e-8)
    torch.testing.assert_close(found.g.flatten(), g, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize(("blur", "reach"), [(1.0, 2.0), (0.7, 9.0)])
def test_the_unbalanced_plan_is_pots(blur, reach):
    ot = pytest.importorskip("ot")
    a, b, grid, _, cost = pair("image", (1.3, 0.4))
    plan = ot.unbalanced.sinkhorn_unbalanced(
        a.flatten().numpy(), b.flatten().numpy(), cost.numpy(), reg=blur**2, reg_m=reach**2, reg_type="kl",
        c=(a.flatten()[:, None] * b.flatten()).numpy(), numItermax=20_000, stopThr=1e-14,
    )  # fmt: skip
    found = sinkhorn(a, b, grid, blur=blur, reach=reach, tol=1e-10)
    torch.testing.assert_close(found.plan.dense(), torch.as_tensor(plan), rtol=1e-6, atol=1e-10)


@pytest.mark.parametrize("reach", [None, 3.0])
def test_any_cost(reach):
    def saturating(y, x):
        return 1 - torch.exp(-((y**2 + x**2) ** 2) / 4.0**4)

    a, b = random_measures(2, 7, 9, seed=5, zeros=0.3)
    flat = [x.flatten() for x in (a, b)]
    grid = Convolution((7, 9), saturating)
    for blur in (0.5, 0.1):
        value, _, _ = reference.solve(*flat, grid.cost_matrix(), blur, reach)
        assert float(sinkhorn(a, b, grid, blur=blur, reach=reach).value) == pytest.approx(value, rel=1e-8)
    matrix = torch.rand(20, 13, dtype=torch.float64, generator=torch.Generator().manual_seed(6)) - 0.3
    rows, columns = random_measures(20, ndim=1, seed=7, zeros=0.3), random_measures(13, ndim=1, seed=8)
    value, _, _ = reference.solve(rows, columns, matrix, 0.3, reach)
    found = sinkhorn(rows, columns, Dense(matrix), blur=0.3, reach=reach)
    assert (found.f.shape, found.g.shape) == ((20,), (13,))
    assert float(found.value) == pytest.approx(value, rel=1e-8)


def test_a_cost_with_a_direction_goes_from_a_to_b():
    # To the right a pixel costs 3, to the left 1.
    line = Convolution((9,), lambda x: 3 * x.clamp(min=0) + (-x).clamp(min=0))
    a, b = torch.zeros(2, 9, dtype=torch.float64)
    a[2] = b[6] = 1
    assert float(sinkhorn(a, b, line, blur=0.5).transport_cost) == pytest.approx(12)
    assert float(sinkhorn(b, a, line, blur=0.5).transport_cost) == pytest.approx(4)


def test_gaussians_in_the_plane():
    grid = Grid((70, 60), 0.5)
    p, q = Gaussian((15.0, 13.0), [[4.0, 1.0], [1.0, 3.0]]), Gaussian((18.0, 16.0), [[2.0, -0.5], [-0.5, 4.0]])
    for blur in (0.4, 1.0, 4.0):
        found = sinkhorn(p.on(grid), q.on(grid), grid, blur=blur)
        assert float(found.value) == pytest.approx(gaussians.entropic(p, q, blur), rel=1e-6)
        unbalanced = sinkhorn(1.5 * p.on(grid), q.on(grid), grid, blur=blur, reach=3.0)
        expected = gaussians.entropic(Gaussian(p.mean, p.covariance, 1.5), q, blur, 3.0)
        assert float(unbalanced.value) == pytest.approx(expected, rel=1e-6)


# Limits


def test_a_small_blur_is_exact_transport():
    a, b = random_measures(2, 6, 7, seed=9, zeros=0.3)
    exact = float(emd(a, b, Grid((6, 7))).value)
    costs = []
    for blur in (0.4, 0.2, 0.1):
        found = sinkhorn(a, b, Grid((6, 7)), blur=blur, max_iterations=5000)
        assert bool(found.converged)
        # Entropy only ever adds, and at most its strength times the entropy of the measures.
        assert exact <= float(found.value) <= exact + blur**2 * math.log(42)
        costs.append(float(found.transport_cost))
    assert all(later <= before + 1e-6 for before, later in pairwise(costs))
    assert costs[-1] == pytest.approx(exact, rel=1e-3)


def test_a_large_blur_is_the_product_of_the_measures():
    a, b, grid, _, cost = pair("holes")
    found = sinkhorn(a, b, grid, blur=1e4)
    product = float((a.flatten()[:, None] * b.flatten() * cost).sum())
    assert float(found.value) == pytest.approx(product, rel=1e-5)
    torch.testing.assert_close(found.plan.dense(), a.flatten()[:, None] * b.flatten(), rtol=1e-5, atol=0)


def test_a_long_reach_is_balanced_and_a_short_one_moves_nothing():
    a, b, grid, blur, _ = pair("holes")
    balanced = sinkhorn(a, b, grid, blur=blur)
    far = sinkhorn(a, b, grid, blur=blur, reach=1e5)
    assert bool(far.converged)
    assert far.iterations <= 2 * balanced.iterations
    assert float(far.value) == pytest.approx(float(balanced.value), rel=1e-8)
    near = sinkhorn(a, b, grid, blur=blur, reach=1e-3)
    # All that is paid for is the difference between the measures and the product of the measures.
    assert float(near.value) == pytest.approx(
        blur**2 * reference.kl((found := near.plan.dense()), a.flatten().log()[:, None] + b.flatten().log())
        + float((found * grid.cost_matrix()).sum()),
        abs=1e-4,
    )


@pytest.mark.parametrize("masses", [(1.0, 1.0), (1.0, 4.0)])
@pytest.mark.parametrize("reach", [10.0, 100.0, 1e3])
def test_the_reach_does_not_slow_the_iteration_down(reach, masses):
    a, b, grid, blur, cost = pair("holes", masses)
    # A plan that misses its marginals by a share e costs up to reach^2 e^2 more: the bound above needs a small one.
    found = sinkhorn(a, b, grid, blur=blur, reach=reach, tol=1e-9)
    assert bool(found.converged)
    assert found.iterations <= 100
    low, high = reference.bounds(*(x.flatten() for x in (a, b, found.f, found.g)), cost, blur, reach)
    assert low <= float(found.value) * (1 + 1e-12)
    assert high - low <= 1e-6 * high


def test_single_pixels_have_one_plan():
    a, b = torch.zeros(2, 30, 40, dtype=torch.float64)
    a[2, 3] = b[28, 36] = 1
    for blur in (0.3, 1.0, 10.0, 300.0):
        found = sinkhorn(a, b, Grid((30, 40), 0.5), blur=blur)
        assert float(found.value) == pytest.approx(((13) ** 2 + 16.5**2) / 2, rel=1e-12)
        assert float(found.transport_cost) == pytest.approx(((13) ** 2 + 16.5**2) / 2, rel=1e-12)


def test_beyond_the_reach_mass_vanishes():
    # One parcel: minimise over its mass m; at the optimum cost + 2 rho log m + eps log m = 0, for masses of 1.
    a, b = torch.zeros(2, 30, dtype=torch.float64)
    a[2] = b[22] = 1
    for blur, reach in ((1.0, 5.0), (0.5, 30.0), (1.0, 1.0)):
        eps, rho = blur**2, reach**2
        moved = math.exp(-200 / (eps + 2 * rho))
        found = sinkhorn(a, b, Grid((30,)), blur=blur, reach=reach, tol=1e-10)
        torch.testing.assert_close(
            found.plan.dense()[2, 22], torch.tensor(moved, dtype=torch.float64), rtol=1e-9, atol=1e-10
        )
        assert float(found.value) == pytest.approx(eps * (1 - moved) + 2 * rho * (1 - moved), rel=1e-9)


@pytest.mark.parametrize("unit", [1e-20, 1e-3, 1e3, 1e20])
def test_the_unit_of_length_is_free(unit):
    a, b, grid, blur, _ = pair("anisotropic", (1.3, 0.4))
    base = sinkhorn(a, b, grid, blur=blur, reach=2.0)
    scaled = Grid(grid.shape, [unit * step for step in grid.spacing])
    found = sinkhorn(a, b, scaled, blur=unit * blur, reach=unit * 2.0)
    assert float(found.value) == pytest.approx(unit**2 * float(base.value), rel=1e-9)
    assert abs(found.iterations - base.iterations) <= 1


@pytest.mark.parametrize("mass", [1e-30, 1e-3, 7.0, 1e30])
def test_the_unit_of_mass_is_free(mass):
    # KL against the product of the measures is not: a mass m instead of 1 adds eps m (m - 1 - log m).
    a, b, grid, blur, _ = pair("holes")
    base = sinkhorn(a, b, grid, blur=blur)
    found = sinkhorn(mass * a, mass * b, grid, blur=blur)
    expected = mass * float(base.value) + blur**2 * mass * (mass - 1 - math.log(mass))
    assert bool(found.converged)
    assert float(found.value) == pytest.approx(expected, rel=1e-9)
    # Of a large mass the value is mostly that product; the moves are what they were.
    assert float(found.transport_cost) == pytest.approx(mass * float(base.transport_cost), rel=1e-5)


# Marginals, potentials, batches


@EVERY
def test_marginals_and_error(name):
    a, b, grid, blur, _ = pair(name)
    for tol in (1e-3, 1e-9):
        found = sinkhorn(a, b, grid, blur=blur, tol=tol)
        first, second = found.plan.marginals()
        missed = float((first - a).abs().sum() + (second - b).abs().sum())
        assert float(found.error) <= tol
        # The last half step after the error was measured can only have made it smaller.
        assert missed <= 1.01 * float(found.error) + 1e-14


def test_balanced_potentials_carry_half_of_the_value_each():
    a, b, grid, blur, _ = pair("holes")
    found = sinkhorn(a, b, grid, blur=blur)
    assert float((a * found.f).sum()) == pytest.approx(float(found.value) / 2, rel=1e-12)
    assert float((b * found.g).sum()) == pytest.approx(float(found.value) / 2, rel=1e-12)


@pytest.mark.parametrize("reach", [None, 2.0])
def test_potentials_are_finite_where_there_is_no_mass(reach):
    a, b = torch.zeros(2, 20, 21, dtype=torch.float64)
    a[1, 1] = b[18, 19] = 1
    for blur in (0.3, 2.0):
        found = sinkhorn(a, b, Grid((20, 21)), blur=blur, reach=reach)
        assert bool(torch.isfinite(found.f).all())
        assert bool(torch.isfinite(found.g).all())


@pytest.mark.parametrize("reach", [None, 2.0])
def test_a_batch_is_its_items(reach, device):
    a, b = random_measures(2, 2, 3, 9, 11, seed=10, zeros=0.4).to(device)
    a[0, 0], a[1, 1] = 0.0, 1 / 99
    a[0, 0, 4, 4] = 1.0
    grid = Grid((9, 11))
    together = sinkhorn(a, b, grid, blur=1.0, reach=reach, tol=1e-9)
    for item in ((0, 0), (1, 1), (1, 2)):
        alone = sinkhorn(a[item], b[item], grid, blur=1.0, reach=reach, tol=1e-9)
        assert alone.value.shape == alone.converged.shape == alone.error.shape == ()
        assert float(alone.value) == pytest.approx(float(together.value[item]), rel=1e-12)
        torch.testing.assert_close(alone.f, together.f[item], rtol=1e-7, atol=1e-7)
        torch.testing.assert_close(alone.plan @ b[item], (together.plan @ b)[item], rtol=1e-7, atol=1e-12)
        assert alone.iterations <= together.iterations
    assert together.value.shape == together.converged.shape == together.error.shape == (2, 3)
    assert together.transport_cost.shape == (2, 3)


def test_batches_broadcast_and_so_do_their_gradients():
    a = random_measures(3, 1, 6, 7, seed=11).requires_grad_()
    b = random_measures(4, 6, 7, seed=12).requires_grad_()
    grid = Grid((6, 7))
    found = sinkhorn(a, b, grid, blur=1.0)
    assert (found.value.shape, found.f.shape, found.g.shape) == ((3, 4), (3, 4, 6, 7), (3, 4, 6, 7))
    found.value.sum().backward()
    one = sinkhorn(a[2, 0].detach(), b[1].detach(), grid, blur=1.0)
    assert found.value[2, 1].item() == pytest.approx(float(one.value), rel=1e-10)
    every = [sinkhorn(a[2, 0].detach(), b[k].detach(), grid, blur=1.0).f for k in range(4)]
    torch.testing.assert_close(a.grad[2, 0], torch.stack(every).sum(0), rtol=1e-4, atol=1e-4)
    assert b.grad.shape == b.shape


@pytest.mark.parametrize("reach", [None, 2.0])
def test_dtype_and_device_are_those_of_the_measures(reach, device):
    a, b = random_measures(2, 12, 17, seed=13, zeros=0.3).to(device)
    double = sinkhorn(a, b, Grid((12, 17)), blur=1.0, reach=reach)
    single = sinkhorn(a.float(), b.float(), Grid((12, 17)), blur=1.0, reach=reach)
    for found, dtype in ((double, torch.float64), (single, torch.float32)):
        tensors = [found.value, found.f, found.g, found.error, found.transport_cost, found.plan @ a, found.plan.map()]
        assert {x.dtype for x in tensors} == {dtype}
        assert {x.device.type for x in tensors} == {device.type}
    # Only the input is rounded: everything inside is float64.
    assert float(single.value) == pytest.approx(float(double.value), rel=1e-6)
    torch.testing.assert_close(single.f.double(), double.f, rtol=1e-5, atol=1e-5)


def test_masses_that_differ_by_rounding_alone_converge_all_the_same():
    a, b, grid, blur, _ = pair("image")
    for gap, dtype, tol in ((6e-6, torch.float32, 1e-7), (5e-10, torch.float64, 1e-12)):
        found = sinkhorn(a.to(dtype), ((1 + gap) * b).to(dtype), grid, blur=blur, tol=tol)
        assert bool(found.converged)


def test_measures_stay_as_they_were():
    a, b, grid, blur, _ = pair("holes")
    before = a.clone(), b.clone()
    sinkhorn(a, b, grid, blur=blur).plan.map()
    assert torch.equal(a, before[0])
    assert torch.equal(b, before[1])


# Convergence


def test_what_did_not_converge_says_so_once():
    a, b, grid, _, _ = pair("image")
    point = torch.zeros_like(a)
    point[3, 4] = 1
    both = torch.stack([a, point]), torch.stack([b, point.roll((2, 5), (0, 1))])
    with pytest.warns(ConvergenceWarning, match=r"sinkhorn stopped at max_iterations=2 .* in 1 of 2 problems") as seen:
        found = sinkhorn(*both, grid, blur=0.5, max_iterations=2, tol=1e-3)
    assert len(seen) == 1
    assert seen[0].filename == __file__
    assert found.converged.tolist() == [False, True]
    assert found.iterations == 2
    assert found.error[0] > 1e-3


@pytest.mark.parametrize("limit", [1, 3, 10])
def test_a_value_that_is_not_converged_is_a_lower_bound(limit):
    a, b, grid, _, _ = pair("image")
    true = float(sinkhorn(a, b, grid, blur=0.5, tol=1e-10).value)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        early = sinkhorn(a, b, grid, blur=0.5, tol=1e-15, max_iterations=limit)
    assert not bool(early.converged)
    assert float(early.value) <= true * (1 + 1e-12)


def test_the_error_of_the_value_is_of_second_order():
    a, b, grid, _, _ = pair("image")
    true = float(sinkhorn(a, b, grid, blur=0.7, tol=1e-13).value)
    rough = sinkhorn(a, b, grid, blur=0.7, tol=1e-3)
    assert 1e-5 < float(rough.error) < 1e-3
    assert true - float(rough.value) < 10 * float(rough.error) ** 2 * true


# Gradients


@EVERY
@pytest.mark.parametrize("reach", [None, 1.5])
def test_gradients_are_central_differences(name, reach):
    a, b, grid, blur, _ = pair(name, (1.0, 1.0) if reach is None else (1.3, 0.4))
    generator = torch.Generator().manual_seed(14)
    a, b = a.requires_grad_(), b.requires_grad_()
    (5 * sinkhorn(a, b, grid, blur=blur, reach=reach).value).backward()

    def value(a, b):
        return float(5 * sinkhorn(a, b, grid, blur=blur, reach=reach, tol=1e-12).value)

    for at, measure in enumerate((a, b)):
        # Masses of the pixels that have any change, and the total only where it may.
        change = measure.detach() * torch.randn(measure.shape, dtype=torch.float64, generator=generator)
        if reach is None:
            change = change - measure.detach() * change.sum()
        step = 1e-3 * change
        sides = []
        for sign in (1, -1):
            moved = [x.detach() for x in (a, b)]
            moved[at] = moved[at] + sign * step
            sides.append(value(*moved))
        numeric = (sides[0] - sides[1]) / 2e-3
        assert float((measure.grad * change).sum()) == pytest.approx(numeric, rel=1e-4)


@pytest.mark.parametrize("reach", [None, 1.5])
def test_the_gradient_at_an_empty_pixel_is_what_a_trace_of_mass_would_cost(reach):
    a, b, grid, blur, _ = pair("holes")
    empty = tuple((a == 0).nonzero()[5].tolist())
    full = tuple((a > 0).nonzero()[7].tolist())
    probe = a.clone().requires_grad_()
    sinkhorn(probe, b, grid, blur=blur, reach=reach, tol=1e-9).value.backward()

    def value(step):
        moved = a.clone()
        moved[empty] += step
        moved[full] -= step
        return float(sinkhorn(moved, b, grid, blur=blur, reach=reach, tol=1e-12).value)

    # One-sided: mass cannot be taken from an empty pixel. Two steps cancel the curvature.
    step = 1e-5
    numeric = (4 * value(step) - value(2 * step) - 3 * value(0.0)) / (2 * step)
    assert float(probe.grad[empty] - probe.grad[full]) == pytest.approx(numeric, rel=1e-4)


def test_the_gradient_flows_through_what_came_before_and_comes_after():
    image = torch.rand(6, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(15)) + 0.1
    b, grid = random_measures(6, 7, seed=16), Grid((6, 7))

    def loss(image):
        return sinkhorn(image**2 / (image**2).sum(), b, grid, blur=1.0, tol=1e-12).value ** 2

    assert torch.autograd.gradcheck(loss, (image.requires_grad_(),), eps=1e-5, atol=1e-7, rtol=1e-5)


def test_what_comes_beside_the_value_is_constant():
    a, b, grid, blur, _ = pair("image")
    found = sinkhorn(a.requires_grad_(), b, grid, blur=blur)
    assert found.value.requires_grad
    beside = (found.f, found.g, found.error, found.transport_cost, found.plan @ b, found.plan.dense(), found.plan.map())
    assert not any(x.requires_grad for x in beside)
    assert not sinkhorn(a.detach(), b, grid, blur=blur).value.requires_grad


def test_a_second_derivative_is_refused():
    a, b, grid, blur, _ = pair("image")
    a.requires_grad_()
    (slope,) = torch.autograd.grad(sinkhorn(a, b, grid, blur=blur).value, a, create_graph=True)
    # Beside a term that can be differentiated, the missing one would go unnoticed.
    with pytest.raises(RuntimeError, match="differentiable once"):
        (slope.square().sum() + a.square().sum()).backward()


@pytest.mark.parametrize("mode", [True, False])
def test_grad_mode_is_left_as_it_was(mode):
    a, b, grid, blur, _ = pair("image")
    with torch.set_grad_enabled(mode):
        found = sinkhorn(a.requires_grad_(), b, grid, blur=blur)
        assert torch.is_grad_enabled() is mode
        assert found.value.requires_grad is mode
        with pytest.raises(ValueError, match="too small"):
            sinkhorn(a, b, grid, blur=1e-9)
        assert torch.is_grad_enabled() is mode


def test_no_iteration_is_kept_for_the_gradient():
    a, b, grid, _, _ = pair("image")
    a.requires_grad_()

    def kept(max_iterations):
        saved = []
        hooks = torch.autograd.graph.saved_tensors_hooks(lambda x: saved.append(x.numel()) or x, lambda x: x)
        with hooks, pytest.warns(ConvergenceWarning):
            sinkhorn(a, b, grid, blur=0.5, tol=1e-14, max_iterations=max_iterations)
        return sum(saved)

    # The two potentials, and what a check of the input looks at.
    assert kept(2) == kept(60) <= 3 * a.numel()


def test_no_randomness():
    a, b, grid, blur, _ = pair("holes")
    first, second = (sinkhorn(a, b, grid, blur=blur) for _ in range(2))
    assert torch.equal(first.f, second.f)
    assert first.iterations == second.iterations
