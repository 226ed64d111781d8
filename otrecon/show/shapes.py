"""Two shapes of equal area for pictures of transport: one disc, and the drops that it becomes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

EDGE = 0.025
"""Half the width of a soft edge, in units where the image reaches from -1 to 1."""


def disc_and_drops(count: int, size: int = 64) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw a disc, and a ring of bent drops that covers as much area.

    Parameters
    ----------
    count
        Number of drops, 1 to 6.
    size
        Pixels along each side of the square images.

    Returns
    -------
    disc, drops
        Images ``(size, size)`` from 0 to 1 with soft edges, exactly zero away from the shapes.

    Raises
    ------
    ValueError
        If the count or the size is out of range.
    """
    if not 1 <= count <= 6 or size < 16:
        raise ValueError(f"count is {count} and size is {size}; draw 1 to 6 drops on at least 16 pixels.")
    axis = (np.arange(size) + 0.5) / size * 2 - 1
    y, x = np.meshgrid(axis, axis, indexing="ij")
    drops = _soft(np.minimum.reduce([_drop(y, x, turn / count, count) for turn in range(count)]))
    radius = math.sqrt(drops.sum() * (2 / size) ** 2 / math.pi)
    return _soft(np.hypot(y, x) - radius), drops


def _drop(y: NDArray[np.float64], x: NDArray[np.float64], turn: float, count: int) -> NDArray[np.float64]:
    """Signed distance from a chain of shrinking balls along an arc, its head a turn away from the top."""
    head = min(0.27, 0.67 / count)
    along = np.linspace(0, 1, 96)
    angle = 2 * math.pi * (turn - 0.25) - along * min(1.7, 1.4 * math.pi / count)
    orbit = 0.86 - head * (1.15 - 0.55 * along)
    radius = head * (1 - along) ** 0.8 + 0.012
    distance = np.full_like(x, np.inf)
    for a, o, r in zip(angle, orbit, radius, strict=True):
        distance = np.minimum(distance, np.hypot(x - o * np.cos(a), y - o * np.sin(a)) - r)
    return distance


def _soft(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 inside, 0 outside, a smooth step between."""
    inside = np.clip(0.5 - distance / (4 * EDGE), 0, 1)
    return inside * inside * (3 - 2 * inside)
