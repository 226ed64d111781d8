"""Frames without data from their neighbours, without a network: the controls of every prior."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

from otrecon.dynamic.checks import check_film, check_frames
from otrecon.ot import Grid, barycenter

__all__ = ["barycentric_frames", "linear_frames", "nearest_observed", "neighbours"]


def neighbours(
    observed: Sequence[int], frames: int, *, also_observed: bool = False
) -> list[tuple[int, int, int, float]]:
    """List frames between two observed ones: the frame, the one before, the one after, the share of the latter.

    Frames before the first or after the last observed one are left out: they are no matter of interpolation. Observed
    frames are listed, where they are wanted, with the observed ones before and after them.
    """
    seen = check_frames("observed", observed, frames, least=2)
    between = [(k, before, after) for before, after in pairwise(seen) for k in range(before + 1, after)]
    if also_observed:
        between += [(k, before, after) for before, k, after in zip(seen, seen[1:], seen[2:], strict=False)]
    return [(k, before, after, (k - before) / (after - before)) for k, before, after in sorted(between)]


def linear_frames(film: Tensor, observed: Sequence[int]) -> Tensor:
    """Fill each frame between two observed ones with their mean, weighted by time; others repeat the nearest.

    Parameters
    ----------
    film
        ``(t, y, x)``, real or complex; only observed frames are looked at.
    observed
        Indices of the frames that count.

    Returns
    -------
    Tensor
        A film of the same shape.
    """
    filled = nearest_observed(film, observed)
    for k, before, after, share in neighbours(observed, len(film)):
        filled[k] = (1 - share) * film[before] + share * film[after]
    return filled


def nearest_observed(film: Tensor, observed: Sequence[int]) -> Tensor:
    """Fill each frame that is not observed with the observed one nearest in time, the earlier of two."""
    film = check_film(film, least=1)
    seen = check_frames("observed", observed, len(film))
    return torch.stack([film[min(seen, key=lambda one: abs(one - k))] for k in range(len(film))])


def barycentric_frames(
    film: Tensor,
    observed: Sequence[int],
    *,
    also_observed: bool = False,
    blur: float = 0.7,
    reach: float | None = None,
    tol: float = 1e-3,
    max_iterations: int = 500,
) -> Tensor:
    """Fill each frame between two observed ones with their transport barycenter, weighted by time.

    Of complex frames the moduli are moved, and the phase is that of the weighted mean. Mass is interpolated linearly:
    intensity that grows from one frame to the other grows on the way. Frames outside repeat the nearest.

    Parameters
    ----------
    film
        ``(t, y, x)``, real and not negative, or complex; only observed frames are looked at.
    observed
        Indices of the frames that count.
    also_observed
        Whether these are made anew, too, each from the observed ones before and after it.
    blur
        In pixels.
    reach
        In pixels: mass farther apart fades out and in rather than travels. None: all of it travels. The
        unit of the film does not matter: it is moved in units of the mean mass of its frames.
    tol, max_iterations
        Of each barycenter.

    Returns
    -------
    Tensor
        A film of the same shape, without a gradient.

    Raises
    ------
    TypeError, ValueError
        If the film is none, has observed frames that are negative, empty or not finite, or fewer than two of them.
    """
    film = check_film(film, least=2).detach()
    filled = nearest_observed(film, observed)
    gaps = neighbours(observed, len(film), also_observed=also_observed)
    if not gaps:
        return filled
    pairs = torch.stack([torch.stack([film[before], film[after]]) for _, before, after, _ in gaps])
    shares = torch.tensor([[1 - share, share] for *_, share in gaps], dtype=torch.float64, device=film.device)
    mass = pairs.abs().double() if film.is_complex() else pairs.double()
    if not bool(torch.isfinite(mass).all()):
        raise ValueError("an observed frame has values that are not finite.")
    if bool((mass < 0).any()):
        raise ValueError("an observed frame has negative values, which are no mass: clamp them, film.clamp(min=0).")
    total = mass.sum((-2, -1), keepdim=True)
    if not bool((total > 0).all()):
        raise ValueError("a frame is empty: there is no mass to move. Observed frames must not be zero everywhere.")
    size = (int(film.shape[-2]), int(film.shape[-1]))
    moved = barycenter(
        mass / (total if reach is None else total.mean()),
        Grid(size),
        blur=blur,
        weights=shares,
        reach=reach,
        tol=tol,
        max_iterations=max_iterations,
    ).measure
    kept = (shares[..., None, None] * total).sum(1)
    moved = moved / moved.sum((-2, -1), keepdim=True) * kept
    if film.is_complex():
        mean = (shares[..., None, None] * pairs).sum(1)
        filled[[k for k, *_ in gaps]] = (torch.polar(moved, mean.angle().double())).to(film.dtype)
    else:
        filled[[k for k, *_ in gaps]] = moved.to(film.dtype)
    return filled
