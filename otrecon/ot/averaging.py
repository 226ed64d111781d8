"""The fixed point behind a barycenter: scalings towards every measure, and the one that takes the blur out.

With ``K`` the kernel, ``a_k`` the measures and ``w_k`` their weights, the plans are ``u_k K v_k`` and the debiasing
scaling is ``d``. Where mass is kept, one iteration is

    u_k = a_k / (K v_k),   alpha = d prod_k (K u_k)^w_k,   v_k = alpha / (K u_k),   d = sqrt(d alpha / (K d)),

all in logarithms. With a reach, ``rho = reach^2``, every potential is damped by ``t = rho / (rho + eps)``, and the
barycenter is where the slopes of the divergences cancel: ``sum_k w_k exp(-g_k / rho) = exp(-h / rho)``, with ``g_k``
its potential towards a measure and ``h`` that towards itself. Then

    u_k = a_k (K v_k)^-t,   alpha = d (sum_k w_k (K u_k)^(1 - t))^(rho / eps),   v_k = alpha (K u_k)^-t,
    d = sqrt(d alpha (K d)^-t).

The state is ``(log v_1, ..., log v_K, log d)``: ``(batch, K + 1, *shape)``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from otrecon.ot.anderson import Step, fixed_point
from otrecon.ot.geometry import Geometry
from otrecon.ot.pyramid import grown, pooled
from otrecon.ot.solver import Problem, annealing

__all__ = ["Average", "Averaging", "solve_average"]

ROUGH, ROUGH_ITERATIONS = 0.1, 20
"""Error at which an annealing step may move on, and its limit of iterations."""

LONG_REACH = 20.0
CAREFUL, CAREFUL_ITERATIONS = 1e-5, 50
"""The same for a reach of so many blurs and more: masses that differ settle while the blur is large, or hardly ever."""

MEMORY = 8

HUGE = 600.0
"""Largest exponent of what a measure without weight would ask for."""

TINY = 1e-290
"""Mass that stands for none where a derivative is wanted: small enough to be nothing, large enough to divide by."""


@dataclass(frozen=True, eq=False)
class Average:
    """Where the iteration stopped: logarithm of the barycenter, the state, and the account."""

    log_measure: Tensor
    point: Tensor
    error: Tensor
    converged: Tensor
    iterations: int
    residuals: list[float]


class Averaging:
    """One iteration of the barycenter at one blur.

    Parameters
    ----------
    measures
        ``(batch, K, *shape)``, float64.
    weights
        ``(batch, K)``.
    geometry, problem
        Where, and how strong entropy and penalty are.
    debiased
        Whether ``d`` is updated; otherwise it stays 1.
    floored
        Whether empty pixels get a trace of mass, so that logarithms can be differentiated.
    """

    def __init__(
        self,
        measures: Tensor,
        weights: Tensor,
        geometry: Geometry,
        problem: Problem,
        debiased: bool,
        *,
        floored: bool = False,
    ) -> None:
        # Added, not clamped: a clamp has no derivative where it acts.
        self.log_measures = (measures + TINY if floored else measures).log()
        self.weights = weights.view(*weights.shape, *(1,) * (measures.ndim - 2))
        self.mass = (weights * measures.flatten(2).sum(2)).sum(1)
        self.problem, self.debiased = problem, debiased
        self.kernel = geometry.kernel(problem.eps, measures.device)

    def scalings(self, arriving: Tensor) -> Tensor:
        """Give ``log u`` for ``log K v``."""
        return self.log_measures - self.problem.damping * arriving

    def __call__(self, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Give the next state, ``log alpha``, and the ``log u`` that lie between."""
        log_v, log_d = state[:, :-1], state[:, -1]
        log_u = self.scalings(self.kernel(log_v))
        back = self.kernel(log_u)
        damping = self.problem.damping
        log_measure = log_d + self._mean(back)
        # Not debiased, it stays where it is, and nothing may follow from that: the adjoint would drift along it.
        log_d = (log_d + log_measure - damping * self.kernel(log_d)) / 2 if self.debiased else log_d.detach()
        return torch.cat([log_measure[:, None] - damping * back, log_d[:, None]], dim=1), log_measure, log_u

    def _mean(self, back: Tensor) -> Tensor:
        """Average over the measures what they ask of the barycenter: weighted, and soft where mass may vanish."""
        if math.isinf(self.problem.rho):
            return (self.weights * back).sum(1)
        # By hand, because the logarithm of a weight of zero has no derivative, and the average has; and as what is
        # beyond 1, because a long reach multiplies the logarithm by rho / eps.
        rho, eps = self.problem.rho, self.problem.eps
        peak = torch.where(self.weights > 0, back, -math.inf).amax(1, keepdim=True).detach()
        beyond = (self.weights * torch.expm1((eps / (rho + eps) * (back - peak)).clamp(max=HUGE))).sum(1)
        return rho / eps * beyond.log1p() + self.problem.damping * peak[:, 0]

    def step(self, state: Tensor) -> Step:
        """Judge a state by how far its plans miss the measures, and its own plan onto itself misses it."""
        new, log_measure, log_u = self(state)
        arriving = self.kernel(new[:, :-1])
        missed = ((log_u + arriving).exp() - (self.scalings(arriving) + arriving).exp()).abs()
        error = (self.weights * missed).flatten(1).sum(1) / self.mass
        measure = log_measure.exp()
        if self.debiased:
            own = measure * torch.expm1(2 * (state[:, -1] - new[:, -1])).abs()
            error = torch.maximum(error, own.flatten(1).sum(1) / self.mass)
        error = torch.nan_to_num(error, nan=math.inf)
        peak = log_measure.flatten(1).amax(1).view(-1, *(1,) * (measure.ndim - 1))
        weight = (log_measure - peak).exp()[:, None]
        return Step(new, weight, error, -error.log(), torch.full_like(error, math.log(2)))


def solve_average(
    measures: Tensor,
    weights: Tensor,
    geometry: Geometry,
    problem: Problem,
    debiased: bool,
    *,
    tol: float,
    max_iterations: int,
    state: Tensor | None = None,
) -> Average:
    """Iterate to the barycenter, from a state ``(batch, K + 2, *shape)`` of another problem or by annealing."""
    if state is None:
        start = _anneal(measures, weights, geometry, problem, debiased)
    else:
        start = state[:, 1:].clone()
        if not debiased:
            start[:, -1] = 0.0
    averaging = Averaging(measures, weights, geometry, problem, debiased)
    found = fixed_point(averaging.step, start, tol=tol, max_iterations=max_iterations, memory=MEMORY)
    _, log_measure, _ = averaging(found.point)
    return Average(log_measure, found.point, found.error, found.converged, found.iterations, found.residuals)


def _anneal(measures: Tensor, weights: Tensor, geometry: Geometry, problem: Problem, debiased: bool) -> Tensor:
    """State to start from: solved roughly at each blur of the annealing, on as coarse a grid as the blur allows.

    What is handed on are potentials, ``eps log(v / alpha)``: they change little from one blur to the next.
    """
    ones = (1,) * len(geometry.source_shape)
    coarsened, potentials, log_measure = ones, None, None
    far = LONG_REACH**2 * problem.eps <= problem.rho < math.inf
    tol, limit = (CAREFUL, CAREFUL_ITERATIONS) if far else (ROUGH, ROUGH_ITERATIONS)
    for blur in (*annealing(geometry, math.sqrt(problem.eps)), None):
        coarse, factors = (geometry, ones) if blur is None else geometry.coarsened(blur)
        eps = problem.eps if blur is None else blur**2
        small = pooled(measures, factors)
        shape = (len(small), small.shape[1] + 1, *small.shape[2:])
        if potentials is None or log_measure is None:
            state = small.new_zeros(shape)
        else:
            log_measure = grown(log_measure, coarsened, factors, (shape[0], *shape[2:]))
            potentials = grown(potentials, coarsened, factors, shape)
            state = log_measure[:, None] + potentials / eps
        if blur is None:
            return state if debiased else torch.cat([state[:, :-1], torch.zeros_like(state[:, -1:])], dim=1)
        coarsened = factors
        averaging = Averaging(small, weights, coarse, Problem(eps, problem.rho), debiased)
        if not debiased:
            state[:, -1] = 0.0
        state = fixed_point(averaging.step, state, tol=tol, max_iterations=limit, memory=MEMORY).point
        state, log_measure, _ = averaging(state)
        potentials = eps * (state - log_measure[:, None])
    raise AssertionError
