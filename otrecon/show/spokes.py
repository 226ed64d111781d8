"""Spokes in k-space, drawn: which directions a radial acquisition covers, and which it leaves out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from otrecon.show.arrays import to_array
from otrecon.show.figure import figure
from otrecon.show.style import ACCENT, MUTED, PALETTE, subplots

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from otrecon.show.figure import Picture

COLOURS = [colour for colour in PALETTE.values() if colour != ACCENT]


def spokes(discs: Mapping[str, object], *, alt: str, width: float | None = None, caption: str | None = None) -> Picture:
    """Draw spokes as diameters of the disc of k-space, one disc for each entry.

    Parameters
    ----------
    discs
        From title to angles in radians, ``(spokes,)``: 0 is along kx (to the right), pi/2 along ky (downwards, as in
        the arrays). A list of several such sets, such as the spokes of successive frames, is drawn in one disc with a
        colour each; at most five.
    alt
        Required: what the picture shows, in words.
    width
        Width in inches; by default 2.4 a disc.
    caption
        Optional visible caption.

    Raises
    ------
    TypeError, ValueError
        When there is no disc, one has too many sets, or angles are not finite real numbers ``(spokes,)``.
    """
    if not isinstance(discs, Mapping) or not discs:
        raise TypeError("give at least one disc, as a dictionary from title to angles")
    drawn = {title: _sets(title, angles) for title, angles in discs.items()}
    fig, axes = subplots(1, len(drawn), width=width or min(7.5, max(2.4, 2.4 * len(drawn))), height=2.8, squeeze=False)
    rim = np.linspace(0, 2 * np.pi, 121)
    for ax, (title, sets) in zip(axes[0], drawn.items(), strict=True):
        ax.plot(np.cos(rim), np.sin(rim), color=MUTED, linewidth=0.8)
        for angles, colour in zip(sets, COLOURS, strict=False):
            ends = np.stack([np.cos(angles), np.sin(angles)])
            ax.plot(
                *np.stack([-ends, ends], axis=1), color=colour, linewidth=1.1 if len(angles) * len(sets) <= 32 else 0.8
            )
        ax.set(aspect="equal", xlim=(-1.04, 1.04), ylim=(1.04, -1.04), title=title)
        ax.set_axis_off()
    return figure(fig, alt=alt, caption=caption)


def _sets(title: str, given: object) -> list[NDArray[Any]]:
    several = isinstance(given, (list, tuple)) and bool(given) and not isinstance(given[0], (int, float))
    sets = [
        to_array(one, f"angles of {title!r}", ndim=1) for one in (cast("list[object]", given) if several else [given])
    ]
    if any(one.dtype.kind == "c" for one in sets):
        raise TypeError(f"angles of {title!r} are complex; give real angles in radians")
    if len(sets) > len(COLOURS):
        raise ValueError(
            f"{title!r} has {len(sets)} sets of spokes; at most {len(COLOURS)} can be told apart by colour"
        )
    return sets
