"""Anatomy as nested tissues: an ellipse replaces what its parent holds, yet intensities still simply add."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from otrecon.phantoms.ellipses import Ellipse

__all__ = ["AIR", "Part", "paint"]

AIR = "air"


class Part(NamedTuple):
    """An ellipse of one tissue, lying wholly within a region of another.

    Parameters
    ----------
    tissue
        Name of the tissue.
    inside
        Name of the tissue that surrounds it; ``"air"`` for none.
    centre, semi_axes, angle
        As for :class:`~otrecon.phantoms.ellipses.Ellipse`.
    """

    tissue: str
    inside: str
    centre: tuple[float, float]
    semi_axes: tuple[float, float]
    angle: float = 0.0


def paint(parts: Iterable[Part], intensities: Mapping[str, complex]) -> tuple[Ellipse, ...]:
    """Turn tissues into ellipses whose sum has each tissue's intensity.

    Parameters
    ----------
    parts
        The anatomy.
    intensities
        Intensity of every tissue in it; air is 0.

    Returns
    -------
    tuple of Ellipse
        One a part, with the difference between its tissue's and its parent's intensity.

    Raises
    ------
    ValueError
        If a tissue has no intensity.
    """
    parts = tuple(parts)
    table = {AIR: 0.0, **intensities}
    missing = sorted({name for part in parts for name in (part.tissue, part.inside)} - set(table))
    if missing:
        raise ValueError(f"No intensity for {', '.join(missing)}: the table has {', '.join(sorted(table))}.")
    return tuple(
        Ellipse(table[part.tissue] - table[part.inside], part.centre, part.semi_axes, part.angle) for part in parts
    )
