import numpy as np
import pytest
import torch

from otrecon.fourier import fft2c
from otrecon.mri.cartesian import CartesianMRI
from tests.laws import check_operator, randn, relative


def random_mask(im_size, seed=0):
    return torch.rand(im_size, generator=torch.Generator().manual_seed(seed)) < 0.4


@pytest.mark.parametrize("im_size", [(6, 9), (7, 4)])
@pytest.mark.parametrize("coils", [None, 3])
def test_laws(im_size, coils):
    smaps = None if coils is None else randn((coils, *im_size), seed=7)
    operator = CartesianMRI(random_mask(im_size), smaps)
    assert operator.domain == im_size
    assert operator.range == (coils or 1, *im_size)
    check_operator(operator)


def test_equals_a_loop_over_coils_and_samples():
    im_size, coils = (3, 4), 2
    mask, smaps, image = random_mask(im_size), randn((coils, *im_size), seed=1), randn(im_size, seed=2)
    expected = np.zeros((coils, *im_size), dtype=complex)
    for c in range(coils):
        for p, q in np.argwhere(mask.numpy()):
            for y in range(im_size[0]):
                for x in range(im_size[1]):
                    phase = (p - 1) * (y - 1) / im_size[0] + (q - 2) * (x - 2) / im_size[1]
                    weighted = smaps[c, y, x].item() * image[y, x].item()
                    expected[c, p, q] += weighted * np.exp(-2j * np.pi * phase) / np.sqrt(12)
    measured = CartesianMRI(mask, smaps)(image)
    assert relative(measured - torch.from_numpy(expected), measured) < 1e-13
    assert (measured[:, ~mask] == 0).all()


def test_without_maps_it_is_the_masked_fourier_transform():
    mask, image = random_mask((5, 6)), randn((2, 5, 6), seed=3)
    torch.testing.assert_close(CartesianMRI(mask)(image), (mask * fft2c(image))[:, None])


@pytest.mark.parametrize("shape", [(5, 1), (1, 6)])
def test_expands_a_line_mask(shape):
    mask = random_mask(shape, seed=1)
    full = mask.expand(5, 6)
    assert full.any()
    smaps = randn((2, 5, 6), seed=4)
    assert torch.equal(CartesianMRI(mask, smaps).mask, full)
    assert torch.equal(CartesianMRI(mask, im_size=(5, 6)).mask, full)


def test_computes_in_the_precision_of_its_input():
    operator = CartesianMRI(random_mask((5, 6)), randn((2, 5, 6), seed=4))
    for dtype in (torch.complex64, torch.complex128):
        check_operator(operator, dtype=dtype, tolerance=1e-5)


def test_norm_is_one_for_normalised_maps():
    smaps = randn((3, 5, 6), seed=4)
    smaps = smaps / torch.linalg.vector_norm(smaps, dim=0)
    assert CartesianMRI(torch.ones(5, 6, dtype=torch.bool), smaps).norm() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("mask", "smaps", "error", "message"),
    [
        (torch.ones(4, 5), None, TypeError, r"boolean, got torch\.float32"),
        (np.ones((4, 5), dtype=bool), None, TypeError, "torch tensor, got ndarray"),
        (torch.ones(2, 4, 5, dtype=torch.bool), None, ValueError, r"\(y, x\).*got \(2, 4, 5\)"),
        (torch.zeros(4, 5, dtype=torch.bool), None, ValueError, "False everywhere"),
        (torch.ones(1, 5, dtype=torch.bool), None, ValueError, "smaps or im_size"),
        (torch.ones(4, 5, dtype=torch.bool), torch.ones(2, 5, 4, dtype=torch.complex64), ValueError, "does not fit"),
        (torch.ones(4, 5, dtype=torch.bool), torch.ones(4, 5, dtype=torch.complex64), ValueError, r"\(coil, y, x\)"),
        (torch.ones(4, 5, dtype=torch.bool), torch.ones(2, 4, 5), TypeError, r"complex, got torch\.float32"),
        (
            torch.ones(4, 5, dtype=torch.bool),
            torch.full((2, 4, 5), float("nan"), dtype=torch.complex64),
            ValueError,
            "NaN or infinity",
        ),
    ],
)
def test_rejects_bad_construction(mask, smaps, error, message):
    with pytest.raises(error, match=message):
        CartesianMRI(mask, smaps)


def test_rejects_bad_input():
    operator = CartesianMRI(torch.ones(4, 5, dtype=torch.bool))
    with pytest.raises(TypeError, match="complex"):
        operator(torch.ones(4, 5))
    with pytest.raises(TypeError, match="complex"):
        operator.adjoint(torch.ones(1, 4, 5))
    with pytest.raises(TypeError, match="complex"):
        operator.gram(torch.ones(4, 5))
    with pytest.raises(ValueError, match="do not fit"):
        CartesianMRI(torch.ones(4, 5, dtype=torch.bool), randn((2, 4, 5), seed=1), im_size=(5, 4))
