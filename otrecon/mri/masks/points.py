"""Masks of single samples that keep their distance."""

from __future__ import annotations

import math

import numpy as np
import torch

from otrecon.grid import check_im_size
from otrecon.mri.masks.sampling_mask import SamplingMask, check_acceleration
from otrecon.randomness import check_generator

__all__ = ["poisson_disk"]


def poisson_disk(
    im_size: tuple[int, int],
    acceleration: float,
    *,
    generator: torch.Generator,
    calibration: int = 0,
    growth: float = 0.0,
    crop_corners: bool = False,
) -> SamplingMask:
    """Random samples that keep their distance, with a fully sampled square in the centre.

    Pixels are visited in random order and taken unless one taken before lies within the radius. The radius is found by
    bisection so that the number of samples, square included, is exactly ``round(y * x / acceleration)``.

    Parameters
    ----------
    im_size
        Grid ``(y, x)``.
    acceleration
        Pixels of the grid over pixels sampled; more than 1.
    generator
        Source of randomness.
    calibration
        Side of the fully sampled square in the centre, in pixels; 0 for none.
    growth
        Variable density: the radius grows linearly from ``r`` at the centre to ``(1 + growth) * r`` at the edge of the
        grid, so the density falls as the square of that. 0 is uniform.
    crop_corners
        Sample only inside the ellipse inscribed in the grid.

    Raises
    ------
    ValueError
        If the request is fully sampled or impossible, or ``growth`` is negative.
    TypeError
        If ``generator`` is no generator.

    Notes
    -----
    Distances between pixels take few values (1, 1.41, 2, 2.24, ...), and with them the densities that a single radius
    can give. The radius of each pixel is therefore shifted by a random 0.3 pixel at most, so that the density varies
    smoothly: two samples outside the square are at least ``r - 0.3`` apart.
    """
    check_generator(generator)
    ny, nx = check_im_size(im_size)
    check_acceleration(acceleration)
    if not growth >= 0:
        raise ValueError(f"growth is {growth}; the radius grows by 0 (uniform density) or more.")
    if not 0 <= calibration <= min(ny, nx):
        raise ValueError(f"calibration is {calibration}; the square must fit the grid {(ny, nx)}.")
    budget = round(ny * nx / acceleration)
    y, x = np.mgrid[:ny, :nx]
    eccentricity = np.hypot((y - ny // 2) / (ny / 2), (x - nx // 2) / (nx / 2))
    square = np.zeros((ny, nx), dtype=bool)
    top, left = ny // 2 - calibration // 2, nx // 2 - calibration // 2
    square[top : top + calibration, left : left + calibration] = True
    allowed = ~square & (eccentricity <= 1) if crop_corners else ~square
    wanted = budget - calibration**2
    if wanted < 0 or budget == 0:
        raise ValueError(
            f"Acceleration {acceleration} of a grid {(ny, nx)} buys {budget} samples, and the calibration square of "
            f"{calibration} needs {calibration**2}: lower the acceleration or the square."
        )
    if wanted > allowed.sum():
        raise ValueError(
            f"Acceleration {acceleration} needs {wanted} samples outside the square and the ellipse holds "
            f"{int(allowed.sum())}: raise the acceleration or set crop_corners=False."
        )
    device = generator.device
    order = torch.randperm(ny * nx, generator=generator, device=device).cpu().numpy()
    order = order[allowed.ravel()[order]]
    dither = 0.6 * torch.rand(ny * nx, generator=generator, device=device, dtype=torch.float64).cpu().numpy() - 0.3
    scale = (1 + growth * eccentricity).ravel()

    low, high = 0.0, math.hypot(ny, nx)
    best = order
    while len(best) > wanted and high - low > 1e-3:
        radius = (low + high) / 2
        taken = _throw_darts(order, radius * scale + dither, (ny, nx))
        if len(taken) >= wanted:
            low, best = radius, taken
        else:
            high = radius
    # The last samples taken fill the smallest gaps: dropping the few that exceed the budget keeps every distance.
    mask = square.ravel().copy()
    mask[best[:wanted]] = True
    return SamplingMask.of_budget(torch.from_numpy(mask.reshape(ny, nx)).to(device), acceleration, budget)


def _throw_darts(order: np.ndarray, radius: np.ndarray, im_size: tuple[int, int]) -> np.ndarray:
    ny, nx = im_size
    # A pixel at distance d is blocked when d^2 < radius^2; d^2 is an integer, so few disks serve all radii.
    reach = np.where(radius > 0, np.ceil(np.maximum(radius, 0) ** 2), 0).astype(np.int64)
    pad = int(math.sqrt(reach.max())) + 1
    width = nx + 2 * pad
    status = bytearray((ny + 2 * pad) * width)
    blocked = np.frombuffer(status, dtype=bool).reshape(-1, width)  # the same bytes, as an array
    disks: dict[int, tuple[int, np.ndarray]] = {}
    taken = []
    for pixel, square in zip(order.tolist(), reach[order].tolist(), strict=True):
        row, column = pixel // nx + pad, pixel % nx + pad
        if status[row * width + column]:
            continue
        taken.append(pixel)
        if square > 1:
            if square not in disks:
                half = math.isqrt(square - 1)
                steps = np.arange(-half, half + 1)
                disks[square] = half, steps[:, None] ** 2 + steps**2 < square
            half, disk = disks[square]
            blocked[row - half : row + half + 1, column - half : column + half + 1] |= disk
    return np.array(taken, dtype=np.int64)
