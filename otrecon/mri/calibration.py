"""Coil sensitivities from the data: the fully sampled centre, and adaptive maps from coil images.

Maps found from data are eigenvectors, known up to a phase in every pixel. Here a reference fixes the phase: the map of
the reference coil is real and positive. By default the reference is virtual, the strongest principal component of the
data, which is rarely dark where the object is; an image combined with the maps carries the phase of that coil image.
"""

from __future__ import annotations

import torch
from torch import Tensor

from otrecon.checks import check_complex, check_finite

__all__ = ["calibration_region", "center_crop", "dominant_eigenpairs", "fix_phase", "walsh"]


def calibration_region(sampled: Tensor) -> tuple[int, int]:
    """Find the largest centred rectangle of k-space that is fully sampled.

    Parameters
    ----------
    sampled
        Boolean mask ``(y, x)``, or complex k-space ``(..., y, x)`` with exact zeros where nothing was acquired: a
        sample counts when any coil holds a value there.

    Returns
    -------
    tuple[int, int]
        Height and width. The rectangle of ``c`` pixels starts at ``n // 2 - c // 2`` (see :func:`center_crop`).

    Raises
    ------
    TypeError
        If the input is neither boolean nor complex.
    ValueError
        If the centre of k-space is not sampled.
    """
    if sampled.dtype != torch.bool:
        check_complex(sampled, "sampled")
        sampled = (sampled != 0).flatten(0, -3).any(0) if sampled.ndim > 2 else sampled != 0
    if sampled.ndim != 2:
        raise ValueError(f"A mask has shape (y, x), got {tuple(sampled.shape)}.")
    ny, nx = sampled.shape
    rows = sampled.tolist()
    if not rows[ny // 2][nx // 2]:
        raise ValueError("The centre of k-space, at (y // 2, x // 2), is not sampled: is the data centred?")
    widths = [_centered_run(row) for row in rows]
    best, width = (0, 0), nx
    for height in range(1, ny + 1):
        # Growing by one adds a row above for even heights and below for odd ones.
        width = min(width, widths[ny // 2 - height // 2 if height % 2 == 0 else ny // 2 + height // 2])
        if height * width > best[0] * best[1]:
            best = (height, width)
    return best


def center_crop(data: Tensor, size: tuple[int, int]) -> Tensor:
    """Cut the centre of ``size`` out of the last two axes, so that index ``n // 2`` stays at ``size // 2``."""
    for axis, length in zip((-2, -1), size, strict=True):
        n = data.shape[axis]
        if not 1 <= length <= n:
            raise ValueError(f"A centre of {tuple(size)} does not fit data of shape {tuple(data.shape)}.")
        data = data.narrow(axis, n // 2 - length // 2, length)
    return data


def walsh(coil_images: Tensor, *, window: int = 7, reference: int | None = None) -> Tensor:
    """Estimate sensitivities from coil images: the dominant eigenvector of the covariance of each neighbourhood.

    Parameters
    ----------
    coil_images
        Complex ``(coil, y, x)``, free of aliasing (fully sampled, or the low-resolution images of the centre).
    window
        Odd side of the square neighbourhood, in pixels. Larger is smoother and less exact.
    reference
        Coil whose map is real and positive; a virtual coil when omitted (see the module).

    Returns
    -------
    Tensor
        Maps ``(coil, y, x)`` of unit norm in every pixel, also where there is only noise; 0 where the whole
        neighbourhood is exactly 0.

    Raises
    ------
    TypeError, ValueError
        If the images are not complex ``(coil, y, x)`` or not finite, or ``window`` is even, or ``reference`` is no
        coil.

    References
    ----------
    D. O. Walsh, A. F. Gmitro and M. W. Marcellin, Adaptive reconstruction of phased array MR imagery, Magn. Reson. Med.
    43 (2000).
    """
    check_complex(coil_images, "coil_images")
    if coil_images.ndim != 3:
        raise ValueError(f"coil_images must have shape (coil, y, x), got {tuple(coil_images.shape)}.")
    if window < 1 or window % 2 == 0:
        raise ValueError(f"window is {window}; it is an odd number of pixels.")
    check_finite(coil_images, "coil_images")
    coils, ny, nx = coil_images.shape
    # The maps do not depend on the scale, and products of very large or small numbers leave the range of float32.
    largest = coil_images.abs().max()
    coil_images = coil_images / torch.where(largest > 0, largest, 1)
    products = (coil_images[:, None] * coil_images[None].conj()).reshape(1, coils**2, ny, nx)
    box = torch.nn.AvgPool2d(window, stride=1, padding=window // 2)
    smooth = torch.complex(box(products.real), box(products.imag)).reshape(coils, coils, ny, nx).permute(2, 3, 0, 1)
    values, vectors = dominant_eigenpairs(smooth)
    smaps = fix_phase(vectors.permute(2, 0, 1), coil_images, reference)
    return torch.where(values > 0, smaps, 0)


def dominant_eigenpairs(matrices: Tensor) -> tuple[Tensor, Tensor]:
    """Largest eigenvalue ``(...)`` and its unit eigenvector ``(..., n)`` of Hermitian matrices ``(..., n, n)``."""
    values, vectors = torch.linalg.eigh(matrices)
    return values[..., -1], vectors[..., -1]


def fix_phase(smaps: Tensor, data: Tensor, reference: int | None) -> Tensor:
    """Turn the maps ``(coil, y, x)`` so that the map of the reference is real and positive.

    ``reference`` is a coil, or None for the strongest principal component of ``data`` ``(coil, ...)``.
    """
    coils = smaps.shape[0]
    if reference is None:
        rows = data.flatten(1).to(torch.complex128)
        _, direction = dominant_eigenpairs(rows @ rows.mH)
        # An eigenvector has a phase of its own; making its largest entry real makes the maps reproducible.
        largest = direction[direction.abs().argmax()]
        direction = (direction * largest.conj() / largest.abs()).to(smaps.dtype)
    elif 0 <= reference < coils:
        direction = torch.zeros(coils, dtype=smaps.dtype, device=smaps.device)
        direction[reference] = 1
    else:
        raise ValueError(f"reference is {reference}; it is a coil from 0 to {coils - 1}, or None.")
    component = torch.einsum("c,cyx->yx", direction.conj(), smaps)
    magnitude = component.abs()
    turn = torch.where(magnitude > 0, component.conj() / torch.where(magnitude > 0, magnitude, 1), 1)
    return smaps * turn


def _centered_run(row: list[bool]) -> int:
    """Longest run of True that starts at ``n // 2 - c // 2``."""
    center, run = len(row) // 2, 0
    while run < len(row) and row[center + run // 2 if run % 2 == 0 else center - (run + 1) // 2]:
        run += 1
    return run
