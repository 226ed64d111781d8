"""Exact transport against a linear programme, the assignment problem, closed forms and its own dual."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment, linprog

from otrecon.ot import exact
from otrecon.ot.exact import emd
from otrecon.ot.geometry import Convolution, Dense, Grid


def _pair(shape, seed=0, *, zeros=0.4, dtype=torch.float64, mass=1.0):
    generator = torch.Generator().manual_seed(seed)
    pair = []
    for _ in range(2):
        measure = torch.rand(shape, generator=generator, dtype=torch.float64)
        measure[measure < zeros] = 0
        measure.view(-1)[int(torch.randint(measure.numel(), (1,), generator=generator))] = 1
        pair.append((mass * measure / measure.sum()).to(dtype))
    return pair


def _programme(a, b, cost):
    """Optimum of the linear programme, by another solver."""
    a, b = a.flatten().numpy(), b.flatten().numpy()
    rows = np.kron(np.eye(len(a)), np.ones(len(b)))
    columns = np.kron(np.ones(len(a)), np.eye(len(b)))
    marginals = np.concatenate([a, b])
    return linprog(cost.numpy().ravel(), A_eq=np.vstack([rows, columns]), b_eq=marginals, method="highs").fun


def _check(result, a, b, geometry, rtol=1e-10):
    """Optimality, from the definition alone: feasible plan, feasible prices, no gap between them."""
    cost = geometry.cost_matrix().double()
    scale = max(float(cost.max()), 1e-300) * float(a.sum())
    plan = result.plan.dense().double()
    assert (plan >= 0).all()
    torch.testing.assert_close(plan.sum(1), a.flatten().double(), rtol=rtol, atol=rtol * float(a.sum()))
    torch.testing.assert_close(plan.sum(0), b.flatten().double(), rtol=rtol, atol=rtol * float(a.sum()))
    slack = cost - result.f.flatten().double()[:, None] - result.g.flatten().double()
    assert float(slack.min()) >= -rtol * float(cost.max())
    assert float((plan * slack).sum()) <= rtol * scale
    dual = float((result.f * a).sum() + (result.g * b).sum())
    assert dual == pytest.approx(float(result.value), rel=rtol, abs=rtol * scale)
    assert float((plan * cost).sum()) == pytest.approx(float(result.value), rel=rtol, abs=rtol * scale)


GRIDS = [
    Grid((23,)),
    Grid((5, 7)),
    Grid((4, 6), (0.5, 3.0)),
    Grid((3, 4, 5), (1.0, 0.7, 2.0)),
    Grid((1, 6)),
    Grid((1,)),
]


@pytest.mark.parametrize("geometry", GRIDS, ids=str)
def test_value_is_the_optimum_of_the_linear_programme(geometry):
    a, b = _pair(geometry.shape, 1)
    result = emd(a, b, geometry)
    assert float(result.value) == pytest.approx(_programme(a, b, geometry.cost_matrix()), rel=1e-9, abs=1e-14)
    _check(result, a, b, geometry)


def test_any_matrix_of_costs_will_do():
    generator = torch.Generator().manual_seed(2)
    cost = torch.randn(9, 13, generator=generator, dtype=torch.float64)
    a, b = _pair((9,), 3)[0], _pair((13,), 4)[1]
    result = emd(a, b, Dense(cost))
    assert float(result.value) == pytest.approx(_programme(a, b, cost), rel=1e-9)
    assert result.f.shape == (9,)
    assert result.g.shape == (13,)
    _check(result, a, b, Dense(cost))


def test_a_cost_that_saturates():
    geometry = Convolution((5, 6), lambda y, x: 1 - torch.exp(-(y**2 + x**2) / 8))
    a, b = _pair(geometry.shape, 5)
    result = emd(a, b, geometry)
    assert float(result.value) == pytest.approx(_programme(a, b, geometry.cost_matrix()), rel=1e-9)
    _check(result, a, b, geometry)


def test_a_cost_that_is_cheaper_one_way():
    geometry = Convolution((14,), lambda x: torch.where(x > 0, x, -3 * x))
    a, b = _pair(geometry.shape, 6)
    result = emd(a, b, geometry)
    assert float(result.value) == pytest.approx(_programme(a, b, geometry.cost_matrix()), rel=1e-9)
    _check(result, a, b, geometry)


def test_equal_points_are_an_assignment():
    generator = torch.Generator().manual_seed(7)
    cost = torch.rand(30, 30, generator=generator, dtype=torch.float64)
    a = torch.full((30,), 1 / 30, dtype=torch.float64)
    result = emd(a, a, Dense(cost))
    row, column = linear_sum_assignment(cost.numpy())
    assert float(result.value) == pytest.approx(cost.numpy()[row, column].mean(), rel=1e-12)
    assert torch.equal(result.plan.source, torch.from_numpy(row))
    assert torch.equal(result.plan.target, torch.from_numpy(column))


@pytest.mark.parametrize("shift", [(0, 0), (2, 3), (-1, 4)])
def test_a_shifted_image_costs_half_the_squared_shift(shift):
    a = torch.zeros(12, 14, dtype=torch.float64)
    a[3:7, 5:8] = torch.rand(4, 3, generator=torch.Generator().manual_seed(8), dtype=torch.float64)
    a = a / a.sum()
    b = a.roll(shift, (0, 1))
    geometry = Grid(a.shape, (2.0, 0.5))
    result = emd(a, b, geometry)
    length = torch.tensor(shift, dtype=torch.float64) * torch.tensor(geometry.spacing, dtype=torch.float64)
    assert float(result.value) == pytest.approx(float((length**2).sum()) / 2, abs=1e-13)
    moved = (result.plan.map() - geometry.coordinates())[a > 0]
    torch.testing.assert_close(moved, length.expand_as(moved), atol=1e-12, rtol=0)
    assert (result.plan.splits() == (a > 0)).all()


def test_a_measure_that_stays_costs_nothing():
    a, _ = _pair((6, 5), 9)
    result = emd(a, a, Grid((6, 5)))
    assert float(result.value) == 0
    torch.testing.assert_close(result.f, -result.g, atol=1e-12, rtol=0)


def test_the_constant_of_the_potentials_is_shared_evenly():
    a, b = _pair((6, 5), 10, mass=3.0)
    result = emd(a, b, Grid((6, 5)))
    halves = [float((result.f * a).sum()), float((result.g * b).sum())]
    assert halves == pytest.approx([float(result.value) / 2] * 2, rel=1e-12)


def test_exchanging_the_measures_transposes_the_plan():
    a, b = _pair((5, 5), 11)
    there, back = emd(a, b, Grid((5, 5))), emd(b, a, Grid((5, 5)))
    assert float(there.value) == pytest.approx(float(back.value), rel=1e-12)


@pytest.mark.parametrize("mass", [1e-12, 1e-3, 1.0, 1e9])
@pytest.mark.parametrize("spacing", [1e-6, 1.0, 1e6])
def test_units_do_not_matter(mass, spacing):
    a, b = _pair((5, 6), 12)
    unit = emd(a, b, Grid((5, 6)))
    other = emd(mass * a, mass * b, Grid((5, 6), spacing))
    assert float(other.value) == pytest.approx(mass * spacing**2 * float(unit.value), rel=1e-11)
    _check(other, mass * a, mass * b, Grid((5, 6), spacing))


def test_gradient_is_that_of_finite_differences_along_changes_that_keep_mass():
    generator = torch.Generator().manual_seed(13)
    cost = torch.rand(7, 8, generator=generator, dtype=torch.float64)
    a, b = _pair((7,), 14, zeros=0)[0], _pair((8,), 15, zeros=0)[0]
    along = [torch.randn(n, generator=generator, dtype=torch.float64) for n in (7, 8)]
    da, db = (change - change.mean() for change in along)
    a, b = a.requires_grad_(), b.requires_grad_()
    emd(a, b, Dense(cost)).value.backward()
    step = 1e-5
    up, down = (float(emd((a + s * da).detach(), (b + s * db).detach(), Dense(cost)).value) for s in (step, -step))
    assert float(a.grad @ da + b.grad @ db) == pytest.approx((up - down) / (2 * step), rel=1e-7)


def test_the_gradient_has_no_gradient():
    a, b = (measure.requires_grad_() for measure in _pair((9,), 16))
    (grad,) = torch.autograd.grad(emd(a, b, Grid((9,))).value ** 2, a, create_graph=True)
    with pytest.raises(RuntimeError, match="differentiable once"):
        grad.sum().backward()


def test_float32_stays_float32():
    a, b = _pair((6, 7), 17, dtype=torch.float32)
    result = emd(a, b, Grid((6, 7)))
    for tensor in (result.value, result.f, result.g, result.plan.mass, result.plan.map()):
        assert tensor.dtype == torch.float32
    double = emd(a.double() / a.double().sum(), b.double() / b.double().sum(), Grid((6, 7)))
    assert float(result.value) == pytest.approx(float(double.value), rel=1e-6)


def test_marginals_and_map_of_the_plan():
    a, b = _pair((6, 7), 18)
    plan = emd(a, b, Grid((6, 7))).plan
    for given_back, measure in zip(plan.marginals(), (a, b), strict=True):
        torch.testing.assert_close(given_back, measure, atol=1e-14, rtol=0)
    dense = plan.dense()
    there = (dense @ Grid((6, 7)).coordinates().reshape(-1, 2)) / dense.sum(1, keepdim=True)
    torch.testing.assert_close(plan.map()[a > 0], there.reshape(6, 7, 2)[a > 0], atol=1e-12, rtol=0)
    assert torch.isfinite(plan.map()).all()
    assert (plan.splits() == (dense > 0).sum(1).reshape(6, 7)).all()


@pytest.mark.parametrize(
    "geometry", [Grid((4, 9), (1.0, 0.3)), Convolution((4, 9), lambda y, x: (y - 1) ** 2 + x.abs())]
)
def test_the_map_extends_to_empty_pixels_as_the_potentials_say(geometry):
    a, b = _pair((4, 9), 19)
    result = emd(a, b, geometry)
    flat = Grid((4, 9), geometry.spacing).coordinates().reshape(-1, 2)
    cost, f, g = geometry.cost_matrix(), result.f.flatten(), result.g.flatten()
    for pixel in torch.nonzero(a.flatten() == 0).flatten().tolist():
        landing = result.plan.map().reshape(-1, 2)[pixel]
        reached = int(((flat - landing) ** 2).sum(1).argmin())
        torch.testing.assert_close(flat[reached], landing, atol=1e-12, rtol=0)
        assert b.flatten()[reached] > 0
        assert float(f[pixel] + g[reached]) == pytest.approx(float(cost[pixel, reached]), abs=1e-11)


def test_a_long_grid_is_transformed_in_pieces():
    grid = Grid((3, 5000))
    a, b = torch.zeros(2, *grid.shape, dtype=torch.float64)
    a[0, 10] = b[2, 4000] = 1
    result = emd(a, b, grid)
    y, x = grid.coordinates().unbind(-1)
    assert float(result.value) == pytest.approx((2**2 + 3990**2) / 2)
    constant = result.f[0, 0] - ((y[0, 0] - 2) ** 2 + (x[0, 0] - 4000) ** 2) / 2
    torch.testing.assert_close(result.f, ((y - 2) ** 2 + (x - 4000) ** 2) / 2 + constant, rtol=1e-12, atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(
    shape=st.sampled_from([(1,), (2,), (17,), (1, 1), (3, 4), (6, 1), (2, 3, 2)]),
    spacing=st.floats(1e-3, 1e3),
    seed=st.integers(0, 10_000),
    kind=st.sampled_from(["random", "sparse", "point", "uniform", "steep"]),
    dtype=st.sampled_from([torch.float32, torch.float64]),
)
def test_whatever_comes_the_answer_is_optimal(shape, spacing, seed, kind, dtype):
    a, b = _pair(shape, seed, zeros={"sparse": 0.8, "point": 2.0}.get(kind, 0.0))
    if kind == "uniform":
        a = torch.full_like(a, 1 / a.numel())
    if kind == "steep":
        a = a**40 / (a**40).sum()
    geometry = Grid(shape, spacing)
    _check(
        emd(a.to(dtype), b.to(dtype), geometry),
        a.to(dtype),
        b.to(dtype),
        geometry,
        1e-10 if dtype == torch.float64 else 3e-6,
    )


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda a, b: (a, 2 * b), ValueError, "to_measure"),
        (lambda a, b: (a, 2 * b), ValueError, "reach="),
        (lambda a, b: (0 * a, b), ValueError, "no mass"),
        (lambda a, b: (a, -b), ValueError, "negative"),
        (lambda a, b: (a, b / 0), ValueError, "NaN or infinity"),
        (lambda a, b: (a, b * math.nan), ValueError, "NaN or infinity"),
        (lambda a, b: (a, b + 0j), TypeError, "to_measure"),
        (lambda a, b: (a, b.long()), TypeError, "int64"),
        (lambda a, b: (a, b.float()), TypeError, "bring them together"),
        (lambda a, b: (a, b.numpy()), TypeError, "must be a tensor"),
        (lambda a, b: (a, b[1:]), ValueError, "must be equal"),
        (lambda a, b: (a[None], b[None]), ValueError, "loop over the batch"),
    ],
)
def test_what_cannot_be_transported_is_refused(change, error, message):
    a, b = change(*_pair((4, 5), 20))
    with pytest.raises(error, match=message):
        emd(a, b, Grid((4, 5)))


def test_a_geometry_is_asked_for():
    a, b = _pair((4, 5), 21)
    with pytest.raises(TypeError, match="Grid, Convolution or Dense"):
        emd(a, b, (4, 5))


def test_images_that_are_too_large_are_refused_before_any_work():
    a = torch.full((80, 80), 1 / 6400, dtype=torch.float64)
    with pytest.raises(ValueError, match="use sinkhorn"):
        emd(a, a, Grid((80, 80)))


def test_a_simplex_that_gives_up_is_an_error(monkeypatch):
    monkeypatch.setattr(exact, "_STEPS", 1)
    a, b = _pair((8, 8), 22)
    with pytest.raises(RuntimeError, match="gave up"):
        emd(a, b, Grid((8, 8)))


def test_a_plan_without_places_has_no_map():
    a, b = _pair((4,), 23)
    plan = emd(a, b, Dense(torch.ones(4, 4, dtype=torch.float64))).plan
    with pytest.raises(TypeError, match="Grid or a Convolution"):
        plan.map()


def test_a_matrix_that_would_not_fit_is_refused():
    a = torch.zeros(100, 100, dtype=torch.float64)
    a[3, 4] = 1
    with pytest.raises(ValueError, match="10000 x 10000"):
        emd(a, a, Grid((100, 100))).plan.dense()


def test_costs_below_zero_are_costs():
    cost = -(torch.rand(5, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(3)) + 0.1)
    a = torch.full((5,), 1 / 5, dtype=torch.float64)
    b = torch.full((6,), 1 / 6, dtype=torch.float64)
    found = emd(a, b, Dense(cost))
    assert float(found.value) == pytest.approx(_programme(a, b, cost), rel=1e-9)
    assert float((found.f * a).sum() + (found.g * b).sum()) == pytest.approx(float(found.value), rel=1e-9)
