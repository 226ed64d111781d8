"""Questions that every prior asks of a film."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from otrecon.checks import check_count, kind
from otrecon.ot import to_measure

__all__ = ["check_film", "check_frames", "check_one_of", "exact_measure"]


def check_film(film: Tensor, frames: int | None = None, *, least: int = 2) -> Tensor:
    """Return a film ``(t, y, x)``, or raise TypeError or ValueError."""
    if not isinstance(film, Tensor) or film.ndim != 3 or not (film.is_complex() or film.is_floating_point()):
        raise TypeError(f"the film must be a real or complex tensor (t, y, x), got {kind(film)}.")
    if len(film) < least or (frames is not None and len(film) != frames):
        needed = f"{frames}" if frames is not None else f"at least {least}"
        raise ValueError(f"the film must have {needed} frames, got {len(film)}.")
    return film


def check_frames(name: str, indices: Sequence[int], frames: int, *, least: int = 1) -> tuple[int, ...]:
    """Return indices of frames, sorted and each once, or raise TypeError or ValueError."""
    if not isinstance(indices, Sequence):
        raise TypeError(f"{name} must be a list of frame indices, got {kind(indices)}.")
    found = sorted(check_count(f"each of {name}", index, 0) for index in indices)
    if len(set(found)) < len(found) or len(found) < least or (found and found[-1] >= frames):
        raise ValueError(f"{name} must be at least {least} of the frames 0 to {frames - 1}, each once, got {indices}.")
    return tuple(found)


def check_one_of(name: str, value: str, allowed: Sequence[str]) -> str:
    """Return a word from a list, or raise ValueError."""
    if value not in allowed:
        raise ValueError(f"{name} must be {' or '.join(map(repr, allowed))}, got {value!r}.")
    return value


def exact_measure(film: Tensor) -> Tensor:
    """Scale frames to mass 1, in double: divergences of neighbours are below the steps of single precision."""
    return to_measure(film.to(torch.complex128) if film.is_complex() else film.double())
