"""Barycenters: the measure in the middle of several, without the blur of the entropy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from otrecon.ot.averaging import Averaging, solve_average
from otrecon.ot.checks import check_mass, check_masses, check_measure, check_reach, check_settings, check_weights
from otrecon.ot.entry import warn_unless
from otrecon.ot.geometry import Geometry
from otrecon.ot.implicit import at_fixed_point
from otrecon.ot.solver import Problem

__all__ = ["Barycenter", "barycenter"]


@dataclass(frozen=True, eq=False)
class Barycenter:
    """What `barycenter` found.

    Attributes
    ----------
    measure
        The barycenter ``(..., *shape)``.
    converged
        Whether the error met the tolerance ``(...)``.
    error
        Weighted mean over the measures of how far the plans miss them, as a share of the mass ``(...)``; when debiased,
        at least as large as what the barycenter's plan onto itself misses.
    iterations
        Iterations at the last blur.
    residuals
        The error after each of them, of the worst member of the batch.
    state
        What another call can start from: logarithms of the barycenter, of its scalings towards each measure and of the
        debiasing one, ``(..., K + 2, *shape)``, float64.
    """

    measure: Tensor
    converged: Tensor
    error: Tensor
    iterations: int
    residuals: list[float] = field(repr=False)
    state: Tensor = field(repr=False)


def barycenter(
    measures: Tensor,
    geometry: Geometry,
    *,
    blur: float,
    weights: Tensor | Sequence[float] | None = None,
    reach: float | None = None,
    debiased: bool = True,
    tol: float = 1e-4,
    max_iterations: int = 500,
    initial: Barycenter | None = None,
    differentiable: bool = False,
) -> Barycenter:
    """Find the measure that minimises the weighted sum of transports to several measures.

    Parameters
    ----------
    measures
        The measures ``(..., K, *shape)``, float32 or float64, at least 0; axes in front are a batch. Without a reach of
        equal mass, up to rounding, which is taken out.
    geometry
        `Grid`, `Convolution` or `Dense`, the same points for all, symmetric.
    blur
        Length over which the plans spread mass, in the unit of the spacing. Debiased, the barycenter is about as sharp
        as the measures all the same, down to the blur; otherwise each plan's spread is added to it.
    weights
        Shares ``(K,)`` or ``(..., K)``, at least 0, that add up to 1; by default all ``1 / K``. Their batch and that of
        the measures broadcast: weights ``(T, 2)`` between two images give T images.
    reach
        Length beyond which mass rather vanishes and appears than travels; None keeps all mass. The barycenter then
        minimises the weighted sum of unbalanced divergences, and must be debiased. For a long reach the root of its
        mass tends to the weighted mean of the roots. Where masses differ, a reach of more than some hundred blurs, or
        some ten on a grid that is itself only a few blurs wide, converges slowly or stops at the limit and says so:
        without need for so long a reach, normalise instead.
    debiased
        Whether the barycenter's transport onto itself, half of it, is subtracted: what is minimised is the weighted sum
        of Sinkhorn divergences. Otherwise it is that of transports with the entropy taken relative to the pixels, the
        iterative Bregman projections of Benamou et al. 2015.
    tol
        Error at which to stop. It bounds what the plans miss, not the distance to the limit: sharp edges go on
        sharpening, so that two discs, within 1e-4 by this measure, can be a tenth of their mass away from where 1e-6
        would bring them. Smooth measures are as close as the error says.
    max_iterations
        Limit on the iterations at the last blur.
    initial
        The result of a nearby problem to start from instead of annealing. It pays where the problem is very near (the
        next step of a training loop, weights that differ by a hundredth); otherwise annealing is as quick.
    differentiable
        Whether the measure is differentiable in ``measures`` and ``weights``, once. By default it is a constant: a
        target. The derivative is that of the fixed point, found in the backward pass by an iteration of its own, which
        costs about as much time as the barycenter, and memory for one iteration. It is as exact as ``tol``, and needs
        a barycenter that is positive: where a debiased one tends to zero, its logarithm has no limit. Debiasing undoes
        the blur, in the derivative too: beyond a blur of about one pixel its finest detail converges slowly, and a
        warning says when it did not.

    Returns
    -------
    Barycenter
        In the dtype and on the device of the measures; computed in float64.

    Raises
    ------
    TypeError, ValueError
        As `sinkhorn`; also if the weights are negative, do not match or do not add up to 1, or if ``initial`` has other
        shapes.

    Warns
    -----
    ConvergenceWarning
        Once, if the tolerance was not reached. Debiased barycenters of very sharp measures, such as single pixels,
        converge slowly: their logarithms have no limit.

    Notes
    -----
    The debiased iteration is that of Janati, Cuturi and Gramfort 2020. Source: rows 000-T5, 000-M5, 000-M8, 002-M3.

    Examples
    --------
    >>> import torch
    >>> from otrecon.ot import Grid, barycenter, moments
    >>> x = torch.arange(48, dtype=torch.float64)
    >>> bumps = torch.softmax(-(x - torch.tensor([[12.0], [30.0]])) ** 2 / (2 * 3.0**2), dim=-1)
    >>> middle = barycenter(bumps, Grid((48,)), blur=1.0, weights=torch.tensor([0.5, 0.5])).measure
    >>> [round(float(m), 3) for m in (moments.mean(middle, Grid((48,)))[0], middle.sum())]
    [21.0, 1.0]
    """
    measures, problem, shares = _prepare(measures, geometry, blur, weights, reach, debiased, tol, max_iterations)
    batch, count = shares.shape[:-1], shares.shape[-1]
    flat = measures.double().reshape(-1, count, *geometry.source_shape)
    shares = shares.reshape(-1, count)
    if reach is None:
        # No barycenter has plans to measures of different mass: the error could not fall below the difference.
        masses = flat.detach().flatten(2).sum(2)
        common = (shares.detach() * masses).sum(1, keepdim=True)
        flat = flat * (common / masses).view(*masses.shape, *(1,) * len(geometry.source_shape))
    state = None if initial is None else _state_of(initial, (*batch, count + 2, *geometry.source_shape), flat)
    with torch.no_grad():
        found = solve_average(
            flat.detach(),
            shares.detach(),
            geometry,
            problem,
            debiased,
            tol=tol,
            max_iterations=max_iterations,
            state=state,
        )
    warn_unless(found.converged, found.error, tol, max_iterations, "barycenter")
    log_measure = found.log_measure
    if differentiable and (measures.requires_grad or shares.requires_grad):
        averaging = Averaging(flat, shares, geometry, problem, debiased, floored=True)
        log_measure = at_fixed_point(averaging, found.point, tol=tol, max_iterations=max_iterations)
    return Barycenter(
        log_measure.exp().reshape(batch + geometry.source_shape).to(measures.dtype),
        found.converged.reshape(batch),
        found.error.reshape(batch).to(measures.dtype),
        found.iterations,
        found.residuals,
        torch.cat([found.log_measure[:, None], found.point], dim=1).reshape(*batch, count + 2, *geometry.source_shape),
    )


def _prepare(
    measures: Tensor,
    geometry: Geometry,
    blur: float,
    weights: Tensor | Sequence[float] | None,
    reach: float | None,
    debiased: bool,
    tol: float,
    max_iterations: int,
) -> tuple[Tensor, Problem, Tensor]:
    """Check everything that several measures and a geometry can get wrong; broadcast measures and weights."""
    if not isinstance(geometry, Geometry):
        raise TypeError(f"geometry must be a Grid, Convolution or Dense, got {type(geometry).__name__}.")
    if not geometry.symmetric:
        raise ValueError(f"{geometry!r} is not symmetric: a barycenter lives on the points of its measures.")
    check_measure("measures", measures, geometry.source_shape)
    dims = len(geometry.source_shape)
    check_mass("measures", measures, dims)
    if measures.ndim == dims:
        raise ValueError(
            f"measures has shape {tuple(measures.shape)}, one measure; a barycenter takes several along the axis "
            f"before space, (..., K, {', '.join(map(str, geometry.source_shape))}): torch.stack makes it."
        )
    if reach is not None and not debiased:
        raise ValueError("a barycenter with a reach is debiased: leave debiased=False out, or leave reach out.")
    check_settings(tol, max_iterations)
    problem = Problem(geometry.check_blur(blur) ** 2, check_reach(reach) ** 2)
    front = measures.shape[: measures.ndim - dims]
    shares = check_weights(weights, front[-1], measures.device)
    try:
        batch = torch.broadcast_shapes(front, shares.shape)
    except RuntimeError:
        raise ValueError(
            f"the batches of measures and weights, {tuple(front[:-1])} and {tuple(shares.shape[:-1])}, do "
            "not broadcast."
        ) from None
    if reach is None:
        first = measures.narrow(measures.ndim - dims - 1, 0, 1)
        check_masses(first, measures, dims, dims, names=("the first measure", "another"))
    return measures.expand(*batch, *geometry.source_shape), problem, shares.expand(batch)


def _state_of(initial: Barycenter, shape: tuple[int, ...], like: Tensor) -> Tensor:
    if not isinstance(initial, Barycenter):
        raise TypeError(f"initial must be the result of an earlier barycenter, got {type(initial).__name__}.")
    state = initial.state
    if tuple(state.shape) != shape:
        raise ValueError(
            f"initial comes from a problem of shape {tuple(state.shape)}, this one has {shape}: the number of "
            "measures, the batch and the grid must be the same. Leave initial out to start afresh."
        )
    return state.reshape(len(like), *shape[len(shape) - like.ndim + 1 :]).to(like.device)
