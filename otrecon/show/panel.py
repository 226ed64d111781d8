"""One panel of an image row, and how panels are laid out on the page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from otrecon.show import arrays, svg
from otrecon.show.arrays import Kind, Scale
from otrecon.show.figure import Picture, escape
from otrecon.show.style import ACCENT, METHOD_COLOURS, VARIABLES

if TYPE_CHECKING:
    from numpy.typing import NDArray

Box = tuple[int, int, int, int]
Axis = tuple[str, str, str]

FLOOR_DB = -80.0


@dataclass(frozen=True)
class Panel:
    """An image with its display scale, its title and what stands under it; made by `panel`.

    Parameters
    ----------
    array
        Real, two axes (y, x), in the unit of `scale`.
    scale
        Display scale.
    title
        Plain text above the image.
    caption
        Lines of plain text under it.
    hidden
        Pixels left transparent.
    axes
        First label, name and last label of the x axis and of the y axis.
    zoom
        Box ``(y0, y1, x0, x1)``, outlined in the image and enlarged beneath it.
    below
        A second panel under this one, such as its error map.
    note
        Text in the place of `below`.
    """

    array: NDArray[Any]
    scale: Scale
    title: str = ""
    caption: tuple[str, ...] = ()
    hidden: NDArray[np.bool_] | None = field(default=None, compare=False)
    axes: tuple[Axis, Axis] | None = None
    zoom: Box | None = None
    below: Panel | None = None
    note: str = ""


def panel(
    image: object,
    title: str = "",
    *,
    kind: Kind = "magnitude",
    unit: str | None = None,
    vmin: float | None = None,
    vmax: float | None = None,
    caption: str | Sequence[str] = (),
    zoom: Box | None = None,
    k_unit: str = "cycles/FOV",
    threshold: float = 0.0,
) -> Panel:
    """Make one image of a row, for `otrecon.show.row`.

    Parameters
    ----------
    image
        Tensor or array ``(y, x)``.
    title
        Plain text above it. A name of `otrecon.show.METHOD_COLOURS` gets its method's colour mark.
    kind
        ``"magnitude"`` (grey; complex data show their modulus), ``"phase"`` (angle in rad, cyclic map),
        ``"kspace"`` (modulus in dB below its maximum, centre at n // 2), ``"mask"`` (zero black, else white),
        ``"error"`` (sequential map) or ``"difference"`` (signed, diverging map, symmetric).
    unit
        Unit of the values: "a.u." by default for magnitudes, errors and differences.
    vmin, vmax
        Display range; by default 0 (or the minimum of signed data) to the maximum. For k-space `vmin` is the floor in
        dB, -80 by default.
    caption
        One or more lines under the image.
    zoom
        Box ``(y0, y1, x0, x1)`` in pixels, outlined and shown enlarged below.
    k_unit
        ``"cycles/FOV"`` or ``"rad/voxel"``, for k-space axes.
    threshold
        Phase only: pixels whose modulus is below this fraction of the largest are left blank.

    Raises
    ------
    TypeError, ValueError
        When the image cannot be shown as this kind; the message says what to do.
    """
    array = arrays.to_array(image)
    lines = (caption,) if isinstance(caption, str) else tuple(caption)
    hidden = None
    axes = None
    if kind in ("magnitude", "error"):
        unit = "a.u." if unit is None else unit
        name = "magnitude" if kind == "magnitude" and array.dtype.kind == "c" else kind if kind == "error" else "value"
        array = np.abs(array) if array.dtype.kind == "c" or kind == "error" else array
        low = min(0.0, float(array.min())) if vmin is None else vmin
        scale = _scale(array, kind, low, float(array.max()) if vmax is None else vmax, name, unit)
    elif kind == "difference":
        if array.dtype.kind == "c":
            raise TypeError('kind="difference" shows signed real values; take the real part or the modulus first')
        limit = float(np.abs(array).max()) if vmax is None else vmax
        scale = _scale(array, kind, -limit if vmin is None else vmin, limit or 1.0, "difference", unit or "a.u.")
    elif kind == "phase":
        modulus = np.abs(array)
        if array.dtype.kind != "c":
            if modulus.max() > math.pi * (1 + 1e-6):
                raise ValueError(
                    f"a real phase must be in rad within -pi to pi; the largest modulus is {modulus.max():.3g}"
                )
        else:
            array = np.angle(array)
            hidden = modulus < threshold * modulus.max() if threshold > 0 else None
        scale = Scale("phase", -math.pi, math.pi, "phase", "rad")
    elif kind == "kspace":
        array = _decibel(np.abs(array), FLOOR_DB if vmin is None else vmin)
        scale = Scale("kspace", FLOOR_DB if vmin is None else vmin, 0.0 if vmax is None else vmax, "modulus", "dB")
        axes = (_k_axis(array.shape[1], "x", k_unit), _k_axis(array.shape[0], "y", k_unit))
    elif kind == "mask":
        array = (array != 0).astype(np.uint8)
        scale = Scale("mask", 0.0, 1.0, "mask")
        lines = lines or (f"{array.mean():.1%} sampled",)
    else:
        raise ValueError(f"kind is {kind!r}; allowed are {', '.join(Kind.__args__)}")  # type: ignore[attr-defined]
    return Panel(array, scale, title, lines, hidden, axes, check_box(zoom, array.shape))


def check_box(box: Box | None, shape: tuple[int, ...]) -> Box | None:
    """Return a zoom box that lies inside the image, or raise ValueError."""
    if box is None:
        return None
    y0, y1, x0, x1 = box
    if not (0 <= y0 < y1 <= shape[0] and 0 <= x0 < x1 <= shape[1]):
        raise ValueError(f"zoom is {box}; give (y0, y1, x0, x1) in pixels within an image of shape {tuple(shape)}")
    return box


def _scale(array: NDArray[Any], kind: Kind, low: float, high: float, name: str, unit: str) -> Scale:
    if low == high:  # a constant image: any range will do, and black says it best
        high = low + 1.0
    tolerance = 1e-6 * (high - low)
    clipped = bool(array.min() < low - tolerance or array.max() > high + tolerance)
    return Scale(kind, float(low), float(high), name, unit, clipped)


def _decibel(modulus: NDArray[Any], floor: float) -> NDArray[Any]:
    if floor >= 0:
        raise ValueError(f"vmin is {floor} dB; the floor of a k-space display is negative, such as -80")
    peak = float(modulus.max())
    if peak == 0:
        return np.full(modulus.shape, floor)
    return 20 * np.log10(np.maximum(modulus / peak, 10 ** (floor / 20)))


def _k_axis(n: int, name: str, unit: str) -> Axis:
    first, last = -(n // 2), n - 1 - n // 2
    if unit == "cycles/FOV":
        ends = (f"{first}", f"{last}")
    elif unit == "rad/voxel":
        ends = (f"{2 * math.pi * first / n:.2f}", f"{2 * math.pi * last / n:.2f}")
    else:
        raise ValueError(f'k_unit is {unit!r}; allowed are "cycles/FOV" and "rad/voxel"')
    return ends[0].replace("-", "−"), f"k<sub>{name}</sub> ({unit})", ends[1]


def compose(panels: Sequence[Panel], *, alt: str, caption: str | None, columns: int | None) -> Picture:
    """Lay panels out in a grid that wraps, with aligned rows and one colour bar for each scale."""
    if not panels or not all(isinstance(one, Panel) for one in panels):
        raise TypeError("give at least one panel, each made by show.panel()")
    count = len(panels)
    if columns is None:
        columns = count if count <= 5 else math.ceil(count / math.ceil(count / 5))
    if not 1 <= columns <= 8:
        raise ValueError(f"columns is {columns}; allowed are 1 to 8")
    cells = [_cells(one, k, count) for k, one in enumerate(panels)]
    keep = [r for r in range(len(cells[0])) if any(column[r] for column in cells)]
    inner = "\n".join(
        f'<div style="display:grid;grid-template-rows:subgrid;grid-row:span {len(keep)};row-gap:.3em;min-width:0">\n'
        + "\n".join(column[r] or "<div></div>" for r in keep)
        + "\n</div>"
        for column in cells
    )
    gap = 0.8
    width = f"calc((100% - {(columns - 1) * gap:.1f}em)/{columns} - .1px)"
    body = (
        f'<div class="otrecon-row" role="group" aria-label="{svg.ALT}" '
        f'style="max-width:{max(20, 15 * columns)}em;margin:0 auto">\n'
        f'<div style="display:grid;gap:.8em {gap}em;align-items:start;'
        f'grid-template-columns:repeat(auto-fit,minmax(max(7em,{width}),1fr))">\n{inner}\n</div>\n{_legends(panels)}\n</div>'
    )
    return Picture(body, alt, caption, "otrecon-images")


def _cells(one: Panel, number: int, count: int) -> list[str]:
    """Title, image, zoom, caption, lower image: the cells of a column, empty where there is nothing."""
    place = f"Panel {number + 1} of {count}" + (f": {one.title}" if one.title else "")
    mark = ""
    if one.title in METHOD_COLOURS:
        colour = METHOD_COLOURS[one.title]
        mark = (
            '<span aria-hidden="true" style="display:inline-block;width:.6em;height:.6em;border-radius:50%;'
            f'margin-right:.4em;background:{VARIABLES.get(colour, colour)}"></span>'
        )
    title = (
        f'<div style="font-weight:600;font-size:.9em;line-height:1.25;align-self:end">{mark}{escape(one.title)}</div>'
    )
    lines = "<br/>".join(escape(line) for line in one.caption)
    small = "font-size:.8em;line-height:1.35;font-variant-numeric:tabular-nums"
    zoom = _picture(one, f"{place}, enlarged", one.zoom) if one.zoom else ""
    lower = _picture(one.below, f"{place}, {one.below.scale.name}") if one.below else ""
    if one.note:
        lower = f'<div style="{small};align-self:center">{escape(one.note)}</div>'
    return [
        title if one.title else "",
        _picture(one, place),
        zoom,
        f'<div style="{small}">{lines}</div>' if lines else "",
        lower,
    ]


def _picture(one: Panel, label: str, crop: Box | None = None) -> str:
    array, hidden = one.array, one.hidden
    if crop:
        window = (slice(crop[0], crop[1]), slice(crop[2], crop[3]))
        array, hidden = array[window], None if hidden is None else hidden[window]
    height, width = array.shape
    crisp = "pixelated" if max(height, width) < svg.PIXELATED_BELOW else "auto"
    accent = VARIABLES[ACCENT]
    line = f'fill="none" style="stroke:{accent};stroke-width:2px" vector-effect="non-scaling-stroke"'
    box = ""
    if crop:
        box = f'\n<rect x="0" y="0" width="{width}" height="{height}" {line}/>'
    elif one.zoom:
        y0, y1, x0, x1 = one.zoom
        box = f'\n<rect x="{x0}" y="{y0}" width="{x1 - x0}" height="{y1 - y0}" {line}/>'
    image = (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{escape(label)}" '
        f'viewBox="0 0 {width} {height}" style="display:block;width:100%;height:auto">\n'
        f'<image width="{width}" height="{height}" preserveAspectRatio="none" style="image-rendering:{crisp}" '
        f'href="{svg.data_uri(arrays.png(array, one.scale, hidden))}"/>{box}\n</svg>'
    )
    return _with_axes(image, one.axes) if one.axes and not crop else image


def _with_axes(image: str, axes: tuple[Axis, Axis]) -> str:
    flex = "display:flex;justify-content:space-between;font-size:.72em;line-height:1.3;white-space:nowrap;gap:.3em"
    spans = [[f"<span>{text}</span> " for text in axis] for axis in axes]
    return (
        '<div style="display:grid;grid-template-columns:auto minmax(0,1fr);gap:.15em">\n'
        f'<div style="{flex};writing-mode:vertical-rl;transform:rotate(180deg)">{"".join(reversed(spans[1]))}</div>\n'
        f'<div>\n{image}\n</div>\n<span></span>\n<div style="{flex}">{"".join(spans[0])}</div>\n</div>'
    )


def _legends(panels: Sequence[Panel]) -> str:
    """One colour bar a scale; it says when several panels share it and when values lie outside."""
    shown = [part for one in panels for part in (one, one.below) if part is not None]
    bars = []
    seen: dict[tuple[object, ...], list[Scale]] = {}
    for part in shown:
        scale = part.scale
        if scale.kind != "mask":
            seen.setdefault((scale.kind, scale.low, scale.high, scale.name, scale.unit), []).append(scale)
    for group in seen.values():
        scale = group[0]
        name = scale.name + (", one scale for all" if len(group) > 1 else "")
        if scale.kind == "phase":
            low, high = "−π", "π"
        else:
            low, high = (f"{value:.3g}".replace("-", "−") for value in (scale.low, scale.high))
        unit = f" {escape(scale.unit)}" if scale.unit else ""
        clipped = " <span>(beyond the ends: clipped)</span>" if any(one.clipped for one in group) else ""
        bars.append(
            '<span style="display:inline-flex;flex-wrap:wrap;align-items:center;gap:.1em .45em">'
            f"<span>{escape(name[:1].upper() + name[1:])}:</span> "
            f'<span style="display:inline-flex;align-items:center;gap:.45em;white-space:nowrap"><span>{low}</span> '
            '<span aria-hidden="true" style="display:inline-block;width:6em;height:.75em;border-radius:2px;'
            f'background:{arrays.gradient(scale.kind)};print-color-adjust:exact;-webkit-print-color-adjust:exact"></span> '
            f"<span>{high}{unit}</span></span>{clipped}</span>"
        )
    if not bars:
        return ""
    style = "display:flex;flex-wrap:wrap;gap:.2em 1.6em;margin-top:.7em;font-size:.8em;line-height:1.4"
    return f'<div class="otrecon-legend" style="{style}">\n' + "\n".join(bars) + "\n</div>"
