"""Rows of images that say what they show: one shared scale, errors at one stated gain, metrics under each image.

A row is HTML around small lossless PNGs rather than one drawing: its text keeps its size when the page is narrow, and
the panels wrap. The y axis points downwards, as in the arrays. `row` takes any panels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from otrecon.show.arrays import to_array
from otrecon.show.layout import compose
from otrecon.show.panel import Box, Panel, panel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from otrecon.show.figure import Picture

Metric = Callable[[Any, Any], Any]
GAINS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


def row(panels: Sequence[Panel], *, alt: str, caption: str | None = None, columns: int | None = None) -> Picture:
    """Set panels of any kind in one row, with one colour bar for each scale among them.

    Parameters
    ----------
    panels
        Results of `otrecon.show.panel`.
    alt
        Required: what the row shows, in words.
    caption
        Optional visible caption.
    columns
        Panels a line where there is room for them; by default up to five, then even lines.
    """
    return compose(list(panels), alt=alt, caption=caption, columns=columns)


def images(
    images: object,
    *,
    alt: str,
    titles: Sequence[str] | None = None,
    reference: object = None,
    captions: Sequence[str] | None = None,
    metrics: Mapping[str, Metric] | None = None,
    errors: bool | None = None,
    error_gain: float | None = None,
    vmin: float | None = None,
    vmax: float | None = None,
    unit: str = "a.u.",
    zoom: Box | None = None,
    columns: int | None = None,
    caption: str | None = None,
) -> Picture:
    """Set images side by side on one scale, which the row states.

    Parameters
    ----------
    images
        A dictionary from title to image, a sequence of images, an array ``(n, y, x)``, or one image ``(y, x)``.
        Complex images show their modulus. Tensors or arrays.
    alt
        Required: what the row shows, in words.
    titles
        One a image, where `images` is no dictionary. Names of `METHOD_COLOURS` get their colour mark.
    reference
        The truth: an image, or the title of one of `images`. Sets the scale, the errors and the metrics.
    captions
        One line a image, under it.
    metrics
        From text to ``function(image, reference)``: ``{"PSNR {:.1f} dB": psnr}``.
        Written under each image but the reference.
    errors
        Whether a row of error maps stands below; by default where there is a reference.
    error_gain
        The errors are shown on the images' scale divided by this; by default a round number that fits all of them.
    vmin, vmax
        Display range; by default 0 to the maximum of the reference, or of all images without one.
    unit
        Unit of the values.
    zoom
        Box ``(y0, y1, x0, x1)``, outlined in each image and enlarged beneath it.
    columns
        Images a line where there is room for them.
    caption
        Optional visible caption.

    Raises
    ------
    TypeError, ValueError
        When images differ in shape, titles in number, values are not finite, or a metric has no reference.
    """
    names, given = _named(images, titles)
    truth, truth_index = _reference(reference, names, given)
    shown = [
        _real(to_array(image, f"image {name or k}")) for k, (name, image) in enumerate(zip(names, given, strict=True))
    ]
    if len({array.shape for array in shown}) > 1:
        raise ValueError(
            f"the images have shapes {[array.shape for array in shown]}; one scale and one zoom need one shape"
        )
    if vmax is None:
        arrays = shown if truth is None else [_real(to_array(truth, "reference"))]
        vmax = max(float(array.max()) for array in arrays)
    if vmin is None:
        vmin = min(0.0, *(float(array.min()) for array in shown))
    complex_data = all(to_array(image).dtype.kind == "c" for image in given)
    lines = _captions(captions, metrics, given, truth, truth_index)
    panels = [
        panel(array, name, unit=unit, vmin=vmin, vmax=vmax, caption=text, zoom=zoom)
        for name, array, text in zip(names, shown, lines, strict=True)
    ]
    if complex_data:
        panels = [replace(one, scale=replace(one.scale, name="magnitude")) for one in panels]
    if errors or (errors is None and truth is not None):
        if truth is None:
            raise ValueError("errors=True needs reference=, the image or the title of the truth")
        panels = _with_errors(panels, given, truth, truth_index, error_gain, unit)
    return compose(panels, alt=alt, caption=caption, columns=columns)


def error_maps(
    images: object,
    reference: object,
    *,
    alt: str,
    titles: Sequence[str] | None = None,
    metrics: Mapping[str, Metric] | None = None,
    signed: bool = False,
    vmax: float | None = None,
    unit: str = "a.u.",
    columns: int | None = None,
    caption: str | None = None,
) -> Picture:
    """Show errors of several images on one scale: modulus (sequential map), or signed differences (diverging map).

    Parameters
    ----------
    images, titles, metrics, columns, caption, alt
        As for `otrecon.show.images`.
    reference
        The truth: an image, or the title of one of `images` (which is then left out).
    signed
        Show ``image - reference`` of real images instead of its modulus.
    vmax
        Largest error of the scale; by default the largest error.
    unit
        Unit of the values.
    """
    names, given = _named(images, titles)
    truth, truth_index = _reference(reference, names, given)
    lines = _captions(None, metrics, given, truth, truth_index)
    kept = [k for k in range(len(given)) if k != truth_index]
    maps = [_difference(given[k], truth) for k in kept]
    if not signed:
        maps = [np.abs(array) for array in maps]
    limit = max(float(np.abs(array).max()) for array in maps) if vmax is None else vmax
    kind = "difference" if signed else "error"
    panels = [
        panel(array, names[k], kind=kind, unit=unit, vmax=limit, caption=lines[k])  # type: ignore[arg-type]
        for k, array in zip(kept, maps, strict=True)
    ]
    return compose(panels, alt=alt, caption=caption, columns=columns)


def _named(images: object, titles: Sequence[str] | None) -> tuple[list[str], list[Any]]:
    if isinstance(images, Mapping):
        if titles is not None:
            raise ValueError("titles are the keys of the dictionary; leave titles out")
        names, given = [str(key) for key in images], list(images.values())
    else:
        shape = getattr(images, "shape", None)
        if shape is not None and len(shape) not in (2, 3):
            raise ValueError(f"images has shape {tuple(shape)}; give (y, x), (n, y, x), a sequence or a dictionary")
        single = shape is not None and len(shape) == 2
        given = [images] if single else list(images)  # type: ignore[call-overload]
        names = list(titles) if titles is not None else [""] * len(given)
    if not given:
        raise ValueError("there are no images")
    if len(names) != len(given):
        raise ValueError(f"{len(given)} images came with {len(names)} titles; give one each")
    return names, given


def _reference(reference: object, names: list[str], given: list[Any]) -> tuple[Any, int | None]:
    if isinstance(reference, str):
        if reference not in names:
            raise ValueError(f"reference is {reference!r}; the titles are {names}")
        index = names.index(reference)
        return given[index], index
    if reference is None:
        return None, None
    return reference, next((k for k, image in enumerate(given) if image is reference), None)


def _real(array: NDArray[Any]) -> NDArray[Any]:
    return np.abs(array) if array.dtype.kind == "c" else array


def _difference(image: object, truth: object) -> NDArray[Any]:
    first, second = to_array(image), to_array(truth, "reference")
    if first.shape != second.shape:
        raise ValueError(f"an image of shape {first.shape} cannot be compared with a reference of shape {second.shape}")
    if (first.dtype.kind == "c") != (second.dtype.kind == "c"):
        first, second = _real(first), _real(second)
    return first.astype(np.result_type(first, np.float32)) - second


def _captions(
    captions: Sequence[str] | None,
    metrics: Mapping[str, Metric] | None,
    given: list[Any],
    truth: object,
    truth_index: int | None,
) -> list[list[str]]:
    if captions is not None and len(captions) != len(given):
        raise ValueError(f"{len(given)} images came with {len(captions)} captions; give one each")
    if metrics and truth is None:
        raise ValueError("metrics compare with a reference; give reference=")
    lines = [[text] if text else [] for text in (captions or [""] * len(given))]
    for k, image in enumerate(given):
        for text, metric in (metrics or {}).items():
            if k != truth_index:
                value = float(metric(image, truth))
                lines[k].append(text.format(value) if "{" in text else f"{text} {value:.3g}")
    return lines


def _with_errors(
    panels: list[Panel], given: list[Any], truth: object, truth_index: int | None, gain: float | None, unit: str
) -> list[Panel]:
    maps = [np.abs(_difference(image, truth)) for image in given]
    high = panels[0].scale.high
    if gain is None:
        worst = max(float(np.quantile(array, 0.999)) for array in maps)
        gain = max((g for g in GAINS if g * worst <= high), default=1)
    if gain <= 0:
        raise ValueError(f"error_gain is {gain}; it must be positive")
    name = f"error × {gain:g}"
    result = []
    for k, (one, array) in enumerate(zip(panels, maps, strict=True)):
        if k == truth_index:
            result.append(
                replace(
                    one, note=f"|image − reference|, brightened {gain:g} times" if gain != 1 else "|image − reference|"
                )
            )
            continue
        below = panel(array, kind="error", unit=unit, vmax=high / gain)
        result.append(replace(one, below=replace(below, scale=replace(below.scale, name=name))))
    return result
