"""Where pixels lie: the one convention that images and analytic k-space share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

__all__ = ["cartesian_trajectory", "check_count", "check_im_size", "check_ktraj", "normalised_coordinates"]


def check_count(name: str, value: int, *, least: int) -> int:
    """Return ``value`` if it is an integer of at least ``least``; raise ValueError or TypeError otherwise."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be an int of at least {least}, got {value!r}.")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, got {value}.")
    return value


def check_im_size(im_size: Sequence[int]) -> tuple[int, int]:
    """Return ``im_size`` as ``(ny, nx)`` or raise ValueError."""
    sizes = tuple(im_size)
    if len(sizes) != 2 or any(int(n) != n or n < 1 for n in sizes):
        raise ValueError(f"im_size must be two positive integers (ny, nx), got {sizes}.")
    return int(sizes[0]), int(sizes[1])


def check_ktraj(ktraj: Tensor) -> Tensor:
    """Return ``ktraj`` if it is finite, real and of shape ``(2, samples)``; raise TypeError or ValueError otherwise."""
    if not isinstance(ktraj, Tensor) or not ktraj.is_floating_point():
        kind = f"a tensor of {ktraj.dtype}" if isinstance(ktraj, Tensor) else type(ktraj).__name__
        raise TypeError(f"ktraj must be a real floating-point tensor in rad/voxel, got {kind}.")
    if ktraj.ndim != 2 or ktraj.shape[0] != 2:
        raise ValueError(f"ktraj must have shape (2, samples), row 0 ky and row 1 kx, got {tuple(ktraj.shape)}.")
    if not bool(torch.isfinite(ktraj).all()):
        raise ValueError("ktraj holds NaN or infinite positions; every sample needs a finite place in k-space.")
    return ktraj


def cartesian_trajectory(im_size: Sequence[int], *, device: Any = None) -> Tensor:
    """Positions of the centred FFT's samples.

    Parameters
    ----------
    im_size
        ``(ny, nx)``.
    device
        Device of the result.

    Returns
    -------
    Tensor
        Float64, shape ``(2, ny * nx)``, rad/voxel, x running fastest; zero frequency at index ``n // 2`` of each axis.
    """
    axes = [
        2 * math.pi * (torch.arange(n, dtype=torch.float64, device=device) - n // 2) / n for n in check_im_size(im_size)
    ]
    return torch.stack([axis.flatten() for axis in torch.meshgrid(*axes, indexing="ij")])


def normalised_coordinates(im_size: Sequence[int], *, device: Any = None) -> tuple[Tensor, Tensor]:
    """Pixel centres in units of half the field of view: ``2 (i - n // 2) / n`` along each axis.

    Parameters
    ----------
    im_size
        ``(ny, nx)``.
    device
        Device of the result.

    Returns
    -------
    tuple of Tensor
        ``y`` of shape ``(ny, 1)`` and ``x`` of shape ``(1, nx)``, float64, within [-1, 1], ready to broadcast.
    """
    ny, nx = check_im_size(im_size)
    y, x = (2 * (torch.arange(n, dtype=torch.float64, device=device) - n // 2) / n for n in (ny, nx))
    return y[:, None], x[None, :]
