"""Checks that the operators of this room share: what came, what is allowed, what to do."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["check_complex", "check_finite", "check_smaps"]


def check_complex(x: Tensor, name: str) -> None:
    """Raise TypeError unless ``x`` is a complex tensor."""
    if not isinstance(x, Tensor):
        raise TypeError(f"{name} must be a torch tensor, got {type(x).__name__}: convert it first.")
    if not x.is_complex():
        raise TypeError(f"{name} must be complex, got {x.dtype}: convert it with {name}.to(torch.complex64).")


def check_finite(x: Tensor, name: str) -> None:
    """Raise ValueError if ``x`` holds NaN or infinity: one such sample would spoil every estimate made of it."""
    if not torch.isfinite(x).all():
        raise ValueError(f"{name} contain NaN or infinity: remove these samples, or set them to 0 first.")


def check_smaps(smaps: Tensor, im_size: Sequence[int] | None = None) -> None:
    """Raise unless ``smaps`` are finite complex sensitivity maps of shape ``(coil, *im_size)``."""
    check_complex(smaps, "smaps")
    if smaps.ndim != 3 or 0 in smaps.shape:
        raise ValueError(f"smaps must have shape (coil, y, x), got {tuple(smaps.shape)}.")
    if im_size is not None and tuple(smaps.shape[1:]) != tuple(im_size):
        raise ValueError(
            f"smaps of shape {tuple(smaps.shape)} do not fit an image of size {tuple(im_size)}: "
            f"expected (coil, {im_size[0]}, {im_size[1]})."
        )
    if not torch.isfinite(smaps).all():
        raise ValueError("smaps contain NaN or infinity: replace them (by 0 outside the object) first.")
