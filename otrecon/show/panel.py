"""One panel of an image row: an array with its meaning, its display scale, and what stands under it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from otrecon.show import arrays
from otrecon.show.arrays import Kind, Scale

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
    name: str | None = None,
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
    name
        What the values are, for the colour bar, such as ``"g-factor"``; by default the kind says it.

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
        called = (
            "magnitude" if kind == "magnitude" and array.dtype.kind == "c" else kind if kind == "error" else "value"
        )
        array = np.abs(array) if array.dtype.kind == "c" or kind == "error" else array
        low = min(0.0, float(array.min())) if vmin is None else vmin
        scale = _scale(array, kind, low, float(array.max()) if vmax is None else vmax, called, unit)
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
    if name is not None:
        scale = replace(scale, name=name)
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
    return ends[0].replace("-", "−"), f'k<span style="font-size:.8em">{name}</span> ({unit})', ends[1]
