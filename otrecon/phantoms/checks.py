"""Checks that the phantoms share: what came, what is allowed, what to do."""

from __future__ import annotations

__all__ = ["check_count"]


def check_count(name: str, value: int, *, least: int) -> int:
    """Return ``value`` if it is an integer of at least ``least``; raise ValueError or TypeError otherwise."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be an int of at least {least}, got {value!r}.")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, got {value}.")
    return value
