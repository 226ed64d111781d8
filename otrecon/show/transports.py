"""Transport drawn in two ways: a plan as a matrix between its two measures, and deliveries as lines on a map."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from otrecon.show.arrays import to_array
from otrecon.show.style import INK, MUTED, PALETTE, subplots

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

SOURCE, TARGET, PLAN = PALETTE["blue"], PALETTE["orange"], PALETTE["green"]
"""The colours of the first measure, of the second, and of what moves between them, in every chapter."""


def coupling(
    plan: object,
    a: object,
    b: object,
    *,
    x: object = None,
    y: object = None,
    title: str = "",
    xlabel: str = "target y / px",
    ylabel: str = "source x / px",
    full: float | None = None,
    width: float = 4.6,
) -> Figure:
    """Draw a plan between two measures on the line, the measures along its sides; hand it to `otrecon.show.figure`.

    Parameters
    ----------
    plan
        Mass that moves from each source to each target, ``(n, m)``, at least 0.
    a, b
        The measures ``(n,)`` and ``(m,)``: a stands on the left, b on top.
    x, y
        Positions of a and of b, evenly spaced; 0, 1, 2, ... when omitted.
    title, xlabel, ylabel
        The finding, and what the axes are.
    full
        Mass that is drawn in full colour; by default the largest entry. What lies above is in full colour as well.
    width
        Size in inches; the picture is about as high.

    Raises
    ------
    TypeError, ValueError
        When shapes do not fit, or a value is negative, complex or not finite.
    """
    mass = _mass(plan, "plan", 2)
    first, last = _mass(a, "a", 1), _mass(b, "b", 1)
    if mass.shape != (first.size, last.size):
        raise ValueError(f"the plan has shape {mass.shape}; between a and b it is {(first.size, last.size)}")
    rows, columns = (_edges(places, size) for places, size in ((x, first.size), (y, last.size)))
    figure, axes = subplots(
        2, 2, width=width, height=0.95 * width, width_ratios=[1.0, 4.0], height_ratios=[1.0, 4.0], squeeze=False
    )
    top, left, middle = axes[0, 1], axes[1, 0], axes[1, 1]
    axes[0, 0].set_axis_off()
    top.stairs(last, columns, fill=True, color=TARGET, alpha=0.8)
    left.stairs(first, rows, fill=True, color=SOURCE, alpha=0.8, orientation="horizontal")
    full = float(mass.max()) if full is None else full
    colour = np.zeros((*mass.shape, 4))
    colour[..., :3] = [int(PLAN[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    # The root lets a thin spread of mass be seen beside a thick ridge.
    colour[..., 3] = np.sqrt(np.clip(mass / (full or 1.0), 0, 1))
    middle.imshow(colour, extent=(columns[0], columns[-1], rows[-1], rows[0]), aspect="auto", interpolation="nearest")
    middle.set(xlabel=xlabel, xlim=(columns[0], columns[-1]), ylim=(rows[-1], rows[0]))
    middle.tick_params(labelleft=False)
    left.set(ylabel=ylabel, ylim=(rows[-1], rows[0]), xlim=(1.1 * max(first.max(), 1e-300), 0), xticks=[])
    top.set(xlim=(columns[0], columns[-1]), ylim=(0, 1.1 * max(last.max(), 1e-300)), yticks=[])
    top.tick_params(labelbottom=False)
    for ax, side in ((top, "left"), (left, "bottom")):
        ax.spines[side].set_visible(False)
        ax.grid(visible=False)
    figure.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold")
    return figure


def deliveries(
    start: object,
    end: object,
    mass: object,
    *,
    title: str = "",
    sources: tuple[object, object] | None = None,
    targets: tuple[object, object] | None = None,
    limits: tuple[float, float, float, float] | None = None,
    widest: float = 5.0,
    largest: float = 260.0,
    width: float = 4.6,
    height: float | None = None,
) -> Figure:
    """Draw parcels as lines from where they start to where they end; hand the figure to `otrecon.show.figure`.

    Parameters
    ----------
    start, end
        Places ``(parcel, 2)`` as (y, x); y points downwards, as in the arrays.
    mass
        Mass of each parcel ``(parcel,)``: the widths of the lines. Parcels without mass are left out.
    title
        The finding.
    sources, targets
        Pairs of places ``(n, 2)`` and masses ``(n,)``, drawn as discs (blue) and squares (orange) of that area; by
        default the ends of the parcels.
    limits
        What the axes span, ``(y0, y1, x0, x1)``.
    widest, largest
        Width in points of a line, and area in points squared of a mark, that holds the largest mass drawn.
    width, height
        Size in inches; as high as wide by default.

    Raises
    ------
    TypeError, ValueError
        When shapes do not fit, or a mass is negative or not finite.
    """
    first, last = (to_array(places, name, ndim=2) for places, name in ((start, "start"), (end, "end")))
    amount = _mass(mass, "mass", 1)
    if not first.shape == last.shape == (amount.size, 2):
        raise ValueError(
            f"start, end and mass have shapes {first.shape}, {last.shape} and {amount.shape}; (n, 2) and (n,)"
        )
    figure, ax = subplots(width=width, height=width if height is None else height)
    for begin, finish, one in zip(first, last, amount / (amount.max() or 1), strict=True):
        if one > 0:
            ax.plot(*np.stack([begin, finish], 1)[::-1], color=MUTED, linewidth=widest * one**0.5, zorder=1)
    marks = ((sources or (first, amount), SOURCE, "o"), (targets or (last, amount), TARGET, "s"))
    most = max(float(to_array(masses, "masses", ndim=1).max()) for (_, masses), _, _ in marks)
    for (places, masses), colour, marker in marks:
        y, x = to_array(places, "places", ndim=2).T
        area = largest * _mass(masses, "masses", 1) / most
        ax.scatter(x, y, s=area, color=colour, marker=marker, edgecolors=INK, linewidths=0.6, zorder=2)
    if limits is not None:
        ax.set(xlim=limits[2:], ylim=limits[1::-1])
    else:
        ax.invert_yaxis()
    ax.set(aspect="equal", xticks=[], yticks=[], title=title)
    ax.grid(visible=False)
    for spine in ax.spines.values():
        spine.set_visible(False)
    return figure


def _mass(values: object, name: str, ndim: int) -> NDArray[Any]:
    array = to_array(values, name, ndim=ndim)
    if array.dtype.kind == "c":
        raise TypeError(f"{name} is complex; mass is real")
    if array.min() < 0:
        raise ValueError(f"{name} has negative values down to {array.min():.3g}; mass cannot be negative")
    return array.astype(np.float64)


def _edges(places: object, size: int) -> NDArray[Any]:
    """Edges of evenly spaced cells around places."""
    if places is None:
        return np.arange(size + 1) - 0.5
    centres = to_array(places, "positions", ndim=1).astype(np.float64)
    step = (centres[-1] - centres[0]) / max(size - 1, 1) or 1.0
    if centres.size != size or not np.allclose(np.diff(centres), step, rtol=1e-5) or step < 0:
        raise ValueError(f"positions must be {size} evenly spaced numbers in increasing order")
    return np.concatenate([centres - step / 2, centres[-1:] + step / 2])
