"""The one visual identity of the book: colours, colour maps and matplotlib settings.

Figures are drawn in *sentinel* colours (``INK``, ``MUTED``, ``PAPER``, ``ACCENT`` and the categories of ``PALETTE``)
which `otrecon.show.svg` turns into CSS variables, so that one drawing follows the reader's light or dark theme.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from matplotlib.figure import Figure

INK = "#1b1c1d"
"""Text, axes and everything that must be read; follows the theme's text colour."""
MUTED = "#7b7c7d"
"""Grid lines and secondary marks."""
PAPER = "#fdfcfb"
"""The page's background: marker edges, halos, anything that should vanish into the page."""
ACCENT = "#d55e00"
"""The one accent: the chosen point, the zoom box, the thing to look at. Never a method."""

PALETTE: Mapping[str, str] = MappingProxyType(
    {
        "blue": "#0072b2",
        "orange": "#e69f00",
        "green": "#009e73",
        "purple": "#cc79a7",
        "sky": "#56b4e9",
        "vermillion": ACCENT,
    }
)
"""Okabe-Ito without yellow (unreadable on white) and with `INK` in the place of black."""

METHOD_COLOURS: Mapping[str, str] = MappingProxyType(
    {
        "reference": INK,
        "zero-filled": PALETTE["orange"],
        "gridding": PALETTE["orange"],
        "SENSE": PALETTE["sky"],
        "CG-SENSE": PALETTE["blue"],
        "L1-wavelet": PALETTE["green"],
        "TV": PALETTE["purple"],
    }
)
"""The same method has the same colour in every chapter."""

VARIABLES: Mapping[str, str] = MappingProxyType(
    {
        INK: "var(--otrecon-ink,currentColor)",
        "#000000": "var(--otrecon-ink,currentColor)",
        MUTED: "var(--otrecon-muted,#808080)",
        PAPER: "var(--otrecon-paper,var(--jp-layout-color0,Canvas))",
        **{colour: f"var(--otrecon-{name},{colour})" for name, colour in PALETTE.items()},
    }
)
"""Sentinel colour to CSS; pure black counts as ink, so that a line drawn in black survives the dark theme."""

CMAPS: Mapping[str, str] = MappingProxyType(
    {
        "magnitude": "gray",
        "kspace": "gray",
        "mask": "gray",
        "phase": "twilight",
        "error": "magma",
        "difference": "RdBu_r",
    }
)
"""Colour map by meaning: grey for magnitude, cyclic for phase, sequential for errors, diverging for differences."""

RC: Mapping[str, Any] = MappingProxyType(
    {
        "axes.axisbelow": True,
        "axes.edgecolor": INK,
        "axes.facecolor": "none",
        "axes.grid": True,
        "axes.grid.axis": "both",
        "axes.labelcolor": INK,
        "axes.labelsize": 10,
        "axes.linewidth": 0.8,
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.titlecolor": INK,
        "axes.titlelocation": "left",
        "axes.titlepad": 8,
        "axes.titlesize": 11,
        "axes.titleweight": "bold",
        "figure.constrained_layout.use": True,
        "figure.constrained_layout.wspace": 0.06,
        "figure.facecolor": "none",
        "figure.titlesize": 12,
        "font.family": "DejaVu Sans",
        "font.size": 10,
        "grid.alpha": 0.35,
        "grid.color": MUTED,
        "grid.linewidth": 0.6,
        "image.cmap": CMAPS["magnitude"],
        "image.interpolation": "none",
        "image.origin": "upper",
        "legend.fontsize": 9.5,
        "legend.frameon": False,
        "legend.labelcolor": INK,
        "lines.linewidth": 1.8,
        "lines.markersize": 5,
        "mathtext.fontset": "dejavusans",
        "patch.edgecolor": INK,
        "savefig.dpi": 144,
        "savefig.facecolor": "none",
        "svg.fonttype": "path",
        "svg.hashsalt": "otrecon",
        "text.color": INK,
        "xtick.color": INK,
        "xtick.labelsize": 9.5,
        "ytick.color": INK,
        "ytick.labelsize": 9.5,
    }
)


def settings() -> Any:
    """Return matplotlib's settings as the book wants them."""
    from matplotlib.rcsetup import cycler

    return {**RC, "axes.prop_cycle": cycler(color=[colour for colour in PALETTE.values() if colour != ACCENT])}


def context() -> AbstractContextManager[None]:
    """Apply the book's settings inside a ``with`` block."""
    import matplotlib as mpl

    return mpl.rc_context(settings())


def subplots(
    rows: int = 1,
    columns: int = 1,
    *,
    width: float = 6.4,
    height: float | None = None,
    sharex: bool | Literal["none", "all", "row", "col"] = False,
    sharey: bool | Literal["none", "all", "row", "col"] = False,
    squeeze: bool = True,
    width_ratios: list[float] | None = None,
    height_ratios: list[float] | None = None,
    **subplot_kw: Any,
) -> tuple[Figure, Any]:
    """Make a house-styled figure and its axes, which pyplot does not know (nothing to close, nothing shown twice).

    The style stays for the rest of the session, so that what is drawn afterwards follows it too.

    Parameters
    ----------
    rows, columns
        Number of axes.
    width, height
        Size in inches; 7.5 fills the book's column, 4.8 is read without scrolling on a phone.
        The height defaults to 0.6 of an axes' width, times the number of rows.
    sharex, sharey, squeeze, width_ratios, height_ratios, **subplot_kw
        As in ``matplotlib.figure.Figure.subplots``; ``subplot_kw`` are properties of each axes, such as ``xlabel=``.

    Returns
    -------
    figure, axes
        One axes, or an array of them, as matplotlib does.
    """
    if not 2 <= width <= 7.6:
        raise ValueError(f"width is {width} inches; a figure of the book is between 2 and 7.6 inches wide")
    if height is None:
        height = rows * max(2.2, 0.6 * width / columns)
    import matplotlib as mpl
    from matplotlib.figure import Figure

    mpl.rcParams.update(settings())
    figure = Figure(figsize=(width, height))
    axes = figure.subplots(
        rows,
        columns,
        sharex=sharex,
        sharey=sharey,
        squeeze=squeeze,
        width_ratios=width_ratios,
        height_ratios=height_ratios,
        subplot_kw=subplot_kw,
    )
    return figure, axes
