"""The scale switch: the same code runs as a smoke test, as the book, or at the size of the papers.

The environment variable ``OTRECON_SCALE`` chooses: ``smoke`` proves that the cells run, ``cpu`` makes the book on a
laptop, ``paper`` repeats an experiment at its published size.
"""

from __future__ import annotations

import os
from typing import Literal, TypeVar

__all__ = ["SCALES", "Scale", "pick", "scale"]

Scale = Literal["smoke", "cpu", "paper"]
SCALES: tuple[Scale, ...] = ("smoke", "cpu", "paper")
T = TypeVar("T")


def scale() -> Scale:
    """Scale that ``OTRECON_SCALE`` names; ``"cpu"`` when it is unset.

    Raises
    ------
    ValueError
        If the variable holds anything but ``smoke``, ``cpu`` or ``paper``.
    """
    name = os.environ.get("OTRECON_SCALE", "cpu")
    if name not in SCALES:
        raise ValueError(f"OTRECON_SCALE is {name!r}; set it to one of {', '.join(SCALES)}, or unset it for cpu.")
    return name


def pick(*, smoke: T, cpu: T) -> T:
    """Pick the value that belongs to the current scale; a chapter at ``paper`` is what it is at ``cpu``.

    The size of the papers is that of the laboratory's experiments, whose results a chapter shows beside its own.

    Examples
    --------
    >>> iterations = pick(smoke=3, cpu=60)
    """
    return smoke if scale() == "smoke" else cpu
