"""ESPIRiT: coil sensitivities as eigenvectors of what the calibration data allow.

Every small window of k-space, stacked over coils, lies in a subspace that the centre of k-space reveals. Projecting on
that subspace is a convolution in k-space, so in the image it is a small matrix per pixel, coils by coils. Where there
is an object its sensitivities are the eigenvector of eigenvalue 1; where there is none the eigenvalue is below 1.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from otrecon.checks import check_complex, check_finite
from otrecon.mri.calibration import calibration_region, center_crop, fix_phase

__all__ = ["espirit", "espirit_eigenmaps"]

LARGEST_REGION = 32


def espirit(
    kdata: Tensor,
    *,
    calibration: int | tuple[int, int] | None = None,
    kernel: int = 6,
    threshold: float = 0.02,
    crop: float = 0.95,
    reference: int | None = None,
) -> Tensor:
    """Estimate coil sensitivities from the fully sampled centre of k-space.

    Parameters
    ----------
    kdata
        Complex k-space ``(coil, y, x)``, centred, 0 where not acquired.
    calibration
        Size of the fully sampled centre, one number or ``(height, width)``. When omitted it is found with
        :func:`otrecon.mri.calibration.calibration_region`, at most 32 on a side.
    kernel
        Side of the window, in samples.
    threshold
        Singular values below this share of the largest are noise.
    crop
        Maps are 0 where the largest eigenvalue is below this; 0 keeps all pixels.
    reference
        Coil whose map is real and positive; when omitted the strongest virtual coil, as in
        :mod:`otrecon.mri.calibration`.

    Returns
    -------
    Tensor
        Maps ``(coil, y, x)`` of unit norm in the object and 0 outside, in the dtype of ``kdata``.

    Raises
    ------
    TypeError, ValueError
        If the input is not complex ``(coil, y, x)`` or not finite, a number is out of range, or the centre is not
        fully sampled or too small for the window.

    References
    ----------
    M. Uecker et al., ESPIRiT: an eigenvalue approach to autocalibrating parallel MRI, Magn. Reson. Med. 71 (2014).
    """
    if not 0 <= crop <= 1:
        raise ValueError(f"crop is {crop}; eigenvalues are between 0 and 1.")
    values, vectors, center = _eigenmaps(kdata, calibration, kernel, threshold)
    return torch.where(values[0] >= crop, fix_phase(vectors[0], center, reference), 0)


def espirit_eigenmaps(
    kdata: Tensor,
    *,
    calibration: int | tuple[int, int] | None = None,
    kernel: int = 6,
    threshold: float = 0.02,
    reference: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Compute all eigenvalues and eigenvectors of ESPIRiT, before any cropping.

    Parameters
    ----------
    kdata, calibration, kernel, threshold, reference
        As in :func:`espirit`.

    Returns
    -------
    values
        Real ``(coil, y, x)``, falling along the first axis, between 0 and 1. The first is near 1 in the object; a
        second one near 1 shows that one set of maps is not enough (folding of a small field of view, motion).
    vectors
        Complex ``(coil, coil, y, x)``: ``vectors[k]`` are the maps that belong to ``values[k]``.

    Raises
    ------
    TypeError, ValueError
        As :func:`espirit`.
    """
    values, vectors, center = _eigenmaps(kdata, calibration, kernel, threshold)
    return values, torch.stack([fix_phase(maps, center, reference) for maps in vectors])


def _eigenmaps(
    kdata: Tensor, calibration: int | tuple[int, int] | None, kernel: int, threshold: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Eigenvalues, eigenvectors of arbitrary phase, and the calibration data that they come from."""
    check_complex(kdata, "kdata")
    if kdata.ndim != 3:
        raise ValueError(f"kdata must have shape (coil, y, x), got {tuple(kdata.shape)}.")
    if kernel < 1 or not 0 <= threshold < 1:
        raise ValueError(f"Got kernel={kernel} and threshold={threshold}; use kernel >= 1 and 0 <= threshold < 1.")
    check_finite(kdata, "kdata")
    center = center_crop(kdata, _region(kdata, calibration, kernel))
    coils, ny, nx = kdata.shape
    kernels = _row_space(center, kernel, threshold)
    matrices = _pixel_matrices(kernels.reshape(coils, kernel, kernel, -1), (ny, nx)).to(kdata.dtype)
    values, vectors = torch.linalg.eigh(matrices)
    values = values.flip(-1).reshape(ny, nx, coils).permute(2, 0, 1).clamp(0, 1)
    vectors = vectors.flip(-1).reshape(ny, nx, coils, coils).permute(3, 2, 0, 1)
    return values, vectors, center


def _region(kdata: Tensor, calibration: int | tuple[int, int] | None, kernel: int) -> tuple[int, int]:
    found = calibration_region(kdata)
    if calibration is None:
        size = (min(found[0], LARGEST_REGION), min(found[1], LARGEST_REGION))
    else:
        size = (calibration, calibration) if isinstance(calibration, int) else calibration
        if not bool((center_crop(kdata, size) != 0).any(0).all()):
            raise ValueError(
                f"The centre of {tuple(size)} is not fully sampled; the largest that is has {found}: "
                "give that, or calibration=None."
            )
    if min(size) < kernel:
        raise ValueError(f"A fully sampled centre of {tuple(size)} is smaller than the window of {kernel}.")
    return size


def _row_space(center: Tensor, kernel: int, threshold: float) -> Tensor:
    """Orthonormal basis ``(coil * kernel**2, rank)`` of the windows of the calibration data."""
    windows = (center / center.abs().max()).unfold(1, kernel, 1).unfold(2, kernel, 1)
    matrix = windows.permute(0, 3, 4, 1, 2).flatten(3).flatten(0, 2).to(torch.complex128)
    energies, vectors = torch.linalg.eigh(matrix @ matrix.mH)
    return vectors[:, energies > threshold**2 * energies[-1]]


def _pixel_matrices(kernels: Tensor, im_size: tuple[int, int]) -> Tensor:
    """Projection on the windows, as one Hermitian matrix per pixel: ``(y * x, coil, coil)``.

    With ``P`` the projection and ``b(r)[c, u] = S_c(r) exp(-2 pi i u r / n)`` the window of a point at ``r``, the
    matrix is ``sum over u, v of exp(2 pi i (u - v) r / n) P[(a, u), (b, v)] / size^2``. Its waves depend on ``u - v``
    alone, so the terms of equal difference are added first: a correlation of the kernels, of twice their size.
    """
    size = kernels.shape[1]
    padded = torch.fft.fft2(kernels, s=(2 * size - 1, 2 * size - 1), dim=(1, 2))
    spectrum = torch.einsum("ayxr,byxr->abyx", padded, padded.conj())
    correlation = torch.fft.ifft2(spectrum) / size**2
    # Differences run from 0 to size - 1, then from 1 - size to -1, in the order of the FFT.
    steps = torch.fft.fftfreq(2 * size - 1, d=1 / (2 * size - 1), dtype=torch.float64, device=kernels.device).round()
    waves = []
    for n in im_size:
        r = torch.arange(n, dtype=torch.float64, device=kernels.device) - n // 2
        phase = 2 * math.pi / n * torch.outer(r, steps)
        waves.append(torch.polar(torch.ones_like(phase), phase))
    return torch.einsum("yu,abuv,xv->yxab", waves[0], correlation, waves[1]).flatten(0, 1)
