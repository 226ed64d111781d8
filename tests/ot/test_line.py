"""Transport on the line by quantiles, against scipy, the linear programme and closed forms."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm, wasserstein_distance

from otrecon.ot.exact import emd
from otrecon.ot.geometry import Dense, Grid
from otrecon.ot.line import line_barycenter, quantiles, wasserstein_line


def _measures(shape, seed=0, zeros=0.3):
    generator = torch.Generator().manual_seed(seed)
    measure = torch.rand(shape, generator=generator, dtype=torch.float64)
    measure[measure < zeros] = 0
    measure[..., 0] += 0.1
    return measure / measure.sum(-1, keepdim=True)


def _positions(n, seed=1):
    return 5 * torch.randn(n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("n", [1, 2, 17, 200])
def test_w1_is_that_of_scipy(n):
    a, b, x = _measures(n, 2), _measures(n, 3), _positions(n)
    expected = wasserstein_distance(x.numpy(), x.numpy(), a.numpy(), b.numpy())
    assert float(wasserstein_line(a, b, x, p=1)) == pytest.approx(expected, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("p", [1, 1.5, 2, 4])
def test_wp_is_the_optimum_over_all_plans(p):
    a, b, x = _measures(19, 4), _measures(19, 5), _positions(19)
    cost = (x[:, None] - x).abs() ** p
    value = float(emd(a, b, Dense(cost)).value)
    assert float(wasserstein_line(a, b, x, p=p)) == pytest.approx(value ** (1 / p), rel=1e-12)


@pytest.mark.parametrize("spacing", [1.0, 0.25])
def test_on_a_grid_exact_transport_is_half_the_square(spacing):
    a, b = _measures(40, 6), _measures(40, 7)
    value = float(emd(a, b, Grid((40,), spacing)).value)
    assert float(wasserstein_line(a, b, spacing=spacing)) ** 2 / 2 == pytest.approx(value, rel=1e-12)


def test_masses_other_than_one():
    a, b = 7 * _measures(12, 8), 7 * _measures(12, 9)
    assert float(wasserstein_line(a, b)) ** 2 / 2 == pytest.approx(float(emd(a, b, Grid((12,))).value), rel=1e-12)


@pytest.mark.parametrize("p", [1, 2, 5])
def test_a_shift_is_its_length(p):
    a = torch.zeros(50, dtype=torch.float64)
    a[3:20] = _measures(17, 10)
    assert float(wasserstein_line(a, a.roll(13), p=p)) == pytest.approx(13, rel=1e-12)
    assert float(wasserstein_line(a, a, p=p)) == 0


def test_gaussians():
    x = torch.linspace(-30, 30, 60_001, dtype=torch.float64)
    a, b = (torch.from_numpy(norm.pdf(x.numpy(), mean, std)) for mean, std in ((-1, 2), (3, 0.5)))
    distance = float(wasserstein_line(a / a.sum(), b / b.sum(), x))
    assert distance == pytest.approx(math.hypot(4, 1.5), rel=1e-6)


def test_batches_broadcast():
    a, b, x = _measures((3, 1, 11), 11), _measures((2, 11), 12), _positions(11)
    distance = wasserstein_line(a, b, x)
    assert distance.shape == (3, 2)
    for i in range(3):
        for j in range(2):
            assert float(distance[i, j]) == pytest.approx(float(wasserstein_line(a[i, 0], b[j], x)), rel=1e-14)


def test_dtype_is_kept():
    a, b = _measures(30, 13), _measures(30, 14)
    single = wasserstein_line(a.float(), b.float())
    assert single.dtype == torch.float32
    assert float(single) == pytest.approx(float(wasserstein_line(a, b)), rel=1e-6)


@pytest.mark.parametrize("p", [1, 2, 3])
def test_gradient_along_changes_that_keep_mass(p):
    a, b, x = _measures(9, 15, zeros=0), _measures(9, 16, zeros=0), _positions(9)

    def distance(da, db):
        return wasserstein_line(a + da - da.mean(), b + db - db.mean(), x, p=p)

    zero = [torch.zeros(9, dtype=torch.float64, requires_grad=True) for _ in range(2)]
    assert torch.autograd.gradcheck(distance, zero, eps=1e-7, atol=1e-6)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_gradient_at_an_empty_pixel_is_that_of_the_simplex(seed):
    generator = torch.Generator().manual_seed(seed)
    a, b = torch.rand(2, 14, dtype=torch.float64, generator=generator)
    a[torch.randperm(14, generator=generator)[:6]] = 0.0
    b[torch.randperm(14, generator=generator)[:3]] = 0.0
    a, b = a / a.sum(), b / b.sum()
    probe = a.clone().requires_grad_()
    (wasserstein_line(probe, b) ** 2 / 2).backward()
    full = int(a.argmax())
    base, step = float(wasserstein_line(a, b)) ** 2 / 2, 1e-7
    for pixel in range(14):
        # One-sided: mass cannot be taken from an empty pixel. For so small a step the value is linear.
        moved = a.clone()
        moved[pixel] += step
        moved[full] -= step
        slope = (float(wasserstein_line(moved, b)) ** 2 / 2 - base) / step
        assert float(probe.grad[pixel] - probe.grad[full]) == pytest.approx(slope, abs=1e-5)


def test_where_the_distance_is_zero_so_is_its_derivative():
    a = _measures((2, 9), 17).requires_grad_()
    wasserstein_line(a, a[:1].detach()).sum().backward()
    assert torch.isfinite(a.grad).all()
    assert (a.grad[0] == 0).all()
    assert (a.grad[1] != 0).any()


def test_quantiles_are_those_of_numpy():
    a, x = _measures(25, 18), _positions(25)
    levels = torch.tensor([0.0, 0.013, 0.25, 0.5, 0.77, 1.0], dtype=torch.float64)
    expected = np.quantile(x, levels, weights=a, method="inverted_cdf")
    assert quantiles(a, levels, x).tolist() == pytest.approx(expected.tolist())
    both = quantiles(torch.stack([a, a.flip(0)]), levels, x)
    assert both[0].tolist() == quantiles(a, levels, x).tolist()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_rounding_of_a_level_does_not_reach_the_next_place(dtype):
    assert quantiles(torch.full((10,), 0.1), torch.arange(1, 11, dtype=dtype) / 10).tolist() == list(range(10))
    with pytest.raises(TypeError, match="levels"):
        quantiles(torch.ones(4), [0.5])


def test_the_first_quantile_is_where_mass_begins():
    a = torch.tensor([0.0, 0, 1, 3, 0], dtype=torch.float64)
    assert quantiles(a, torch.tensor([0.0, 0.25, 0.26, 1.0])).tolist() == [2, 2, 3, 3]


def test_barycenter_of_two_points_is_between():
    points = torch.eye(11, dtype=torch.float64)[[2, 8]]
    average = line_barycenter(points, weights=[0.25, 0.75])
    assert average.positions[average.mass > 0].tolist() == [6.5]
    assert float(average.mass.sum()) == 1


@pytest.mark.parametrize("weights", [[0.8, 0.2], (0.3, 0.7), torch.tensor([0.8, 0.2])])
def test_shares_of_any_precision_leave_the_last_place_where_it_is(weights):
    points = torch.zeros(2, 160, dtype=torch.float64)
    points[:, -1] = 1
    assert float(line_barycenter(points, weights=weights).positions.max()) == pytest.approx(159, abs=1e-12)


def test_barycenter_of_gaussians():
    x = torch.linspace(-40, 40, 4001, dtype=torch.float64)
    stack = torch.stack([torch.from_numpy(norm.pdf(x.numpy(), m, s)) for m, s in ((-5, 1), (0, 2), (8, 4))])
    weights = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
    average = line_barycenter(stack / stack.sum(-1, keepdim=True), x, weights=weights)
    mean = float((average.mass * average.positions).sum())
    std = float((average.mass * (average.positions - mean) ** 2).sum().sqrt())
    assert mean == pytest.approx(-0.9, abs=1e-9)
    assert std == pytest.approx(1.9, rel=1e-5)


def test_barycenter_minimises_the_sum_of_squared_distances():
    stack, x = _measures((3, 8), 19), _positions(8).sort().values
    weights = torch.tensor([0.2, 0.5, 0.3], dtype=torch.float64)
    average = line_barycenter(stack, x, weights=weights)
    # All on one set of positions, so that distances can be taken; equal positions differ by an unseen amount.
    places = torch.cat([x, average.positions])
    places = places + 1e-9 * torch.arange(len(places))

    def spread(mass):
        lifted = [torch.cat([one, torch.zeros_like(average.mass)]) for one in stack]
        return sum(w * float(wasserstein_line(mass, one, places)) ** 2 for w, one in zip(weights, lifted, strict=True))

    best = spread(torch.cat([torch.zeros_like(x), average.mass]))
    # The least possible value in closed form: the variance between the quantiles.
    levels = (torch.arange(200_000, dtype=torch.float64) + 0.5) / 200_000
    lines = quantiles(stack, levels, x)
    middle = (weights[:, None] * lines).sum(0)
    assert best == pytest.approx(float((weights[:, None] * (lines - middle) ** 2).sum(0).mean()), rel=1e-4)
    for other in stack:
        assert best < spread(torch.cat([other, torch.zeros_like(average.mass)]))


def test_barycenters_are_batched():
    stack = _measures((4, 3, 10), 20)
    average = line_barycenter(stack)
    assert average.mass.shape == average.positions.shape == (4, 30)
    one = line_barycenter(stack[2])
    torch.testing.assert_close(average.positions[2], one.positions)
    torch.testing.assert_close(average.mass[2], one.mass)


@settings(max_examples=80, deadline=None)
@given(
    n=st.integers(1, 30),
    p=st.floats(1, 6),
    seed=st.integers(0, 10_000),
    zeros=st.sampled_from([0.0, 0.5, 0.95, 2.0]),
    spacing=st.floats(1e-4, 1e4),
)
def test_a_distance_is_a_distance(n, p, seed, zeros, spacing):
    a, b, c = _measures((3, n), seed, zeros)
    extent = spacing * n
    # Rounding of the cumulated mass, of some 1e-16, under the p-th root.
    rounding = extent * (1e-15 * n) ** (1 / p)
    ab, ba, bc, ac, aa = (
        float(wasserstein_line(one, other, p=p, spacing=spacing))
        for one, other in ((a, b), (b, a), (b, c), (a, c), (a, a))
    )
    assert ab == pytest.approx(ba, rel=1e-9)
    assert 0 <= ab <= extent
    assert ac <= ab + bc + rounding
    assert aa == 0
    expected = wasserstein_distance(np.arange(n), np.arange(n), a.numpy(), b.numpy()) * spacing
    assert ab >= expected * (1 - 1e-9) - rounding


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"b": torch.full((4,), 1.0)}, ValueError, "to_measure"),
        ({"b": torch.zeros(4)}, ValueError, "no mass"),
        ({"b": torch.tensor([1.5, -0.5, 0, 0])}, ValueError, "negative"),
        ({"b": torch.tensor([math.nan, 0.5, 0, 0])}, ValueError, "NaN"),
        ({"b": torch.tensor([0.5, 0.5])}, ValueError, "must be equal"),
        ({"b": torch.tensor([1, 0, 0, 0])}, TypeError, "int64"),
        ({"b": torch.full((4,), 0.25, dtype=torch.float64)}, TypeError, "bring them together"),
        ({"x": torch.tensor([0.0, 1, 1, 2])}, ValueError, "the same"),
        ({"x": torch.tensor([0.0, 1, 2])}, ValueError, "needs 4"),
        ({"x": torch.tensor([0.0, 1, 2, math.inf])}, ValueError, "finite"),
        ({"x": torch.arange(4)}, TypeError, "int64"),
        ({"p": 0.5}, ValueError, "at least 1"),
        ({"p": math.inf}, ValueError, "finite"),
        ({"spacing": 0.0}, ValueError, "positive"),
        ({"a": torch.tensor(1.0)}, ValueError, "axes|shape"),
    ],
)
def test_what_has_no_distance_is_refused(change, error, message):
    arguments = {"a": torch.full((4,), 0.25), "b": torch.full((4,), 0.25), **change}
    with pytest.raises(error, match=message):
        wasserstein_line(**arguments)


@pytest.mark.parametrize(
    ("measures", "weights", "message"),
    [
        (torch.ones(4), None, "axis of measures"),
        (torch.ones(2, 4), [0.5, 0.6], "add up to 1"),
        (torch.ones(2, 4), [1.5, -0.5], "at least 0"),
        (torch.ones(2, 4), torch.full((3, 2), 0.5), "one weight for each of 2"),
        (torch.ones(2, 4), [1.0], "one weight for each"),
        (torch.tensor([[1.0, 1], [1, 2]]), None, "to_measure"),
    ],
)
def test_what_has_no_barycenter_is_refused(measures, weights, message):
    with pytest.raises(ValueError, match=message):
        line_barycenter(measures, weights=weights)


@pytest.mark.parametrize(
    "levels", [torch.tensor([-0.1]), torch.tensor([1.1]), torch.tensor([math.nan]), torch.tensor(0.5)]
)
def test_levels_are_shares(levels):
    with pytest.raises(ValueError, match="levels"):
        quantiles(torch.ones(4), levels)
