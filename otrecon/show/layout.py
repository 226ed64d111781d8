"""How the panels of an image row stand on the page: a grid that wraps, with aligned rows and its colour bars."""

from __future__ import annotations

import math
from collections.abc import Sequence

from otrecon.show import arrays, svg
from otrecon.show.arrays import Scale
from otrecon.show.figure import Picture, escape
from otrecon.show.panel import Axis, Box, Panel
from otrecon.show.style import ACCENT, METHOD_COLOURS, VARIABLES


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
    if count == 1:  # alone, it is what the alt text of the row describes
        place = svg.ALT
    mark = ""
    if one.title in METHOD_COLOURS:
        colour = METHOD_COLOURS[one.title]
        mark = (
            '<span aria-hidden="true" style="display:inline-block;width:.6em;height:.6em;border-radius:50%;'
            f'margin:0 .4em 0 .05em;background:{VARIABLES.get(colour, colour)}"></span>'
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
            f'background:{arrays.gradient(scale.kind)};print-color-adjust:exact"></span> '
            f"<span>{high}{unit}</span></span>{clipped}</span>"
        )
    if not bars:
        return ""
    style = "display:flex;flex-wrap:wrap;gap:.2em 1.6em;margin-top:.7em;font-size:.8em;line-height:1.4"
    return f'<div class="otrecon-legend" style="{style}">\n' + "\n".join(bars) + "\n</div>"
