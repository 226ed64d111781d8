"""A resolution target: dots that touch the limit of what a reconstruction keeps apart."""

from __future__ import annotations

import math
from collections.abc import Sequence

from otrecon.phantoms.ellipses import Ellipse, EllipsePhantom

__all__ = ["resolution_phantom"]


def resolution_phantom(
    diameters: Sequence[float] = (0.06, 0.05, 0.04, 0.03, 0.02, 0.015, 0.01), *, contrast: float = 1.0
) -> EllipsePhantom:
    """Squares of 3 by 3 dots on a ring in a disc; dots of one square are one diameter apart.

    Parameters
    ----------
    diameters
        Diameter of the dots of each square, anticlockwise on the screen from the right; at most 0.06 each, 8 squares
        at most. At ``n`` pixels a field of view, ``d`` spans ``d n / 2`` pixels.
    contrast
        What a dot adds to the disc's intensity of 0.5.

    Returns
    -------
    EllipsePhantom
        Field of view from -1 to 1.

    Raises
    ------
    ValueError
        If there are no diameters, too many, or one is out of range.
    """
    if not 1 <= len(diameters) <= 8 or not all(0 < d <= 0.06 for d in diameters):
        raise ValueError(f"diameters must be 1 to 8 numbers within (0, 0.06], got {tuple(diameters)}.")
    ellipses = [Ellipse(0.5, (0.0, 0.0), (0.92, 0.92))]
    for index, diameter in enumerate(diameters):
        turn = 2 * math.pi * index / len(diameters)
        y, x = (-0.55 * math.sin(turn), 0.55 * math.cos(turn)) if len(diameters) > 1 else (0.0, 0.0)
        ellipses += [
            Ellipse(contrast, (y + 2 * diameter * row, x + 2 * diameter * column), (diameter / 2, diameter / 2))
            for row in (-1, 0, 1)
            for column in (-1, 0, 1)
        ]
    return EllipsePhantom(tuple(ellipses))
