"""Questions that every room asks of a number, and answers that say what to do."""

from __future__ import annotations

import math
from numbers import Integral, Real

from torch import Tensor

__all__ = ["check_count", "check_positive", "kind"]


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


def kind(value: object) -> str:
    """Say what came, for a message: a type, or a tensor with its shape."""
    return f"a tensor of shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
