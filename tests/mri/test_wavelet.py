"""The wavelet operator: laws, isometry, and pywt, whose convolutions it does not use."""

import numpy as np
import pytest
import pywt
import torch

from otrecon.mri import Wavelet
from tests.laws import check_operator, randn, relative


@pytest.mark.parametrize(
    ("im_size", "wavelet", "levels"),
    [((16, 24), "haar", 3), ((23, 18), "db2", 2), ((33, 30), "db4", 2), ((19, 21), "coif1", None), ((2, 3), "haar", 1)],
)
@pytest.mark.parametrize("dtype", [torch.complex128, torch.float64])
def test_laws_and_isometry(im_size, wavelet, levels, dtype):
    operator = Wavelet(im_size, wavelet, levels)
    check_operator(operator, dtype=dtype)
    x = randn((3, *im_size), seed=0, dtype=dtype)
    # Unitary: inverse on both sides, energy kept.
    assert relative(operator.adjoint(operator(x)) - x, x) < 1e-11
    assert relative(operator(operator.adjoint(x)) - x, x) < 1e-11
    assert relative(torch.linalg.vector_norm(operator(x)) - torch.linalg.vector_norm(x), x) < 1e-11


@pytest.mark.parametrize(("wavelet", "levels"), [("haar", 3), ("coif1", 2), ("coif1", 1)])
def test_equals_pywt_where_the_periodic_grids_coincide(wavelet, levels):
    x = randn((24, 40), seed=1, dtype=torch.float64)
    expected, _ = pywt.coeffs_to_array(pywt.wavedec2(x.numpy(), wavelet, "periodization", levels))
    torch.testing.assert_close(Wavelet((24, 40), wavelet, levels)(x), torch.from_numpy(expected), rtol=0, atol=1e-12)


@pytest.mark.parametrize("wavelet", ["db2", "db4", "sym4"])
def test_equals_pywt_up_to_where_the_grid_starts(wavelet):
    x = randn((20, 26), seed=2, dtype=torch.float64)
    ours = Wavelet((20, 26), wavelet, 1)(x)
    bands = {"low": ours[:10, :13], "high": ours[10:, 13:]}
    # pywt places these filters one pixel off: the same coefficients belong to the image shifted by one.
    low, (_, _, high) = pywt.dwt2(np.roll(x.numpy(), (1, 1), (0, 1)), wavelet, "periodization")
    for name, theirs in (("low", low), ("high", high)):
        distances = [
            np.abs(np.roll(theirs, (i, j), (0, 1)) - bands[name].numpy()).max() for i in range(10) for j in range(13)
        ]
        assert min(distances) < 1e-10
        assert sorted(distances)[1] > 0.1


def test_constant_image_has_one_scale():
    coefficients = Wavelet((24, 32), "db4", 2)(torch.ones(24, 32, dtype=torch.float64))
    torch.testing.assert_close(coefficients[:6, :8], torch.full((6, 8), 4.0, dtype=torch.float64))
    coefficients[:6, :8] = 0
    assert coefficients.abs().max() < 1e-9


def test_smooth_images_are_compressed():
    y, x = torch.meshgrid(torch.linspace(-1, 1, 45), torch.linspace(-1, 1, 38), indexing="ij")
    image = torch.exp(-4 * (x**2 + y**2))
    coefficients = Wavelet((45, 38), "db4", 2)(image).abs().flatten().sort(descending=True).values
    energy = coefficients.square()
    assert energy[:200].sum() > 0.999 * energy.sum()


def test_default_levels_and_dtype():
    assert Wavelet((230, 180)).levels == 4
    assert Wavelet((20, 18)).levels == 2
    assert Wavelet((16, 17))(torch.zeros(16, 17, dtype=torch.complex64)).dtype == torch.complex64


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((16, 16), "bior4.4"), "orthogonal wavelet"),
        (((16, 16), "db99"), "orthogonal wavelet"),
        (((16, 16), "mexh"), "orthogonal wavelet"),
        (((16, 20), "db4", 3), "levels must lie between 1 and 2"),
        (((16, 20), "db4", 0), "levels must lie between 1 and 2"),
        (((6, 20), "db4"), "levels must lie between 1 and 0"),
        (((16,), "db4"), "im_size must be two positive integers"),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        Wavelet(*arguments)
