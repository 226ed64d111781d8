"""Questions that every room asks of a number or a tensor, and answers that say what to do."""

from __future__ import annotations

import math
from numbers import Integral, Real

import torch
from torch import Tensor

__all__ = ["check_complex", "check_count", "check_device", "check_finite", "check_positive", "kind"]


def check_count(name: str, value: int, least: int = 1) -> int:
    """Return an integer of at least ``least``, or raise TypeError or ValueError."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name} must be an integer, got {kind(value)}.")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, got {value}.")
    return int(value)


def check_positive(name: str, value: float) -> float:
    """Return a positive finite number as a float, or raise TypeError or ValueError."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number, got {kind(value)}.")
    number = float(value)
    if not (math.isfinite(number) and number > 0):
        raise ValueError(f"{name} must be positive and finite, got {value!r}.")
    return number


def check_device(name: str) -> torch.device:
    """Return a device that is there, or raise ValueError."""
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"device must be one that is there, such as 'cpu', got {name!r} ({reason}).") from None
    return device


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


def kind(value: object) -> str:
    """Say what came, for a message: a type, or a tensor with its shape."""
    return f"a tensor of shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
