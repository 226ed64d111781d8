"""Masks of radial spokes on the Cartesian grid."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from otrecon.grid import check_im_size
from otrecon.mri.masks.sampling_mask import SamplingMask, check_acceleration

__all__ = ["radial_on_grid"]


def radial_on_grid(
    im_size: tuple[int, int],
    *,
    spokes: int | None = None,
    acceleration: float | None = None,
    ordering: Literal["uniform", "golden"] = "uniform",
) -> SamplingMask:
    """Spokes through the centre, rasterised on the Cartesian grid; a diameter of the inscribed ellipse each.

    Parameters
    ----------
    im_size
        Grid ``(y, x)``.
    spokes
        Number of diameters. ``nominal`` is then the largest side over ``spokes``.
    acceleration
        Instead of ``spokes``: the number of spokes is the one whose true acceleration is nearest.
    ordering
        ``"uniform"`` divides the half circle evenly; ``"golden"`` turns by 180/1.618 degrees each time.

    Raises
    ------
    ValueError
        If not exactly one of ``spokes`` and ``acceleration`` is given, or no number of spokes gives the acceleration.
    """
    ny, nx = check_im_size(im_size)
    if (spokes is None) == (acceleration is None):
        raise ValueError("Give either spokes or acceleration.")
    if ordering not in ("uniform", "golden"):
        raise ValueError(f"ordering is {ordering!r}; use 'uniform' or 'golden'.")
    if acceleration is None:
        if spokes is None or spokes < 1:
            raise ValueError(f"spokes is {spokes}; use 1 or more.")
        return SamplingMask(_raster((ny, nx), spokes, ordering), max(ny, nx) / spokes)
    check_acceleration(acceleration)
    candidates = (SamplingMask(_raster((ny, nx), s, ordering), acceleration) for s in range(1, 2 * (ny + nx)))
    best: SamplingMask | None = None
    for candidate in candidates:
        if best is None or abs(candidate.acceleration - acceleration) < abs(best.acceleration - acceleration):
            best = candidate
        if candidate.acceleration < 0.9 * acceleration:
            break
    if best is None or abs(best.acceleration / acceleration - 1) > 0.5:
        raise ValueError(f"No number of spokes on a grid {(ny, nx)} gives an acceleration near {acceleration}.")
    return best


def _raster(im_size: tuple[int, int], spokes: int, ordering: str) -> Tensor:
    ny, nx = im_size
    turn = math.pi / spokes if ordering == "uniform" else math.pi * (math.sqrt(5) - 1) / 2
    angles = turn * torch.arange(spokes, dtype=torch.float64)
    along = torch.linspace(-1, 1, 4 * max(ny, nx) + 1, dtype=torch.float64)
    y = torch.round(ny // 2 + torch.outer(torch.sin(angles), along) * (ny / 2)).long().flatten()
    x = torch.round(nx // 2 + torch.outer(torch.cos(angles), along) * (nx / 2)).long().flatten()
    inside = (y >= 0) & (y < ny) & (x >= 0) & (x < nx)
    mask = torch.zeros(ny, nx, dtype=torch.bool)
    mask[y[inside], x[inside]] = True
    return mask
