"""Coil compression against numpy's singular value decomposition."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from otrecon.mri import combine, fft2c, root_sum_of_squares, simulate_coils
from otrecon.mri.compression import compress_coils
from tests.laws import randn, relative


def kspace(coils: int = 7) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    smaps = simulate_coils((22, 17), coils, unit=False, dtype=torch.complex128)
    image = randn((22, 17), seed=0)
    return fft2c(smaps * image), smaps, image


@pytest.mark.parametrize("virtual", [1, 3, 7])
def test_compression_is_the_best_of_its_rank(virtual):
    kdata, _, _ = kspace()
    result = compress_coils(kdata, virtual)
    _, values, rows = np.linalg.svd(kdata.reshape(7, -1).numpy(), full_matrices=False)
    assert result.kdata.shape == (virtual, 22, 17)
    assert result.energy == pytest.approx((values[:virtual] ** 2).sum() / (values**2).sum(), rel=1e-12)
    norms = torch.linalg.vector_norm(result.kdata.flatten(1), dim=1).numpy()
    assert norms == pytest.approx(values[:virtual], rel=1e-8)
    overlap = np.abs(result.kdata.reshape(virtual, -1).numpy().conj() @ rows[:virtual].T) / values[:virtual, None]
    assert np.abs(overlap - np.eye(virtual)).max() < 1e-6
    assert relative(result.matrix @ result.matrix.mH - torch.eye(virtual), torch.eye(virtual)) < 1e-12


def test_keeping_all_coils_loses_nothing():
    kdata, smaps, image = kspace()
    result = compress_coils(kdata, 7)
    assert result.energy == pytest.approx(1, abs=1e-14)
    assert relative(root_sum_of_squares(result.kdata) - root_sum_of_squares(kdata), root_sum_of_squares(kdata)) < 1e-12
    assert relative(combine(result.compress(smaps * image), result.compress(smaps)) - image, image) < 1e-12


def test_energy_does_not_depend_on_how_coils_are_mixed():
    kdata, _, _ = kspace()
    unitary = torch.linalg.qr(randn((7, 7), seed=1)).Q
    mixed = torch.einsum("dc,cyx->dyx", unitary, kdata)
    plain, turned = compress_coils(kdata, 3), compress_coils(mixed, 3)
    assert turned.energy == pytest.approx(plain.energy, rel=1e-12)
    # Each virtual coil is the same up to a phase: so are the magnitudes.
    assert relative(turned.kdata.abs() - plain.kdata.abs(), plain.kdata.abs()) < 1e-8


def test_matrix_comes_from_the_calibration_data_and_serves_a_batch():
    kdata, _, _ = kspace()
    center = kdata[:, 8:14, 5:11]
    batch = torch.stack([kdata, 2j * kdata])
    result = compress_coils(batch, 4, calibration=center)
    assert result.kdata.shape == (2, 4, 22, 17)
    assert torch.equal(result.matrix, compress_coils(center, 4).matrix)
    assert relative(result.kdata[1] - 2j * result.kdata[0], result.kdata[1]) < 1e-12
    assert result.energy == compress_coils(center, 4).energy
    assert compress_coils(kdata.to(torch.complex64), 2).kdata.dtype == torch.complex64


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda k: compress_coils(k, 0), "from 1 to all"),
        (lambda k: compress_coils(k, 8), "from 1 to all"),
        (lambda k: compress_coils(k, 2, calibration=k[:3]), "same number of coils"),
        (lambda k: compress_coils(0 * k, 2), "nothing to compress"),
        (lambda k: compress_coils(k / 0, 2), "calibration data contain NaN"),
        (lambda k: compress_coils(k, 2).compress(k[:3]), "expected"),
    ],
)
def test_bad_requests_say_why(call, message):
    with pytest.raises(ValueError, match=message):
        call(kspace()[0])


def test_real_data_are_refused():
    with pytest.raises(TypeError, match="complex"):
        compress_coils(kspace()[0].real, 2)
