"""Sensitivities from data: against a dense projection, against maps that are known, and on a real brain."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from otrecon.mri import CartesianMRI, fft2c, ifft2c, root_sum_of_squares, simulate_coils
from otrecon.mri.calibration import calibration_region, center_crop, walsh
from otrecon.mri.espirit import espirit, espirit_eigenmaps
from otrecon.mri.masks import equispaced_lines, poisson_disk
from otrecon.mri.noise import add_noise
from otrecon.phantoms.coils import ring_coils
from otrecon.phantoms.ellipses import Ellipse, EllipsePhantom
from tests.laws import randn, relative

HEAD = EllipsePhantom(
    (
        Ellipse(1.0, (0.0, 0.05), (0.8, 0.6), 0.1),
        Ellipse(-0.5, (0.0, 0.0), (0.7, 0.5)),
        Ellipse(0.8j, (-0.2, 0.2), (0.3, 0.15), 0.4),
        Ellipse(0.4 - 0.3j, (0.25, -0.2), (0.2, 0.2)),
    )
)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def agreement(estimate: Tensor, truth: Tensor) -> Tensor:
    """Cosine between the maps of each pixel; 0 where the estimate is 0."""
    norms = (root_sum_of_squares(estimate) * root_sum_of_squares(truth)).clamp_min(1e-12)
    return (estimate.conj() * truth).sum(0).abs() / norms


@pytest.mark.parametrize("im_size", [(30, 41), (33, 24)])
@pytest.mark.parametrize("size", [(1, 1), (5, 8), (8, 5), (6, 6), (1, 7), (30, 3)])
def test_region_is_the_rectangle_that_was_sampled(im_size, size):
    mask = torch.zeros(im_size, dtype=torch.bool)
    center_crop(mask, size).fill_(True)
    assert calibration_region(mask) == size
    # One sample more than the rectangle changes nothing; one less makes it smaller.
    ny, nx = im_size
    if size[0] < ny:
        mask[ny // 2 + (size[0] + 1) // 2 if size[0] % 2 else ny // 2 - size[0] // 2 - 1, nx // 2] = True
    area = size[0] * size[1]
    found = calibration_region(mask)
    assert found == size or found[0] * found[1] > area
    corner = torch.zeros(im_size, dtype=torch.bool)
    center_crop(corner, size)[:] = True
    if area > 1:
        center_crop(corner, size)[0, 0] = center_crop(corner, size)[-1, -1] = False
        found = calibration_region(corner)
        assert found[0] * found[1] < area


def test_region_of_line_masks_and_of_data():
    mask = equispaced_lines((24, 64), 4).mask
    assert calibration_region(mask) == (24, 5)
    assert calibration_region(mask.T) == (5, 24)
    mask = poisson_disk((64, 51), 6, generator=seeded(), calibration=12).mask
    assert calibration_region(mask) == (12, 12)
    kdata = randn((2, 3, 64, 51), seed=0) * mask
    kdata[0, 0] = 0
    assert calibration_region(kdata) == (12, 12)
    mask[32, 25] = False
    with pytest.raises(ValueError, match="not sampled"):
        calibration_region(mask)


def test_center_crop_keeps_the_centre():
    for n, size in [(8, 4), (8, 5), (9, 4), (9, 5), (9, 9)]:
        row = torch.arange(n)[None]
        assert center_crop(row, (1, size))[0, size // 2] == n // 2
    with pytest.raises(ValueError, match="does not fit"):
        center_crop(torch.zeros(4, 4), (5, 2))


def test_eigenvalues_are_those_of_the_dense_projection():
    """Pixel by pixel: windows by slicing, the subspace by numpy's SVD, the operator written out."""
    coils, kernel, (ny, nx) = 3, 3, (14, 11)
    kdata = fft2c(simulate_coils((ny, nx), coils, dtype=torch.complex128) * randn((ny, nx), seed=0))
    values, vectors = espirit_eigenmaps(kdata, calibration=(9, 8), kernel=kernel, threshold=0.3)
    center = center_crop(kdata, (9, 8)).numpy()
    windows = [center[:, i : i + kernel, j : j + kernel].ravel() for i in range(7) for j in range(6)]
    left, singular, _ = np.linalg.svd(np.array(windows).T, full_matrices=False)
    basis = left[:, singular > 0.3 * singular[0]]
    assert 3 < basis.shape[1] < 20
    for y, x in [(0, 0), (7, 5), (3, 9), (13, 2)]:
        wave = np.exp(
            -2j * np.pi * (np.arange(3)[:, None] * (y - ny // 2) / ny + np.arange(3) * (x - nx // 2) / nx)
        ).ravel()
        embed = np.kron(np.eye(coils), wave[:, None])
        matrix = embed.conj().T @ basis @ basis.conj().T @ embed / kernel**2
        expected = np.linalg.eigvalsh(matrix)[::-1]
        assert np.abs(values[:, y, x].numpy() - expected).max() < 1e-12
        for k in range(coils):
            v = vectors[k, :, y, x].numpy()
            assert np.abs(matrix @ v - expected[k] * v).max() < 1e-12


@pytest.mark.parametrize("snr", [None, 50.0])
@pytest.mark.parametrize("im_size", [(96, 80), (81, 97)])
def test_espirit_finds_maps_that_are_known(im_size, snr):
    """Eight coils, k-space by formula (no grid in the making of the data), a 24 x 24 centre, Poisson-disk outside."""
    coils = ring_coils(8)
    kdata = HEAD.cartesian_kspace(im_size, coils=coils)
    truth = coils.maps(im_size)
    mask = poisson_disk(im_size, 5, generator=seeded(), calibration=24).mask
    kdata = kdata * mask if snr is None else add_noise(kdata, snr=snr, generator=seeded(), mask=mask)
    smaps = espirit(kdata)
    inside = EllipsePhantom((HEAD.ellipses[0],)).image(im_size) > 0.99
    outside = EllipsePhantom((Ellipse(1.0, (0.0, 0.05), (0.95, 0.75), 0.1),)).image(im_size) == 0
    assert agreement(smaps, truth)[inside].min() > 0.999
    assert agreement(smaps, truth)[inside].median() > 0.9999
    assert (root_sum_of_squares(smaps)[inside] - 1).abs().max() < 1e-5
    assert (root_sum_of_squares(smaps)[outside] == 0).double().mean() > 0.5


def test_espirit_is_the_same_in_both_precisions_and_keeps_the_dtype():
    kdata = HEAD.cartesian_kspace((64, 60), coils=ring_coils(4), dtype=torch.complex128)
    double, single = espirit(kdata, crop=0), espirit(kdata.to(torch.complex64), crop=0)
    assert (double.dtype, single.dtype) == (torch.complex128, torch.complex64)
    inside = HEAD.image((64, 60)).abs() > 0.1
    assert (agreement(single.to(double.dtype), double)[inside] > 1 - 1e-6).all()


def test_phase_of_the_reference_coil_is_zero():
    kdata = HEAD.cartesian_kspace((64, 60), coils=ring_coils(4), dtype=torch.complex128)
    smaps = espirit(kdata, reference=2)
    assert smaps[2].imag.abs().max() < 1e-12
    assert smaps[2].real.min() >= 0
    # The virtual reference turns with the coils: mixing them by a unitary matrix mixes the maps by the same matrix.
    unitary = torch.linalg.qr(randn((4, 4), seed=1)).Q
    mixed = espirit(torch.einsum("dc,cyx->dyx", unitary, kdata), crop=0)
    turned = torch.einsum("dc,cyx->dyx", unitary, espirit(kdata, crop=0))
    inside = HEAD.image((64, 60)).abs() > 0.1
    phase = (turned.conj() * mixed)[:, inside].sum()
    assert relative((mixed - turned * phase / phase.abs())[:, inside], turned[:, inside]) < 1e-8


def test_walsh_is_the_dominant_eigenvector_of_each_neighbourhood():
    images = randn((3, 12, 10), seed=2)
    smaps = walsh(images, window=5, reference=1)
    for y, x in [(0, 0), (6, 4), (11, 9), (2, 8)]:
        block = images[:, max(y - 2, 0) : y + 3, max(x - 2, 0) : x + 3].reshape(3, -1).numpy()
        left = np.linalg.svd(block)[0][:, 0]
        expected = left * np.exp(-1j * np.angle(left[1]))
        assert np.abs(smaps[:, y, x].numpy() - expected).max() < 1e-12


def test_walsh_finds_maps_that_are_known():
    coils = ring_coils(8)
    truth = coils.maps((96, 80))
    kdata = add_noise(HEAD.cartesian_kspace((96, 80), coils=coils), snr=50, generator=seeded())
    smaps = walsh(ifft2c(kdata), window=5)
    inside = HEAD.image((96, 80)).abs() > 0.3
    assert agreement(smaps, truth)[inside].median() > 0.9995
    empty = torch.zeros(2, 9, 9, dtype=torch.complex64)
    empty[:, 4, 4] = 1
    assert (root_sum_of_squares(walsh(empty, window=3)) > 0).sum() == 9


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda k: espirit(k[0]), "coil, y, x"),
        (lambda k: espirit(k, kernel=0), "kernel=0"),
        (lambda k: espirit(k, threshold=1.0), "threshold"),
        (lambda k: espirit(k, crop=1.5), "eigenvalues"),
        (lambda k: espirit(k, calibration=12), r"largest that is has \(10, 10\)"),
        (lambda k: espirit(k, calibration=4), "smaller than the window"),
        (lambda k: espirit(k, calibration=64), "does not fit"),
        (lambda k: espirit(k, reference=4), "reference is 4"),
        (lambda k: walsh(k[0]), "coil, y, x"),
        (lambda k: walsh(k, window=4), "odd"),
        (lambda k: calibration_region(k[0, 0] == 0), "shape"),
        (lambda k: espirit(k / (k != 0).any(0)), "kdata contain NaN"),
        (lambda k: walsh(k / k), "coil_images contain NaN"),
    ],
)
def test_bad_requests_say_why(call, message):
    kdata = torch.zeros(4, 32, 30, dtype=torch.complex64)
    center_crop(kdata, (10, 10)).copy_(randn((4, 10, 10), seed=3))
    with pytest.raises(ValueError, match=message):
        call(kdata)


@pytest.mark.parametrize("scale", [1e-25, 1e25])
def test_maps_do_not_depend_on_the_scale_of_the_data(scale):
    kdata = HEAD.cartesian_kspace((48, 40), coils=ring_coils(4))
    for estimate in (espirit, lambda k: walsh(ifft2c(k))):
        expected = estimate(kdata)
        assert relative(estimate(scale * kdata) - expected, expected) < 1e-4


def test_real_data_are_refused():
    for call in (espirit, walsh, calibration_region):
        with pytest.raises(TypeError, match="complex"):
            call(torch.ones(2, 16, 16))


def least_squares(operator: CartesianMRI, kdata: Tensor, iterations: int = 20) -> Tensor:
    """Image that explains the data best, by conjugate gradients written out."""
    residual = operator.adjoint(kdata)
    image, direction = torch.zeros_like(residual), residual
    power = residual.abs().square().sum()
    for _ in range(iterations):
        moved = operator.gram(direction)
        step = power / (direction.conj() * moved).sum().real
        image, residual = image + step * direction, residual - step * moved
        power, old = residual.abs().square().sum(), power
        direction = residual + power / old * direction
    return image


@pytest.mark.realdata
@pytest.mark.skipif("OTRECON_DATA" not in os.environ, reason="OTRECON_DATA does not name the folder of the real scans")
def test_maps_of_a_real_brain_explain_its_data():
    """One image behind the maps leaves little of eight coils unexplained, in the centre and in all the data."""
    path = Path(os.environ["OTRECON_DATA"]) / "brain-poisson" / "sigpy_cartesian_ksp.npy"
    if not path.exists():
        pytest.skip(f"{path.name} is not in OTRECON_DATA")
    kdata = torch.from_numpy(np.load(path))
    assert calibration_region(kdata) == (24, 24)
    values, vectors = espirit_eigenmaps(kdata)
    smaps = espirit(kdata)
    acquired = (kdata != 0).any(0)
    centre = torch.zeros_like(acquired)
    center_crop(centre, (24, 24)).fill_(True)
    for mask, allowed in [(centre, 0.025), (acquired, 0.04)]:
        operator, data = CartesianMRI(mask, smaps), kdata * mask
        assert relative(data - operator(least_squares(operator, data)), data) < allowed
    # The control: the second eigenvectors, equally smooth, explain next to nothing.
    operator = CartesianMRI(centre, vectors[1])
    assert relative(kdata * centre - operator(least_squares(operator, kdata * centre)), kdata * centre) > 0.9

    low_resolution = root_sum_of_squares(ifft2c(kdata * centre))
    head = low_resolution > 0.2 * low_resolution.max()
    assert values[0][head].min() > 0.98
    assert values[1][head].median() < 0.5
    assert 0.6 < (root_sum_of_squares(smaps) > 0).double().mean() < 0.8
