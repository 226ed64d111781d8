"""Mass on its way: nothing is lost, the centre travels straight, and the ends are the ends."""

import math
from functools import partial
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import shift as spline_shift

from otrecon.ot.exact import emd
from otrecon.ot.geometry import Dense, Grid
from otrecon.ot.interpolation import deposit, displacement_interpolation
from otrecon.ot.line import wasserstein_line
from otrecon.ot.sinkhorn import sinkhorn


def _pair(shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    pair = torch.rand(2, *shape, generator=generator, dtype=torch.float64)
    pair[pair < 0.5] = 0
    pair.view(2, -1)[:, 0] += 0.1
    return pair / pair.flatten(1).sum(1).view(2, *(1,) * len(shape))


def _centre(measure, grid):
    return (measure.unsqueeze(-1) * grid.coordinates()).flatten(0, -2).sum(0)


GRIDS = [Grid((13,), 0.3), Grid((7, 9)), Grid((6, 5), (0.5, 2.0)), Grid((3, 4, 5), (1.0, 2.0, 0.1)), Grid((1, 8))]


@pytest.mark.parametrize("grid", GRIDS, ids=str)
@pytest.mark.parametrize("time", [0, 0.2, 0.5, 1])
def test_mass_is_kept_and_its_centre_travels_straight(grid, time):
    a, b = _pair(grid.shape, 1)
    now = displacement_interpolation(emd(a, b, grid), time, grid)
    assert float(now.min()) >= 0
    assert float(now.sum()) == pytest.approx(1, abs=1e-14)
    straight = (1 - time) * _centre(a, grid) + time * _centre(b, grid)
    torch.testing.assert_close(_centre(now, grid), straight, atol=1e-13, rtol=1e-13)


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_ends_are_the_measures(grid):
    a, b = _pair(grid.shape, 2)
    plan = emd(a, b, grid).plan
    torch.testing.assert_close(displacement_interpolation(plan, 0, grid), a, atol=1e-15, rtol=0)
    torch.testing.assert_close(displacement_interpolation(plan, 1, grid), b, atol=1e-15, rtol=0)


def test_the_distance_travelled_is_the_share_of_time():
    """McCann's interpolation is a geodesic: W(a, a_t) = t W(a, b), here on a grid that its stops lie on."""
    a, b = torch.zeros(2, 41, dtype=torch.float64)
    a[0:20:4] = torch.tensor([0.1, 0.3, 0.2, 0.25, 0.15], dtype=torch.float64)
    b[16:36:4] = torch.tensor([0.2, 0.2, 0.1, 0.1, 0.4], dtype=torch.float64)
    result = emd(a, b, Grid((41,)))
    whole = float(wasserstein_line(a, b))
    for time in (0.25, 0.5, 0.75):
        now = displacement_interpolation(result, time, Grid((41,)))
        assert float(wasserstein_line(a, now)) == pytest.approx(time * whole, rel=1e-12)
        assert float(wasserstein_line(now, b)) == pytest.approx((1 - time) * whole, rel=1e-12)


def test_a_shift_passes_through_smaller_shifts():
    a = torch.zeros(12, 15, dtype=torch.float64)
    a[2:5, 2:6] = torch.rand(3, 4, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    grid = Grid(a.shape)
    result = emd(a, a.roll((3, 5), (0, 1)), grid)
    for time in (0.3, 0.5):
        expected = torch.from_numpy(spline_shift(a.numpy(), (3 * time, 5 * time), order=1))
        torch.testing.assert_close(displacement_interpolation(result, time, grid), expected, atol=1e-12, rtol=0)


def test_a_map_that_shifts():
    grid = Grid((9, 10), (2.0, 0.5))
    a = torch.zeros(9, 10, dtype=torch.float64)
    a[1:4, 2:5] = 1
    image = grid.coordinates() + torch.tensor([4.0, 1.5])
    now = displacement_interpolation(image, 0.5, grid, measure=a)
    expected = torch.from_numpy(spline_shift(a.numpy(), (1, 1.5), order=1))
    torch.testing.assert_close(now, expected, atol=1e-12, rtol=0)


def test_any_plan_with_a_map_and_marginals_will_do():
    grid = Grid((6, 7))
    a, b = _pair((6, 7), 4)
    exact = emd(a, b, grid).plan
    other = SimpleNamespace(plan=SimpleNamespace(map=exact.map, marginals=exact.marginals))
    now = displacement_interpolation(other, 0.4, grid)
    by_hand = displacement_interpolation(exact.map(), 0.4, grid, measure=a)
    torch.testing.assert_close(now, by_hand, atol=1e-14, rtol=0)
    straight = 0.6 * _centre(a, grid) + 0.4 * _centre(b, grid)
    torch.testing.assert_close(_centre(now, grid), straight, atol=1e-13, rtol=0)


def test_maps_come_in_batches():
    grid = Grid((5, 6))
    pairs = [_pair((5, 6), seed) for seed in (5, 6, 7)]
    maps = [emd(a, b, grid).plan.map() for a, b in pairs]
    together = displacement_interpolation(torch.stack(maps), 0.7, grid, measure=torch.stack([a for a, _ in pairs]))
    for one, image, (a, _) in zip(together, maps, pairs, strict=True):
        torch.testing.assert_close(one, displacement_interpolation(image, 0.7, grid, measure=a))


def test_parcels_paint_finer_grids_too():
    a, b = _pair((6, 7), 8)
    result = emd(a, b, Grid((6, 7)))
    fine = displacement_interpolation(result, 0.5, Grid((11, 13), 0.5))
    assert float(fine.sum()) == pytest.approx(1, abs=1e-14)
    middles = (result.plan.start + result.plan.end) / 2
    # Every middle of two pixels is a pixel of the finer grid.
    by_hand = torch.zeros(11, 13, dtype=torch.float64)
    for (y, x), m in zip((2 * middles).round().long().tolist(), result.plan.mass, strict=True):
        by_hand[y, x] += m
    torch.testing.assert_close(fine, by_hand, atol=1e-14, rtol=0)


def test_deposit_is_differentiable():
    generator = torch.Generator().manual_seed(9)
    positions = (0.2 + 4 * torch.rand(2, 5, 2, generator=generator, dtype=torch.float64)).requires_grad_()
    mass = torch.rand(2, 5, generator=generator, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x, m: deposit(x, m, Grid((6, 7), (1.0, 0.9))), (positions, mass))


def test_deposit_keeps_the_data_type():
    image = deposit(torch.tensor([[1.5, 2.0]]), torch.tensor([1.0]), Grid((4, 4)))
    assert image.dtype == torch.float32
    assert image[1, 2] == image[2, 2] == 0.5


@settings(max_examples=60, deadline=None)
@given(
    shape=st.lists(st.integers(1, 9), min_size=1, max_size=3),
    points=st.integers(1, 12),
    seed=st.integers(0, 10_000),
    spacing=st.floats(1e-3, 1e3),
)
def test_mass_and_mean_are_kept_wherever_points_lie(shape, points, seed, spacing):
    generator = torch.Generator().manual_seed(seed)
    grid = Grid(shape, spacing)
    extent = torch.tensor([spacing * (n - 1) for n in shape], dtype=torch.float64)
    positions = extent * torch.rand(points, len(shape), generator=generator, dtype=torch.float64)
    positions = torch.where(torch.rand(points, 1, generator=generator) < 0.3, extent, positions)
    mass = torch.rand(points, generator=generator, dtype=torch.float64)
    image = deposit(positions, mass, grid)
    assert float(image.sum()) == pytest.approx(float(mass.sum()), rel=1e-13)
    torch.testing.assert_close(
        _centre(image, grid), (mass[:, None] * positions).sum(0), rtol=1e-12, atol=1e-11 * spacing
    )


@pytest.mark.parametrize("time", [-0.1, 1.1, math.nan, "half", None, True, torch.linspace(0, 1, 3)])
def test_time_runs_from_0_to_1(time):
    a, b = _pair((5,), 10)
    with pytest.raises((ValueError, TypeError), match=r"from 0|one number"):
        displacement_interpolation(emd(a, b, Grid((5,))), time, Grid((5,)))


def test_a_time_may_be_a_tensor():
    a, b = _pair((5,), 10)
    plan = emd(a, b, Grid((5,)))
    found = displacement_interpolation(plan, torch.tensor(0.25), Grid((5,)))
    assert torch.equal(found, displacement_interpolation(plan, 0.25, Grid((5,))))


@pytest.mark.parametrize(
    ("transport", "measure", "error", "message"),
    [
        (torch.zeros(4, 5, 2), None, ValueError, "measure="),
        (torch.zeros(4, 5, 3), torch.ones(4, 5), ValueError, r"\(\.\.\., 4, 5, 2\)"),
        (torch.zeros(5, 4, 2), torch.ones(4, 5), ValueError, r"\(\.\.\., 4, 5, 2\)"),
        (torch.zeros(4, 5, 2), torch.ones(5, 4), ValueError, "must be equal"),
        (torch.zeros(4, 5, 2), -torch.ones(4, 5), ValueError, "negative"),
        (torch.full((4, 5, 2), -1.0), torch.ones(4, 5), ValueError, "pad the images"),
        (torch.full((4, 5, 2), math.nan), torch.ones(4, 5), ValueError, "NaN"),
        ("a plan", torch.ones(4, 5), TypeError, "str"),
    ],
)
def test_what_does_not_fit_is_refused(transport, measure, error, message):
    with pytest.raises(error, match=message):
        displacement_interpolation(transport, 1, Grid((4, 5)), measure=measure)


def test_points_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="points"):
        deposit(torch.zeros(3, 2), torch.ones(4), Grid((4, 5)))
    with pytest.raises(ValueError, match="points"):
        deposit(torch.zeros(3, 3), torch.ones(3), Grid((4, 5)))
    with pytest.raises(TypeError, match="mass is complex"):
        deposit(torch.zeros(3, 2), torch.ones(3) + 0j, Grid((4, 5)))
    with pytest.raises(TypeError, match="mass has dtype"):
        deposit(torch.zeros(3, 2), torch.ones(3).long(), Grid((4, 5)))
    with pytest.raises(ValueError, match="mass contains NaN"):
        deposit(torch.zeros(3, 2), torch.full((3,), math.nan), Grid((4, 5)))
    with pytest.raises(ValueError, match="positions contains NaN"):
        deposit(torch.full((3, 2), math.nan), torch.ones(3), Grid((4, 5)))
    with pytest.raises(TypeError, match="needs positions"):
        deposit(torch.zeros(3, 2), torch.ones(3), Dense(torch.ones(4, 4)))


@pytest.mark.parametrize("solver", [emd, partial(sinkhorn, blur=1.0)])
def test_a_picture_in_another_unit_is_refused(solver):
    a, b = _pair((6, 7), 12)
    transport = solver(a, b, Grid((6, 7)))
    with pytest.raises(ValueError, match="spacing"):
        displacement_interpolation(transport, 1, Grid((6, 7), 2.0))


def test_parcels_are_painted_on_a_finer_grid():
    a, b = _pair((6, 7), 12)
    grid, fine = Grid((6, 7)), Grid((11, 13), 0.5)
    picture = displacement_interpolation(emd(a, b, grid), 1, fine)
    torch.testing.assert_close(picture[::2, ::2], b, rtol=1e-12, atol=1e-15)
    assert float(picture.sum()) == pytest.approx(float(b.sum()), rel=1e-12)


def test_costs_without_places_do_not_interpolate():
    a, b = _pair((4,), 11)
    with pytest.raises(TypeError, match="no places"):
        displacement_interpolation(emd(a, b, Dense(torch.ones(4, 4))), 0.5, Grid((4,)))
