"""Plans that are never formed against those that are."""

import pytest
import torch

from otrecon.ot import Convolution, Dense, Grid, gaussians, sinkhorn
from otrecon.ot.gaussians import Gaussian
from tests.ot import reference
from tests.ot.reference import random_measures

GEOMETRIES = {
    "line": Grid((23,), 0.5),
    "image": Grid((6, 9), (1.0, 0.6)),
    "volume": Grid((3, 4, 5), (2.0, 1.0, 1.0)),
    "convolution": Convolution((6, 9), [torch.abs, lambda x: x**4 / 50]),
    "saturating": Convolution((6, 9), lambda y, x: 1 - torch.exp(-((y**2 + x**2) ** 2) / 5.0**4)),
    "downhill": Convolution((6, 9), [lambda y: y.clamp(min=0) ** 2 + 0.3 * y.clamp(max=0) ** 2, torch.abs]),
    "downwind": Convolution((6, 9), lambda y, x: (y**2 + x**2) / (1 + 0.5 * torch.tanh(x))),
    "matrix": Dense(reference.costs((4, 5))[:, :13]),
}
EVERY = pytest.mark.parametrize("name", list(GEOMETRIES))


def transported(name, batch=(2,), reach=None, device="cpu", blur=0.7):
    geometry = GEOMETRIES[name]
    shapes = geometry.source_shape, geometry.target_shape
    a, b = (
        random_measures(*batch, *shape, ndim=len(shape), seed=seed, zeros=0.4).to(device)
        for seed, shape in enumerate(shapes)
    )
    return sinkhorn(a, b, geometry, blur=blur, reach=reach), a, b


def random(*shape, seed=9):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@EVERY
@pytest.mark.parametrize("reach", [None, 1.5])
def test_the_matrix_is_that_of_its_potentials(name, reach):
    found, a, b = transported(name, reach=reach)
    cost = GEOMETRIES[name].cost_matrix()
    for k in range(2):
        expected = reference.plan(*(x[k].flatten() for x in (a, b, found.f, found.g)), cost, 0.7)
        torch.testing.assert_close(found.plan.dense()[k], expected, rtol=1e-9, atol=1e-300)


@EVERY
def test_applied_it_is_the_matrix_both_ways(name, device):
    found, _, _ = transported(name, device=device)
    geometry, dense = GEOMETRIES[name], found.plan.dense()
    for operand, shape, out, matrix in (
        (found.plan, geometry.target_shape, geometry.source_shape, dense),
        (found.plan.T, geometry.source_shape, geometry.target_shape, dense.mT),
    ):
        for front in ((2,), (), (1,), (3, 1), (3, 2)):
            v = random(*front, *shape).to(device)
            result = operand @ v
            assert result.shape == (*torch.broadcast_shapes((2,), front), *out)
            expected = (matrix @ v.flatten(len(front))[..., None])[..., 0]
            torch.testing.assert_close(result.flatten(-len(out)), expected, rtol=1e-6, atol=1e-9)


@EVERY
def test_one_plan_takes_many_images(name):
    found, _, _ = transported(name, batch=())
    geometry = GEOMETRIES[name]
    v = random(5, 2, *geometry.target_shape)
    result = found.plan @ v
    assert result.shape == (5, 2, *geometry.source_shape)
    torch.testing.assert_close(result.flatten(2), v.flatten(2) @ found.plan.dense().T, rtol=1e-6, atol=1e-9)


@EVERY
@pytest.mark.parametrize("reach", [None, 1.5])
def test_marginals_are_those_of_the_matrix(name, reach):
    found, a, b = transported(name, reach=reach)
    first, second = found.plan.marginals()
    dense = found.plan.dense()
    torch.testing.assert_close(first.flatten(1), dense.sum(2), rtol=1e-6, atol=1e-12)
    torch.testing.assert_close(second.flatten(1), dense.sum(1), rtol=1e-6, atol=1e-12)
    ones = torch.ones_like(b[0])
    torch.testing.assert_close(found.plan @ ones, first, rtol=1e-6, atol=1e-12)
    if reach is None:
        assert float((first - a).abs().sum() + (second - b).abs().sum()) < 2e-6
    else:
        rho = reach**2
        torch.testing.assert_close(first, a * (-found.f / rho).exp(), rtol=1e-4, atol=1e-9)
        torch.testing.assert_close(second, b * (-found.g / rho).exp(), rtol=1e-4, atol=1e-9)


@EVERY
@pytest.mark.parametrize("reach", [None, 1.5])
def test_the_cost_of_the_moves_is_that_of_the_matrix(name, reach):
    found, _, _ = transported(name, reach=reach)
    expected = (found.plan.dense() * GEOMETRIES[name].cost_matrix()).sum((1, 2))
    torch.testing.assert_close(found.plan.cost(), expected, rtol=1e-7, atol=0)
    torch.testing.assert_close(found.transport_cost, expected, rtol=1e-7, atol=0)


@pytest.mark.parametrize("name", ["line", "image", "volume", "convolution", "saturating", "downhill", "downwind"])
def test_the_map_is_the_mean_place_where_the_mass_of_a_pixel_goes_and_comes_from(name):
    geometry = GEOMETRIES[name]
    found, a, b = transported(name)
    places = torch.cartesian_prod(*(torch.arange(n, dtype=torch.float64) for n in geometry.shape))
    places = places.reshape(geometry.size, -1) * torch.tensor(geometry.spacing, dtype=torch.float64)
    dense = found.plan.dense()
    for moved, matrix, mass in ((found.plan.map(), dense, a), (found.plan.T.map(), dense.mT, b)):
        assert moved.shape == (2, *geometry.shape, geometry.ndim)
        expected = (matrix @ places) / matrix.sum(2, keepdim=True)
        full = mass.flatten(1) > 0
        torch.testing.assert_close(moved.flatten(1, -2)[full], expected[full], rtol=1e-6, atol=1e-7)
        # Where there is no mass the potentials say where it would go: on the grid, and no NaN.
        assert bool(torch.isfinite(moved).all())
        assert bool((moved >= 0).all())
        assert bool((moved <= places.max(0).values + 1e-7).all())


def test_the_map_of_gaussians_is_linear():
    grid = Grid((60, 50))
    p, q = Gaussian((25.0, 24.0), [[14.0, 3.0], [3.0, 9.0]]), Gaussian((33.0, 26.0), [[9.0, -2.0], [-2.0, 12.0]])
    for blur, reach in ((1.0, None), (3.0, None), (1.0, 8.0)):
        moved = sinkhorn(p.on(grid), q.on(grid), grid, blur=blur, reach=reach, tol=1e-9).plan.map()
        expected = gaussians.plan(p, q, blur, reach).map(grid.coordinates())
        near = (grid.coordinates() - p.mean).square().sum(-1) < 60
        torch.testing.assert_close(moved[near], expected[near], rtol=0, atol=2e-3)


def test_a_plan_between_far_single_pixels():
    a, b = torch.zeros(2, 30, 40, dtype=torch.float64)
    a[2, 3] = b[28, 36] = 1
    plan = sinkhorn(a, b, Grid((30, 40)), blur=0.3).plan
    v = random(30, 40)
    torch.testing.assert_close(plan @ v, a * v[28, 36], rtol=1e-9, atol=1e-300)
    torch.testing.assert_close(plan.T @ v, b * v[2, 3], rtol=1e-9, atol=1e-300)
    torch.testing.assert_close(plan.map(), torch.tensor([28.0, 36.0]).double().expand(30, 40, 2))


def test_results_have_the_dtype_of_the_measures():
    a, b = random_measures(2, 6, 9, seed=3, dtype=torch.float32)
    plan = sinkhorn(a, b, Grid((6, 9)), blur=1.0).plan
    for result in (plan @ a, plan.T @ a, *plan.marginals(), plan.cost(), plan.map(), plan.dense()):
        assert result.dtype == torch.float32
    torch.testing.assert_close(plan @ torch.ones(6, 9, dtype=torch.int64), plan.marginals()[0], rtol=1e-6, atol=1e-9)


def test_it_says_what_it_is_in_one_line():
    found, _, _ = transported("image")
    assert repr(found.plan) == "Plan(batch (2,), Grid((6, 9), spacing=(1.0, 0.6)), blur=0.7)"


@pytest.mark.parametrize(
    ("misuse", "error", "message"),
    [
        (lambda plan: plan @ torch.ones(9, 6), ValueError, r"takes values of shape \(..., 6, 9\)"),
        (lambda plan: plan @ torch.ones(9), ValueError, r"takes values of shape"),
        (lambda plan: plan.T @ torch.ones(54), ValueError, r"takes values of shape"),
        (
            lambda plan: plan @ torch.ones(6, 9) * 1j + plan @ (1j * torch.ones(6, 9)),
            TypeError,
            "imaginary part in turn",
        ),
        (lambda plan: plan @ [1.0], TypeError, "real tensor"),
    ],
)
def test_what_a_plan_does_not_take(misuse, error, message):
    found, _, _ = transported("image", batch=())
    with pytest.raises(error, match=message):
        misuse(found.plan)


def test_a_matrix_that_would_not_fit_is_refused():
    a = torch.full((90, 90), 1 / 8100, dtype=torch.float64)
    with pytest.raises(ValueError, match="smaller images"):
        sinkhorn(a, a, Grid((90, 90)), blur=20.0).plan.dense()


def test_without_positions_there_is_no_map():
    found, _, _ = transported("matrix")
    with pytest.raises(TypeError, match=r"look at plan\.dense"):
        found.plan.map()


def test_the_moves_of_negative_costs():
    cost = -torch.rand(5, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(4)) + 0.2
    a, b = torch.full((5,), 1 / 5, dtype=torch.float64), torch.full((6,), 1 / 6, dtype=torch.float64)
    found = sinkhorn(a, b, Dense(cost), blur=0.3)
    assert float(found.transport_cost) == pytest.approx(float((found.plan.dense() * cost).sum()), rel=1e-10)
