"""Between a grid and a coarser one: mass is added up, potentials are interpolated."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["grown", "pooled"]

MODES = {1: "linear", 2: "bilinear", 3: "trilinear"}


def pooled(mass: Tensor, factors: tuple[int, ...]) -> Tensor:
    """Add up blocks of pixels; the last blocks may be smaller.

    Parameters
    ----------
    mass
        ``(..., *shape)``.
    factors
        Pixels taken together along each of the trailing axes.
    """
    for axis, factor in enumerate(factors):
        if factor == 1:
            continue
        place = axis - len(factors)
        n = mass.shape[place]
        lines = torch.nn.functional.pad(mass.movedim(place, -1), (0, -n % factor))
        mass = lines.unflatten(-1, (-1, factor)).sum(-1).movedim(-1, place)
    return mass


def grown(
    potential: Tensor, factors: tuple[int, ...], target_factors: tuple[int, ...], shape: torch.Size | tuple[int, ...]
) -> Tensor:
    """Interpolate a potential from one coarseness to a finer one.

    Parameters
    ----------
    potential
        ``(..., *coarse)``, finite.
    factors, target_factors
        Pixels of the finest grid in a pixel, along each axis, before and after: the second divide the first.
    shape
        Shape of the result, whose trailing axes are those of the finer grid.
    """
    dims = len(factors)
    ratio = tuple(before // after for before, after in zip(factors, target_factors, strict=True))
    if math.prod(ratio) == 1:
        return potential
    flat = potential.reshape(-1, 1, *potential.shape[-dims:])
    size = [n * r for n, r in zip(flat.shape[2:], ratio, strict=True)]
    fine = torch.nn.functional.interpolate(flat, size=size, mode=MODES[dims], align_corners=False)
    for axis, n in enumerate(shape[-dims:], start=2):
        fine = fine.narrow(axis, 0, n)
    return fine.reshape(shape)
