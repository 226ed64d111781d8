"""Moments against the same sums in numpy, spelled out pixel by pixel."""

import numpy as np
import pytest
import torch

from otrecon.ot import moments
from otrecon.ot.geometry import Grid


def by_hand(a, spacing):
    """Mass, mean and covariance of one measure by a loop over its pixels."""
    places = [np.multiply(index, spacing) for index in np.ndindex(a.shape)]
    weights = [a[index] for index in np.ndindex(a.shape)]
    mass = sum(weights)
    mean = sum(w * x for w, x in zip(weights, places, strict=True)) / mass
    covariance = sum(w * np.outer(x - mean, x - mean) for w, x in zip(weights, places, strict=True)) / mass
    return mass, mean, covariance


@pytest.mark.parametrize(
    ("shape", "spacing"), [((9,), (0.5,)), ((5, 8), (1.0, 1.0)), ((4, 7), (2.0, 0.3)), ((3, 4, 5), (2.5, 1.0, 0.7))]
)
def test_moments_are_the_sums(shape, spacing):
    a = torch.rand((2, 3, *shape), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    a[a < 0.3] = 0
    grid = Grid(shape, spacing)
    got = moments.mass(a, grid), moments.mean(a, grid), moments.covariance(a, grid)
    assert [tuple(m.shape) for m in got] == [(2, 3), (2, 3, len(shape)), (2, 3, len(shape), len(shape))]
    for i, j in np.ndindex(2, 3):
        for value, expected in zip(got, by_hand(a[i, j].numpy(), spacing), strict=True):
            np.testing.assert_allclose(value[i, j].numpy(), expected, rtol=1e-12, atol=1e-12)


def test_a_point_has_no_width_however_far_it_lies():
    a = torch.zeros(2001, dtype=torch.float64)
    a[1990] = 3.0
    grid = Grid((2001,))
    assert moments.mean(a, grid).item() == 1990
    assert abs(moments.covariance(a, grid).item()) < 1e-9


def test_dtype_is_kept_and_the_sum_is_exact():
    a = torch.full((1000, 1000), 0.1, dtype=torch.float32)
    total = moments.mass(a, Grid((1000, 1000)))
    assert total.dtype == torch.float32
    assert total.item() == np.float32(1e6 * np.float64(np.float32(0.1)))
    assert moments.mean(a, Grid((1000, 1000))).dtype == torch.float32


def test_gradients():
    a = torch.rand((2, 3, 4), generator=torch.Generator().manual_seed(1), dtype=torch.float64, requires_grad=True)
    grid = Grid((3, 4), (1.5, 0.5))
    for function in (moments.mass, moments.mean, moments.covariance):
        assert torch.autograd.gradcheck(lambda m, function=function: function(m, grid), a)


@pytest.mark.parametrize("function", [moments.mass, moments.mean, moments.covariance])
@pytest.mark.parametrize(
    ("bad", "error", "match"),
    [
        ([1.0, 2.0, 3.0], TypeError, "tensor"),
        (torch.ones(3, dtype=torch.complex64), TypeError, "to_measure"),
        (torch.ones(3, dtype=torch.int64), TypeError, "float64"),
        (torch.ones(4), ValueError, "axes must be equal"),
        (torch.tensor([1.0, -1.0, 1.0]), ValueError, "negative"),
        (torch.tensor([1.0, float("nan"), 1.0]), ValueError, "NaN"),
        (torch.stack([torch.ones(3), torch.zeros(3)]), ValueError, "no mass"),
    ],
)
def test_bad_input(function, bad, error, match):
    with pytest.raises(error, match=match):
        function(bad, Grid((3,)))
