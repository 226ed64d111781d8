"""On the line transport has a formula: each share of the mass goes to the same share of the other measure, in order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from otrecon.ot.checks import check_length, check_masses, check_measure, check_real, check_weights

__all__ = ["LineMeasure", "line_barycenter", "quantiles", "wasserstein_line"]


class LineMeasure(NamedTuple):
    """Point masses on the line, anywhere: `positions` ``(..., points)`` in increasing order, and their `mass`."""

    positions: Tensor
    mass: Tensor


def wasserstein_line(a: Tensor, b: Tensor, x: Tensor | None = None, *, p: float = 2.0, spacing: float = 1.0) -> Tensor:
    r"""Wasserstein distance between measures on the line, exactly, by quantiles.

    .. math:: W_p(a, b)^p = \int_0^m \lvert F_a^{-1}(s) - F_b^{-1}(s) \rvert^p \, ds,

    m the mass and :math:`F_a^{-1}(s)` the place below which a share s of a lies. The p-th root is taken and there is no
    half: on a `Grid` of one axis, ``emd(a, b, grid).value`` is ``wasserstein_line(a, b)**2 / 2``.

    Parameters
    ----------
    a, b
        Point masses, ``(..., n)``: real, non-negative, of equal mass, not zero. Leading axes are a batch and broadcast.
    x
        Their positions ``(n,)``, different, in any order. None: ``spacing`` times 0, 1, ..., n - 1.
    p
        Exponent, at least 1 and finite.
    spacing
        Distance between neighbours where `x` is None.

    Returns
    -------
    Tensor
        Shape of the batch, in the unit of the positions (times the p-th root of the mass), dtype and device of `a`;
        differentiable in a and b. Where the distance is 0, so is the derivative.

    Raises
    ------
    TypeError
        If a measure is not real floating point, or data types differ.
    ValueError
        If shapes do not fit; a value is negative, NaN or infinite; a measure is empty; the masses differ; positions
        repeat; or `p` or `spacing` are out of range.

    Notes
    -----
    The work is that of sorting 2 n levels. Masses are cumulated in float64; the rounding of some 1e-16 of the mass
    leaves, for p = 2, distances of up to about 1e-8 of the extent between measures that should agree.

    References
    ----------
    Seed row 000-T3. F. Santambrogio, Optimal Transport for Applied Mathematicians, 2015, chapter 2.
    """
    if not (math.isfinite(p) and p >= 1):
        raise ValueError(f"p is {p}; a Wasserstein distance takes an exponent of at least 1, and finite.")
    a, b, x = _checked(a, b, x=x, spacing=spacing)
    check_masses(a, b, 1, 1, way_out="or use sinkhorn, whose reach= lets mass appear and vanish")
    shape = torch.broadcast_shapes(a.shape, b.shape)
    shares = [_shares(measure.expand(shape).double()) for measure in (a, b)]
    width, places = _matched(shares, x)
    power = (width * (places[0] - places[1]).abs() ** p).sum(-1) * (a.double().sum(-1) + b.double().sum(-1)) / 2
    apart = power > 0
    distance = torch.where(apart, torch.where(apart, power, 1.0) ** (1 / p), 0.0)
    return distance.to(a.dtype)


def quantiles(a: Tensor, levels: Tensor, x: Tensor | None = None, *, spacing: float = 1.0) -> Tensor:
    r"""Place below which a share of the mass lies: :math:`F_a^{-1}(s)`, a step function of the level s.

    Parameters
    ----------
    a, x, spacing
        As of `wasserstein_line`.
    levels
        Shares of the mass between 0 and 1, ``(levels,)``, float32 or float64: their rounding is allowed for.

    Returns
    -------
    Tensor
        ``(..., levels)``: the first position at which the cumulated mass reaches the level; at level 0, the first with
        mass.

    Raises
    ------
    TypeError, ValueError
        As `wasserstein_line`; also if a level lies outside 0 to 1.
    """
    a, x = _checked(a, x=x, spacing=spacing)
    check_real("levels", levels)
    if not (levels.dim() == 1 and bool(((levels >= 0) & (levels <= 1)).all())):
        raise ValueError("levels must be a list of shares between 0 and 1, 0.5 for the median.")
    shares = _shares(a.detach().double())
    # Level 0 is reached before any mass: the smallest positive number takes its place.
    level = levels.detach().to(shares) * (1 - 2 * torch.finfo(levels.dtype).eps)
    level = level.clamp(min=5e-324).expand(*a.shape[:-1], -1).contiguous()
    index = torch.searchsorted(shares, level, right=False)
    return x[index.clamp(max=a.shape[-1] - 1)].to(a.dtype)


def line_barycenter(
    measures: Tensor,
    x: Tensor | None = None,
    *,
    weights: Tensor | Sequence[float] | None = None,
    spacing: float = 1.0,
) -> LineMeasure:
    r"""Average measures on the line by averaging their quantiles: the exact barycenter for :math:`W_2`.

    Parameters
    ----------
    measures
        ``(..., K, n)``, all of equal mass within the K.
    x, spacing
        Positions, as of `wasserstein_line`.
    weights
        K shares, at least 0, of sum 1. None: equal.

    Returns
    -------
    LineMeasure
        ``K n`` point masses, many of them empty, between the positions as a rule; `deposit` paints them on a grid, as
        ``deposit(positions[..., None], mass, grid)``.

    Raises
    ------
    TypeError, ValueError
        As `wasserstein_line`; also if there is no axis of measures or the weights do not fit.

    References
    ----------
    M. Agueh and G. Carlier, Barycenters in the Wasserstein space, 2011, section 6.1.
    """
    measures, x = _checked(measures, x=x, spacing=spacing)
    if measures.dim() < 2:
        raise ValueError(f"measures has shape {tuple(measures.shape)}; it needs an axis of measures, (..., K, n).")
    count = measures.shape[-2]
    share = check_weights(weights, count, x.device)
    if share.dim() > 1:
        raise ValueError(f"weights has shape {tuple(share.shape)}; the line takes one weight for each of {count}.")
    check_masses(
        measures[..., :1, :], measures, 1, 1, way_out="or use barycenter, whose reach= lets mass appear and vanish"
    )
    shares = [_shares(measure.double()) for measure in measures.unbind(-2)]
    width, places = _matched(shares, x)
    mean = (torch.stack(places) * share.reshape(-1, *(1,) * places[0].dim())).sum(0)
    mass = width * measures.double().sum(-1).mean(-1, keepdim=True)
    return LineMeasure(mean.to(measures.dtype), mass.to(measures.dtype))


def _shares(measure: Tensor) -> Tensor:
    """Cumulated mass as a share of the whole; the last is 1, exactly."""
    total = measure.cumsum(-1)
    return total / total[..., -1:]


def _matched(shares: list[Tensor], x: Tensor) -> tuple[Tensor, list[Tensor]]:
    """Cut the mass wherever one of the measures changes place: width of each slice, and its place in each measure."""
    n = len(x)
    levels, order = torch.cat([torch.zeros_like(shares[0][..., :1]), *shares], -1).sort(stable=True, dim=-1)
    places = []
    for k in range(len(shares)):
        own = (order > k * n) & (order <= (k + 1) * n)
        # Counted, not searched: a slice without width, of an empty pixel, has a place, which its derivative needs. Only
        # one beyond the last place has none, and weighs nothing.
        places.append(x[own.cumsum(-1)[..., :-1].clamp(max=n - 1)])
    return levels.diff(dim=-1), places


def _checked(*measures: Tensor, x: Tensor | None, spacing: float) -> list[Tensor]:
    """Measures sorted along the line, then the sorted positions in float64."""
    for name, measure in zip(("a", "b") if len(measures) > 1 else ("the measure",), measures, strict=True):
        check_real(name, measure)
        check_measure(name, measure, tuple(measures[0].shape[-1:]) or (1,))
    one = measures[0]
    if any((other.dtype, other.device) != (one.dtype, one.device) for other in measures):
        kinds = " and ".join(f"{other.dtype} on {other.device}" for other in measures)
        raise TypeError(f"the measures are {kinds}; bring them together first.")
    if x is None:
        step = check_length("spacing", spacing)
        return [*measures, step * torch.arange(one.shape[-1], dtype=torch.float64, device=one.device)]
    check_real("x", x)
    if x.shape != one.shape[-1:] or not bool(torch.isfinite(x).all()):
        raise ValueError(f"x has shape {tuple(x.shape)}; it needs {one.shape[-1]} finite positions, one for each mass.")
    places, order = x.detach().to(one.device, torch.float64).sort()
    if len(places) > 1 and float(places.diff().min()) <= 0:
        raise ValueError("two positions in x are the same; add their masses together first.")
    return [*(measure[..., order] for measure in measures), places]
