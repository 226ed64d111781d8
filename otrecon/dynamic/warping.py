"""Frames between two others by transport of their edges: motion apart from contrast."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from otrecon.checks import check_positive
from otrecon.dynamic.checks import check_film
from otrecon.dynamic.classical import nearest_observed, neighbours
from otrecon.ot import Grid, Plan, sinkhorn

__all__ = ["edge_displacements", "warped_frames"]

FLOOR = 0.02
"""Mass of places without an edge, relative to the strongest: flat places then stay where they are."""


def warped_frames(
    film: Tensor,
    observed: Sequence[int],
    *,
    also_observed: bool = False,
    blur: float = 1.0,
    reach: float = 8.0,
    edge: float = 1.0,
    smoothing: float = 1.0,
    tol: float = 1e-3,
    max_iterations: int = 500,
) -> Tensor:
    """Fill each frame between two observed ones with both of them, warped towards it and averaged, weighted by time.

    Where blood flows in, brightness is not mass that has come from elsewhere, and what moves it about as if it were is
    wrong. Here the *edges* are moved, by unbalanced transport of the size of the gradient, and the pictures are only
    warped along: contrast is averaged where it is, motion says where. A film that stands still is left as it is.

    Parameters
    ----------
    film
        ``(t, y, x)``, real or complex; only observed frames are looked at. Of complex frames the moduli have the edges.
    observed
        Indices of the frames that count.
    also_observed
        Whether these are made anew, too, each from the observed ones before and after it.
    blur, reach
        Of the transport of edges, in pixels. An edge farther than the reach from any other is left where it is; and
        the way of all others is the shorter the shorter the reach, for to vanish and appear costs less than to travel.
    edge
        Width of the Gaussian under which gradients are taken, in pixels.
    smoothing
        Width of the Gaussian that smooths the displacements, in pixels.
    tol, max_iterations
        Of each transport.

    Returns
    -------
    Tensor
        A film of the same shape, without a gradient. Frames outside repeat the nearest.

    Raises
    ------
    TypeError, ValueError
        If the film is none or not finite, or fewer than two frames are observed.
    """
    film = check_film(film, least=2).detach()
    filled = nearest_observed(film, observed)
    gaps = neighbours(observed, len(film), also_observed=also_observed)
    if not gaps:
        return filled
    pairs = sorted({(before, after) for _, before, after, _ in gaps})
    forth, back = edge_displacements(
        film.abs(), pairs, blur=blur, reach=reach, edge=edge, tol=tol, max_iterations=max_iterations
    )
    # Both are displacements from the earlier frame to the later one, seen from either end.
    halves = _smoothed((forth - back) / 2, smoothing)
    along = dict(zip(pairs, halves, strict=True))
    for k, before, after, share in gaps:
        path = along[before, after]
        early, late = _warped(film[before], -share * path), _warped(film[after], (1 - share) * path)
        filled[k] = (1 - share) * early + share * late
    return filled


def edge_displacements(
    film: Tensor,
    pairs: Sequence[tuple[int, int]],
    *,
    blur: float = 1.0,
    reach: float = 8.0,
    edge: float = 1.0,
    tol: float = 1e-3,
    max_iterations: int = 500,
) -> tuple[Tensor, Tensor]:
    """Give where the edges of frames go: displacements from a first frame to a last one, and back.

    Parameters
    ----------
    film
        Real, ``(t, y, x)``.
    pairs
        Indices of the first and the last frame, of each pair. The edges of a pair are moved in units of their mean
        mass, so that it does not matter how bright other frames are.
    blur, reach, edge, tol, max_iterations
        As of `warped_frames`.

    Returns
    -------
    tuple of Tensor
        Float64 ``(pairs, y, x, 2)``, in pixels, y first; without a gradient.

    Raises
    ------
    TypeError, ValueError
        If the film is none, complex or not finite, or there are no pairs, or they name frames that it does not have.
    """
    film = check_film(film, least=1).detach()
    if film.is_complex():
        raise TypeError("film must be real: give the moduli of its frames, film.abs().")
    if not pairs or not all(0 <= k < len(film) for pair in pairs for k in pair):
        raise ValueError(f"pairs must be at least one, of the frames 0 to {len(film) - 1}, got {list(pairs)}.")
    check_positive("blur", blur)
    check_positive("reach", reach)
    check_positive("edge", edge)
    frames = sorted({k for pair in pairs for k in pair})
    single = _edges(film[frames], edge)
    if not bool(torch.isfinite(single).all()):
        raise ValueError("a frame has values that are not finite.")
    edges = torch.stack([single[[frames.index(pair[end]) for pair in pairs]] for end in (0, 1)])
    top = edges.amax((0, -2, -1), keepdim=True)
    # Two flat images have no edges: any mass will do, and it stays.
    edges = edges + torch.where(top > 0, FLOOR * top, 1.0)
    edges = edges / edges.sum((-2, -1), keepdim=True).mean(0)
    grid = Grid((int(film.shape[-2]), int(film.shape[-1])))

    def plan(a: Tensor, b: Tensor) -> Plan:
        return sinkhorn(a, b, grid, blur=blur, reach=reach, tol=tol, max_iterations=max_iterations).plan

    # The plan of an image with itself is not the identity near borders and edges: entropy pulls inwards. Each is read
    # in the direction of what it is compared with, for a plan is symmetric up to its tolerance only.
    there, still = plan(*edges), plan(edges, edges)
    return there.map() - still.map()[0], there.T.map() - still.T.map()[1]


def _edges(images: Tensor, width: float) -> Tensor:
    sizes = [ndimage.gaussian_gradient_magnitude(one, width, mode="nearest") for one in images.cpu().double().numpy()]
    return torch.from_numpy(np.stack(sizes)).to(images.device)


def _smoothed(displacements: Tensor, width: float) -> Tensor:
    if width == 0:
        return displacements
    check_positive("smoothing", width)
    smooth = ndimage.gaussian_filter(displacements.cpu().numpy(), (0, width, width, 0), mode="nearest")
    return torch.from_numpy(smooth).to(displacements.device)


def _warped(image: Tensor, displacement: Tensor) -> Tensor:
    """Look up an image ``(y, x)`` at displaced places, linearly between pixels, as the nearest beyond the border."""
    places = np.moveaxis(displacement.cpu().numpy(), -1, 0) + np.indices(tuple(image.shape))
    values = ndimage.map_coordinates(image.cpu().numpy(), places, order=1, mode="nearest")
    return torch.from_numpy(values).to(image)
