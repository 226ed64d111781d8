import numpy as np
import pytest
import torch

from otrecon.fourier import Fourier, fft2c, ifft2c
from tests.laws import check_operator, randn, relative

SIZES = [(6, 9), (5, 8), (7, 3), (1, 4)]


def centred_dft_matrix(n):
    index = np.arange(n) - n // 2
    return np.exp(-2j * np.pi * np.outer(index, index) / n) / np.sqrt(n)


@pytest.mark.parametrize("im_size", SIZES)
def test_equals_the_dft_sum_written_as_matrices(im_size):
    image = randn((2, *im_size), seed=4)
    expected = centred_dft_matrix(im_size[0]) @ image.numpy() @ centred_dft_matrix(im_size[1]).T
    assert relative(fft2c(image) - torch.from_numpy(expected), fft2c(image)) < 1e-13


@pytest.mark.parametrize("im_size", SIZES)
def test_laws_and_unitarity(im_size):
    check_operator(Fourier(im_size))
    image = randn((3, *im_size), seed=5)
    assert relative(ifft2c(fft2c(image)) - image, image) < 1e-14
    assert torch.linalg.vector_norm(fft2c(image)).item() == pytest.approx(torch.linalg.vector_norm(image).item())


@pytest.mark.parametrize("im_size", SIZES)
def test_centre_is_half_the_size_rounded_down(im_size):
    point = torch.zeros(im_size, dtype=torch.complex128)
    point[im_size[0] // 2, im_size[1] // 2] = 1
    flat = torch.full(im_size, (im_size[0] * im_size[1]) ** -0.5, dtype=torch.complex128)
    torch.testing.assert_close(fft2c(point), flat)
    torch.testing.assert_close(fft2c(flat), point)


@pytest.mark.parametrize("dtype", [torch.complex64, torch.complex128])
def test_preserves_the_dtype(dtype):
    assert fft2c(torch.ones(3, 4, dtype=dtype)).dtype == dtype
    assert ifft2c(torch.ones(3, 4, dtype=dtype)).dtype == dtype


@pytest.mark.parametrize("transform", [fft2c, ifft2c])
def test_rejects_bad_input(transform):
    with pytest.raises(TypeError, match=r"must be complex, got torch\.float32"):
        transform(torch.ones(3, 4))
    with pytest.raises(TypeError, match="torch tensor, got ndarray"):
        transform(np.ones((3, 4), dtype=complex))
    with pytest.raises(ValueError, match=r"\(\.\.\., y, x\), got \(4,\)"):
        transform(torch.ones(4, dtype=torch.complex64))


@pytest.mark.parametrize("im_size", [(4,), (4, 0), (4, 2.5), (2, 3, 4)])
def test_rejects_bad_sizes(im_size):
    with pytest.raises(ValueError, match="two positive integers"):
        Fourier(im_size)
