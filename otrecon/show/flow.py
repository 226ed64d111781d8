"""Mass that moves from one image to another: exact optimal transport between pixels, painted at any moment."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from otrecon.ot.exact import emd
from otrecon.ot.geometry import Grid
from otrecon.show import svg
from otrecon.show.arrays import to_array
from otrecon.show.figure import Picture

if TYPE_CHECKING:
    from numpy.typing import NDArray

WHEEL = ("#0072b2", "#56b4e9", "#009e73", "#e69f00", "#d55e00", "#cc79a7")
"""Colours of the directions, from the right and clockwise on the page: the book's palette, closed to a ring."""


@dataclass(frozen=True)
class Flow:
    """Parcels of mass, each of which travels straight ahead at a constant speed from time 0 to time 1.

    Attributes
    ----------
    start, end
        Positions ``(parcel, 2)`` as (y, x), in pixels of the images.
    mass
        Mass of each parcel ``(parcel,)``.
    shape
        Shape (y, x) of the images in pixels.
    cost
        What the transport costs: the sum of mass times half the squared distance, in pixels squared.
    bound
        What any transport costs at least, by the dual problem: equal to `cost` when nothing is wasted.
    """

    start: NDArray[np.float64]
    end: NDArray[np.float64]
    mass: NDArray[np.float64]
    shape: tuple[int, int]
    cost: float
    bound: float

    def at(self, time: float) -> NDArray[np.float64]:
        """Positions at a time between 0 and 1.

        Raises
        ------
        ValueError
            If the time lies outside.
        """
        check_time(time)
        return (1 - time) * self.start + time * self.end

    def moved(
        self, time: float, *, width: float = 0.8, zoom: int = 1, amount: NDArray[Any] | None = None
    ) -> NDArray[np.float64]:
        """Paint the parcels where they are at a time: displacement interpolation.

        Parameters
        ----------
        time
            Between 0 and 1.
        width
            Standard deviation in pixels of the Gaussian that stands for one parcel.
        zoom
            Number of painted pixels along each side of a pixel.
        amount
            What a parcel paints in the place of its mass, ``(..., parcel)``.

        Returns
        -------
        ndarray
            ``(..., zoom * y, zoom * x)``; its sum is the sum of the amounts, also where a parcel touches the border.
        """
        if width <= 0 or zoom < 1:
            raise ValueError(f"width is {width} and zoom is {zoom}; the width must be positive, the zoom at least 1.")
        y, x = self.at(time).T
        rows = _gaussians(y, self.shape[0], width, zoom)
        columns = _gaussians(x, self.shape[1], width, zoom)
        amount = self.mass if amount is None else np.asarray(amount)
        return np.asarray((rows * amount[..., None, :]) @ columns.T)

    def averaged(
        self, time: float, *, width: float = 0.8, zoom: int = 1, amount: NDArray[Any] | None = None
    ) -> NDArray[np.float64]:
        """Average the first and the last image pixel by pixel; arguments and result as of `moved`."""
        check_time(time)
        first, last = (self.moved(end, width=width, zoom=zoom, amount=amount) for end in (0.0, 1.0))
        return (1 - time) * first + time * last

    def directions(self) -> NDArray[np.float64]:
        """Direction in which each parcel lies at the start, seen from the centre of mass: turns from 0 to 1."""
        y, x = (self.start - np.average(self.start, axis=0, weights=self.mass)).T
        return np.arctan2(y, x) / (2 * math.pi) % 1.0


def check_time(time: float) -> None:
    """Refuse a time outside 0 to 1."""
    if not 0 <= time <= 1:
        raise ValueError(f"time is {time}; a flow runs from 0 to 1.")


def flow(source: object, target: object) -> Flow:
    """Move one image onto another at the least cost, mass times half the squared distance, by linear programming.

    Parameters
    ----------
    source, target
        Images ``(y, x)`` of the same shape, non-negative, not all zero. Each is divided by its sum, so that mass is
        a share of the whole.

    Returns
    -------
    Flow
        At most one parcel for each pixel that holds mass, in the two images together.

    Raises
    ------
    TypeError, ValueError
        If an image is complex, negative or empty of mass, the shapes differ, or too many pixels hold mass.

    Notes
    -----
    `otrecon.ot.emd`: exact, and meant for a few thousand pixels with mass.
    """
    first, last = _mass(source, "source"), _mass(target, "target")
    if first.shape != last.shape:
        raise ValueError(f"source has shape {first.shape} and target {last.shape}; bring them to one shape first.")
    a, b = torch.from_numpy(first), torch.from_numpy(last)
    exact = emd(a, b, Grid(first.shape))
    plan = exact.plan
    bound = (exact.f * a).sum() + (exact.g * b).sum()
    start, end, mass = (part.numpy() for part in (plan.start, plan.end, plan.mass))
    return Flow(start, end, mass, (len(first), len(first[0])), float(exact.value), float(bound))


def paint(density: NDArray[Any], colour: NDArray[Any], *, full: float) -> bytes:
    """PNG of a coloured density on a transparent ground.

    Parameters
    ----------
    density
        Mass ``(y, x)``.
    colour
        Mass times RGB ``(3, y, x)``, RGB from 0 to 1.
    full
        Density that is opaque; what lies above is opaque as well.
    """
    from PIL import Image

    opacity = np.clip(density / full, 0, 1) ** 0.75
    rgb = colour / np.maximum(density, 1e-12 * full)
    # Coarse steps that nobody sees keep the file to a third.
    pixels = np.concatenate([np.clip(rgb, 0, 1), opacity[None]]).transpose(1, 2, 0)
    steps = np.array([31, 31, 31, 63])
    pixels = np.rint(pixels * steps) * (255 / steps)
    pixels[opacity < 0.5 / 63] = 0
    return svg.encode(Image.fromarray(np.rint(pixels).astype(np.uint8)))


def wheel(turns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Colours ``(3, n)`` of directions given in turns: `WHEEL`, with smooth passages between its colours."""
    stops = np.array([[int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)] for colour in (*WHEEL, WHEEL[0])])
    places = np.linspace(0, 1, len(stops))
    return np.stack([np.sqrt(np.interp(turns, places, channel**2)) for channel in stops.T])


def side_by_side(one: Flow, time: float, *, width: float = 0.8, zoom: int = 3) -> Picture:
    """Two ways from one image to the other at one moment: pixels averaged on the left, mass moved on the right.

    Each parcel keeps the colour of the direction in which it lay at the start, seen from the centre of mass.

    Parameters
    ----------
    one
        The flow.
    time
        Between 0 and 1.
    width, zoom
        As of `Flow.moved`.
    """
    names = ("Average the pixels", "Move the mass")
    cells = [
        '<div style="flex:1 1 0;min-width:0;text-align:center">\n'
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{name}, at time {time:.2f}" '
        f'viewBox="0 0 {one.shape[1]} {one.shape[0]}" style="display:block;width:100%;height:auto">\n'
        f'<image width="{one.shape[1]}" height="{one.shape[0]}" href="{svg.data_uri(png)}"/>\n</svg>\n'
        f'<div style="font-weight:600;font-size:.9em;line-height:1.3">{name}</div>\n</div>'
        for name, png in zip(names, moments(one, time, width=width, zoom=zoom), strict=True)
    ]
    body = (
        f'<div role="group" aria-label="{svg.ALT}" '
        'style="display:flex;gap:4%;max-width:44em;margin:0 auto;padding:.4em">\n' + "\n".join(cells) + "\n</div>"
    )
    return Picture(
        body,
        f"Two images at time {time:.2f} between 0 and 1. Left, averaged pixels: the first shape fades out where it is "
        "while the last fades in where it will be. Right, moved mass: one shape on its way from the first to the last.",
    )


def moments(one: Flow, time: float, *, width: float, zoom: int) -> tuple[bytes, bytes]:
    """PNGs of the averaged and of the moved image at a time, coloured by where each parcel came from."""
    amount = np.concatenate([one.mass[None], one.mass * wheel(one.directions())])
    first, now, last = (one.moved(t, width=width, zoom=zoom, amount=amount) for t in (0.0, time, 1.0))
    full = 0.85 * max(first[0].max(), last[0].max())
    averaged = (1 - time) * first + time * last
    return paint(averaged[0], averaged[1:], full=full), paint(now[0], now[1:], full=full)


def _mass(image: object, name: str) -> NDArray[np.float64]:
    array = to_array(image, name)
    if array.dtype.kind == "c":
        raise TypeError(f"{name} is complex; mass is real and non-negative: take the modulus, abs(image), first.")
    mass = array.astype(np.float64)
    if mass.min() < 0:
        raise ValueError(f"{name} has negative values down to {mass.min():.3g}; mass cannot be negative.")
    if mass.sum() == 0:
        raise ValueError(f"{name} holds no mass: all its values are zero.")
    return mass / mass.sum()


def _gaussians(centres: NDArray[np.float64], size: int, width: float, zoom: int) -> NDArray[np.float64]:
    """Gaussians on the painted pixels of one axis, ``(zoom * size, parcel)``; each sums to 1."""
    places = (np.arange(size * zoom) + 0.5) / zoom - 0.5
    exponent = -(((places[:, None] - centres) / width) ** 2) / 2
    weights = np.exp(exponent - exponent.max(axis=0))
    return np.asarray(weights / weights.sum(axis=0))
