"""Draw the book's own pictures: logo, icon, social card and the figure of the README.

``python -m book._tools.identity`` writes them into ``book/_static``. Each is computed: particles of one disc travel by
exact optimal transport (the network simplex of POT) to the drops of another image. The seed is fixed, so the same
versions of the libraries give the same files.
"""

from __future__ import annotations

import io
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from book._tools.myst import ROOT
from otrecon.show.flow import WHEEL, flow, moments, wheel
from otrecon.show.shapes import disc_and_drops
from otrecon.show.style import INK

Array = NDArray[np.float64]

STATIC = ROOT / "book" / "_static"
NIGHT = "#12161d"
"""Ground of the social card."""
DARK_INK = "#e6e8ea"
TITLE = ("Optimal transport", "for image reconstruction")
CARD = (1200, 630)
TIMES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


def sample(image: Array, count: int, rng: np.random.Generator) -> Array:
    """Spread points over an image, as densely as it is bright.

    Parameters
    ----------
    image
        Brightness ``(size, size)``.
    count
        Number of points.
    rng
        Source of randomness.

    Returns
    -------
    ndarray
        ``(count, 2)`` as (x, y), between -1 and 1; evenly apart, because each new point is the farthest of several.
    """
    size = image.shape[0]
    share = (image / image.sum()).ravel()
    picks = rng.choice(share.size, size=8 * count, p=share)
    points = np.stack([picks % size, picks // size], axis=1) + rng.random((8 * count, 2))
    points = points / size * 2 - 1
    from scipy.cluster.vq import kmeans2

    centres, _ = kmeans2(points, points[rng.permutation(len(points))[:count]], iter=6, minit="matrix", missing="warn")
    return np.asarray(centres)


def assign(first: Array, last: Array) -> Array:
    """Order the last points as their partners in the first, at the least total squared distance."""
    import ot

    weight = np.full(len(first), 1 / len(first))
    plan = ot.emd(weight, weight, ot.dist(first, last), numItermax=10_000_000)
    return last[plan.argmax(axis=1)]


def travellers(count: int, drops: int, gap: float, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Particles of a disc on the left, their places in drops on the right, and their colours.

    Parameters
    ----------
    count
        Number of particles.
    drops
        Number of drops.
    gap
        Distance from the centre of the disc to the centre of the drops.
    rng
        Source of randomness.

    Returns
    -------
    start, end
        ``(count, 2)`` as (x, y).
    colours
        RGB ``(count, 3)``.
    """
    disc, target = disc_and_drops(drops, 192)
    start = sample(disc, count, rng)
    end = assign(start, sample(target, count, rng))
    turns = np.arctan2(start[:, 1], start[:, 0]) / (2 * math.pi) % 1
    half = np.array([gap / 2, 0.0])
    return start - half, end + half, wheel(turns).T


def path(start: Array, end: Array, time: NDArray[np.float64]) -> Array:
    """Ways from start to end with a gentle departure and arrival across, ``(time, particle, 2)``.

    The horizontal flight is straight; what is crossed on the way is eased, so that the threads leave and land as a
    bundle. It is drawn this way for the eye: the transport that it shows is the pairing of the ends.
    """
    eased = time * time * (3 - 2 * time)
    t, e = time[:, None], eased[:, None]
    x = start[:, 0] + t * (end[:, 0] - start[:, 0])
    y = start[:, 1] + e * (end[:, 1] - start[:, 1])
    return np.stack([x, y], axis=-1)


# ---------------------------------------------------------------------------------------------------------------------
# Vector pictures


def _hex(colour: Array) -> str:
    return "#" + bytes(np.rint(255 * colour).astype(np.uint8)).hex()


def logo() -> str:
    """Draw a disc whose particles travel along threads into three drops; mid tones that serve on light and dark."""
    start, end, colours = travellers(130, 3, 3.4, np.random.default_rng(7))
    unit = 56.0
    parts = []
    for (x0, y0), (x1, y1), colour in zip(start * unit, end * unit, colours, strict=True):
        reach = 0.5 * (x1 - x0)
        parts.append(
            f'<g stroke="{_hex(colour)}" fill="{_hex(colour)}">'
            f'<path d="M{x0:.1f} {y0:.1f}C{x0 + reach:.1f} {y0:.1f} {x1 - reach:.1f} {y1:.1f} {x1:.1f} {y1:.1f}"/>'
            f'<circle cx="{x0:.1f}" cy="{y0:.1f}" r="2.5"/><circle cx="{x1:.1f}" cy="{y1:.1f}" r="2.5"/></g>'
        )
    left, top = np.floor(np.minimum(start, end).min(0) * unit - 5)
    right, bottom = np.ceil(np.maximum(start, end).max(0) * unit + 5)
    box = f"{left:.0f} {top:.0f} {right - left:.0f} {bottom - top:.0f}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}">\n'
        "<title>otrecon</title>\n"
        "<style>path{fill:none;stroke-width:.7;stroke-opacity:.5}circle{stroke:none}</style>\n"
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def favicon() -> str:
    """Draw three drops around an empty centre, as outlines, for 16 pixels and more."""
    from contourpy import contour_generator

    _, drops = disc_and_drops(3, 192)
    axis = (np.arange(192) + 0.5) / 192 * 64
    outlines: Any = contour_generator(axis, axis, drops).lines(0.5)
    outlines = sorted(outlines, key=lambda line: math.atan2(*(np.mean(line, axis=0)[::-1] - 32)))
    paths = [
        f'<path fill="{colour}" d="M{"L".join(f"{x:.1f} {y:.1f}" for x, y in line[::3])}Z"/>'
        for line, colour in zip(outlines, (WHEEL[4], WHEEL[0], WHEEL[2]), strict=True)
    ]
    return '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64">\n' + "\n".join(paths) + "\n</svg>\n"


# ---------------------------------------------------------------------------------------------------------------------
# Pixels


def social_card() -> bytes:
    """Draw several thousand particles on their way from one disc to three drops, under the title."""
    from matplotlib.collections import LineCollection
    from matplotlib.figure import Figure

    rng = np.random.default_rng(3)
    start, end, colours = travellers(3000, 3, 4.3, rng)
    ways = path(start, end, np.linspace(0, 1, 40))
    figure = Figure(figsize=(CARD[0] / 200, CARD[1] / 200), dpi=200, facecolor=NIGHT)
    axes = figure.add_axes((0, 0.235, 1, 0.765))
    axes.set(xlim=(-3.28, 3.28), ylim=(1.32, -1.32), aspect="equal")
    axes.axis("off")
    faint = [(*colour, 0.07) for colour in colours]
    axes.add_collection(LineCollection(list(ways.transpose(1, 0, 2)), colors=faint, linewidths=0.45))
    moment = rng.beta(0.9, 0.9, len(start))
    k = np.rint(moment * 39).astype(int)
    halfway = ways[k, np.arange(len(start))]
    axes.scatter(halfway[:, 0], halfway[:, 1], s=0.5, c=colours, linewidths=0, alpha=0.75, zorder=3)
    for points in (start, end):
        axes.scatter(points[:, 0], points[:, 1], s=1.5, c=colours, linewidths=0, zorder=4)
    with _font():
        figure.text(0.045, 0.165, " ".join(TITLE), color=DARK_INK, size=15.5, va="center")
        figure.text(
            0.045,
            0.075,
            "A book that runs, and the tested PyTorch package behind it",
            color="#9aa3ad",
            size=8.2,
            va="center",
        )
        figure.text(0.955, 0.075, "otrecon", color="#9aa3ad", size=8.2, ha="right", va="center")
    return _png(figure)


def readme(ink: str) -> bytes:
    """Draw six moments of the book's opening figure, pixels averaged above and mass moved below."""
    from matplotlib.figure import Figure
    from PIL import Image

    one = flow(*disc_and_drops(3))
    figure = Figure(figsize=(8.4, 2.75), dpi=108)
    figure.patch.set_alpha(0)
    grid = figure.subplots(2, len(TIMES))
    for column, time in zip(grid.T, TIMES, strict=True):
        for axes, png in zip(column, moments(one, time, width=0.8, zoom=3), strict=True):
            axes.imshow(np.asarray(Image.open(io.BytesIO(png))), interpolation="antialiased")
            axes.axis("off")
        column[1].text(0.5, -0.02, f"time {time:g}", transform=column[1].transAxes, color=ink, ha="center", va="top")
    with _font():
        for axes, name in zip(grid[:, 0], ("Average\nthe pixels", "Move\nthe mass"), strict=True):
            axes.text(-0.12, 0.5, name, transform=axes.transAxes, color=ink, size=14, ha="right", va="center")
    figure.subplots_adjust(left=0.125, right=0.995, top=0.995, bottom=0.085, wspace=0.0, hspace=0.0)
    return _png(figure)


def _font() -> Any:
    import matplotlib as mpl

    return mpl.rc_context({"font.family": "STIXGeneral"})


def _png(figure: Any) -> bytes:
    """PNG of a figure; one without transparency gets a palette."""
    from PIL import Image

    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    image: Image.Image = Image.open(buffer)
    if image.getchannel("A").getextrema() == (255, 255):
        image = image.convert("RGB").quantize(256, dither=Image.Dither.FLOYDSTEINBERG)
    out = io.BytesIO()
    image.save(out, format="PNG", optimize=True)
    return out.getvalue()


def pictures() -> dict[str, bytes]:
    """Every file by its name."""
    return {
        "logo.svg": logo().encode(),
        "favicon.svg": favicon().encode(),
        "social-card.png": social_card(),
        "readme-light.png": readme(INK),
        "readme-dark.png": readme(DARK_INK),
    }


def main(folder: Path = STATIC) -> int:
    """Write the pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in pictures().items():
        (folder / name).write_bytes(content)
        print(f"written: {name}, {len(content) / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
