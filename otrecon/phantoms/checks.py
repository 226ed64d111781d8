"""Checks that the phantoms share: what came, what is allowed, what to do."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["check_count", "check_ktraj"]


def check_count(name: str, value: int, *, least: int) -> int:
    """Return ``value`` if it is an integer of at least ``least``; raise ValueError or TypeError otherwise."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be an int of at least {least}, got {value!r}.")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, got {value}.")
    return value


def check_ktraj(ktraj: Tensor) -> Tensor:
    """Return ``ktraj`` if it is finite, real and of shape ``(2, samples)``; raise TypeError or ValueError otherwise."""
    if not isinstance(ktraj, Tensor) or not ktraj.is_floating_point():
        kind = f"a tensor of {ktraj.dtype}" if isinstance(ktraj, Tensor) else type(ktraj).__name__
        raise TypeError(f"ktraj must be a real floating-point tensor in rad/voxel, got {kind}.")
    if ktraj.ndim != 2 or ktraj.shape[0] != 2:
        raise ValueError(f"ktraj must have shape (2, samples), row 0 ky and row 1 kx, got {tuple(ktraj.shape)}.")
    if not bool(torch.isfinite(ktraj).all()):
        raise ValueError("ktraj holds NaN or infinite positions; every sample needs a finite place in k-space.")
    furthest = float(ktraj.abs().max()) if ktraj.numel() else 0.0
    if 0.25 <= furthest <= 0.5:  # the edge of k-space is at pi; in cycles it is at one half
        raise ValueError(f"ktraj ends at {furthest:.3g} rad/voxel, which looks like cycles/voxel: multiply it by 2 pi.")
    return ktraj
