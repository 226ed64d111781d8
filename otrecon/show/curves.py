"""Line plots in one call: named curves, logarithmic axes, the points to look at."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from otrecon.show.arrays import to_array
from otrecon.show.style import ACCENT, METHOD_COLOURS, PALETTE, subplots

if TYPE_CHECKING:
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure
    from numpy.typing import NDArray


def curves(
    series: Mapping[str, Any],
    *,
    title: str = "",
    xlabel: str = "",
    ylabel: str = "",
    x: Any = None,
    log: str = "",
    dots: Collection[str] = (),
    colours: Mapping[str, str] | None = None,
    points: Sequence[tuple[float, float] | tuple[float, float, str]] = (),
    ylim: tuple[float, float] | None = None,
    width: float = 6.4,
    height: float | None = None,
) -> Figure:
    """Draw named curves in one pair of axes; hand the result to `otrecon.show.figure`.

    Parameters
    ----------
    series
        From name to y values, or to a pair ``(x, y)``. Tensors, arrays or lists, real, one axis. The names stand in the
        legend, each in the colour of its curve; a single curve has none. Names of `METHOD_COLOURS` keep their colour.
    title
        The finding, in a sentence.
    xlabel, ylabel
        What the axes are, with units.
    x
        Common x values of all curves that bring none of their own; 0, 1, 2, ... when omitted.
    log
        Logarithmic axes: ``""``, ``"x"``, ``"y"`` or ``"xy"``.
    dots
        Names of curves that are drawn as dots.
    colours
        From name to a name of `PALETTE`, or a colour of the style such as `INK` or `MUTED`.
    points
        Places to look at, in the accent colour: ``(x, y)`` or ``(x, y, text)``.
    ylim
        Limits of the y axis.
    width, height
        Size in inches, as of `otrecon.show.subplots`.

    Raises
    ------
    TypeError, ValueError
        When there is no curve, values are complex or not in line, lengths differ, a name in `dots` or `colours` is
        unknown, or a logarithmic axis would swallow values that are not positive.
    """
    if not series:
        raise ValueError("there is no curve: give {name: y} or {name: (x, y)}")
    if log not in ("", "x", "y", "xy"):
        raise ValueError(f'log is {log!r}; allowed are "", "x", "y" and "xy"')
    colours = colours or {}
    for option, given in (("dots", dots), ("colours", colours)):
        if unknown := sorted(set(given) - set(series)):
            raise ValueError(f"{option} names {', '.join(unknown)}; the curves are {', '.join(series)}")
    figure, ax = subplots(width=width, height=height, xlabel=xlabel, ylabel=ylabel)
    ax.set(xscale="log" if "x" in log else "linear", yscale="log" if "y" in log else "linear", title=title)
    for name, values in series.items():
        own = values if isinstance(values, tuple) else (x, values)
        colour = colours.get(name, METHOD_COLOURS.get(name))
        style: dict[str, Any] = {} if colour is None else {"color": PALETTE.get(colour, colour)}
        if name in dots:
            style.update(linestyle="", marker="o", markersize=4)
        ax.plot(*_pair(name, own, log), label=name, **style)
    for point in points:
        ax.plot(point[0], point[1], "o", color=ACCENT, markersize=8, zorder=3)
        if len(point) == 3:
            ax.annotate(point[2], point[:2], xytext=(8, 6), textcoords="offset points", color=ACCENT)
    if ylim is not None:
        ax.set_ylim(*ylim)
    if len(series) > 1:
        ax.legend(labelcolor="linecolor")
    for axis in (ax.xaxis, ax.yaxis):
        _plain_ticks(axis)
    return figure


def _plain_ticks(axis: Axis) -> None:
    """Ticks at 1, 2 and 5 in plain digits where a logarithmic axis spans about two decades or less."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    low, high = axis.get_view_interval()
    if axis.get_scale() == "log" and high < 200 * low:
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axis.set_minor_formatter(NullFormatter())


def _pair(name: str, pair: tuple[Any, ...], log: str) -> tuple[NDArray[Any], NDArray[Any]]:
    if len(pair) != 2:
        raise ValueError(f"{name!r} is a tuple of {len(pair)}; give y, or a pair (x, y)")
    y = to_array(pair[1], name, ndim=None)
    x = np.arange(y.size) if pair[0] is None else to_array(pair[0], f"x of {name}", ndim=None)
    for axis, values in (("x", x), ("y", y)):
        if values.dtype.kind == "c":
            raise TypeError(f"the {axis} values of {name!r} are complex; take the modulus or the real part first")
        if values.ndim != 1:
            raise ValueError(f"the {axis} values of {name!r} have shape {values.shape}; a curve has one axis")
        if axis in log and values.min() <= 0:
            raise ValueError(f"{name!r} has {axis} values that are not positive, which a logarithmic axis cannot show")
    if x.shape != y.shape:
        raise ValueError(f"{name!r} has {x.size} x values and {y.size} y values; give as many of both")
    return x, y
