"""GaussianBlur: the laws, the Gaussian it claims to be, and its singular values against a dense decomposition."""

import math

import pytest
import torch

from otrecon.blur import GaussianBlur
from tests.laws import check_operator, randn, relative


@pytest.mark.parametrize("im_size", [(9,), (8,), (7, 10), (3, 4, 5)])
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_laws(im_size, dtype):
    check_operator(GaussianBlur(im_size, 0.8), dtype=dtype, batch=(2, 3))


@pytest.mark.parametrize("dtype", [torch.float32, torch.complex64])
def test_single_precision_stays_single(dtype):
    x = randn((7, 10), seed=4, dtype=dtype)
    blurred = GaussianBlur((7, 10), 0.8)(x)
    wide = GaussianBlur((7, 10), 0.8)(x.to(torch.promote_types(dtype, torch.float64)))
    assert blurred.dtype == dtype
    assert relative(blurred - wide, wide) < 1e-6


def test_a_point_becomes_the_periodic_gaussian():
    # Spelled out in space, with the copies that the period brings.
    ny, nx, width = 15, 18, 1.3
    point = torch.zeros(ny, nx, dtype=torch.float64)
    point[2, 3] = 1.0

    def profile(n, centre):
        distance = torch.arange(n, dtype=torch.float64) - centre
        copies = [torch.exp(-((distance + n * k) ** 2) / (2 * width**2)) for k in range(-3, 4)]
        return sum(copies) / (width * math.sqrt(2 * math.pi))

    expected = profile(ny, 2)[:, None] * profile(nx, 3)
    # Cut off at the Nyquist frequency, the spectrum loses exp(-2 pi^2 width^2 / 4) of its height.
    tolerance = 2 * math.exp(-(math.pi**2) * width**2 / 2)
    assert (GaussianBlur((ny, nx), width)(point) - expected).abs().max() < tolerance * expected.max()
    assert tolerance < 1e-3


@pytest.mark.parametrize("im_size", [(11,), (5, 6)])
def test_singular_values_are_those_of_the_matrix(im_size):
    blur = GaussianBlur(im_size, 0.9)
    n = math.prod(im_size)
    matrix = blur(torch.eye(n, dtype=torch.float64).reshape(n, *im_size)).reshape(n, n).T
    expected = torch.linalg.svdvals(matrix)
    assert relative(blur.singular_values.flatten().sort(descending=True).values - expected, expected) < 1e-14


def test_filtered_is_the_function_of_the_matrix():
    blur = GaussianBlur((12,), 1.1)
    matrix = blur(torch.eye(12, dtype=torch.float64)).T
    U, s, Vh = torch.linalg.svd(matrix)
    data = randn((4, 12), seed=5, dtype=torch.float64)
    for response in (lambda s: 1 / s, lambda s: s / (s**2 + 0.03), lambda s: (s > 0.2) / s):
        expected = (data @ U * response(s)) @ Vh
        assert relative(blur.filtered(data, response) - expected, expected) < 1e-10


def test_several_filters_at_once():
    blur, data, weights = GaussianBlur((5, 6), 0.9), randn((5, 6), seed=7), torch.tensor([0.01, 0.1, 1.0])
    together = blur.filtered(data, lambda s: s / (s**2 + weights[:, None, None]))
    for weight, picture in zip(weights, together, strict=True):
        assert relative(blur.gram(picture) + weight * picture - blur.adjoint(data), data) < 1e-12


def test_no_width_no_blur():
    x = randn((5, 6), seed=6)
    assert relative(GaussianBlur((5, 6), 0)(x) - x, x) < 1e-15


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: GaussianBlur((), 1.0), "one or more positive integers"),
        (lambda: GaussianBlur((4, 0), 1.0), "one or more positive integers"),
        (lambda: GaussianBlur((4, 5), -1.0), "at least 0, got -1.0"),
        (lambda: GaussianBlur((4, 5), math.nan), "at least 0, got nan"),
        (
            lambda: GaussianBlur((4, 5), 1.0).filtered(torch.zeros(5, 4), torch.square),
            r"range of shape \(\.\.\., 4, 5\)",
        ),
    ],
)
def test_errors_name_the_problem(call, message):
    with pytest.raises(ValueError, match=message):
        call()
