"""The two dual problems behind every transport with entropy: between two measures, and of a measure with itself.

Sinkhorn's iteration in the log domain, made quick by three things: annealing, which starts with a large blur and
halves it; coarse grids, on which a large blur costs next to nothing; and Anderson's mixing at the blur that was asked
for, kept honest by the dual value, which every plain iteration raises. The solver knows a geometry by its kernels only.

Measures are ``(batch, *shape)`` in float64 here, potentials likewise; nothing is differentiated.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from otrecon.ot.anderson import Step, fixed_point
from otrecon.ot.geometry import Geometry
from otrecon.ot.pyramid import grown, pooled

__all__ = ["Potentials", "Problem", "annealing", "solve_pair", "solve_self"]

RATIO = 0.5
"""Blur of an annealing step relative to the step before."""

ROUGH, ROUGH_ITERATIONS = 1e-3, 20
"""Error at which an annealing step may move on, or the tolerance where that is larger; its limit of iterations."""


@dataclass(frozen=True, eq=False)
class Problem:
    """Strength of entropy and of the penalty on the marginals, in the unit of the cost."""

    eps: float
    rho: float = math.inf

    @property
    def damping(self) -> float:
        """How much of a balanced update an unbalanced one takes: 1 where mass must be kept."""
        return 1.0 if math.isinf(self.rho) else self.rho / (self.rho + self.eps)

    def worth(self, potential: Tensor) -> Tensor:
        """Give what a unit of mass at a potential adds to the dual value: the potential itself when balanced."""
        return potential if math.isinf(self.rho) else -self.rho * torch.expm1(-potential / self.rho)

    def left(self, potential: Tensor) -> Tensor:
        """Share of the mass at a potential that an optimal plan moves: 1 when balanced."""
        return torch.ones_like(potential) if math.isinf(self.rho) else torch.exp(-potential / self.rho)

    def slope(self, potential: Tensor) -> Tensor:
        """Differentiate the dual value in the measure on which a potential lives (envelope theorem)."""
        return self.worth(potential) - self.eps * self.left(potential)

    def shift(self, log_a: Tensor, f: Tensor, log_b: Tensor, g: Tensor) -> Tensor:
        """Constant that is best moved from ``g`` to ``f``, so that both leave the same mass: 0 when balanced."""
        if math.isinf(self.rho):
            return f.new_zeros(len(f))
        # In logarithms: far beyond the reach, what is left is too little for a number.
        left, right = ((log - one / self.rho).flatten(1).logsumexp(1) for log, one in ((log_a, f), (log_b, g)))
        return self.rho / 2 * (left - right)


@dataclass(frozen=True, eq=False)
class Potentials:
    """Dual potentials of a batch of problems, with the account of how they were reached.

    Attributes
    ----------
    f, g
        Potentials on the two measures.
    value
        Dual value ``(batch,)``, less ``eps mass(a) mass(b)``: of large masses that product would drown the rest, and
        in a divergence it cancels. Its error is of second order in that of the potentials.
    error
        Difference between the marginals of the plan and what they should be, as a share of the mass ``(batch,)``.
    converged
        Whether the error met the tolerance ``(batch,)``.
    iterations
        Iterations at the last blur.
    residuals
        The error after each, of the worst problem.
    """

    f: Tensor
    g: Tensor
    value: Tensor
    error: Tensor
    converged: Tensor
    iterations: int
    residuals: list[float]


def annealing(geometry: Geometry, blur: float) -> Iterator[float]:
    """Blurs from the size of the geometry down to just above the one asked for."""
    diameter = math.sqrt(2 * geometry.largest_cost)
    steps = math.ceil(math.log(max(diameter / blur, 1.0)) / math.log(1 / RATIO))
    for step in range(steps, 0, -1):
        yield blur * RATIO**-step


def solve_pair(
    a: Tensor,
    b: Tensor,
    geometry: Geometry,
    problem: Problem,
    *,
    tol: float,
    max_iterations: int,
    guess: Tensor | None = None,
) -> Potentials:
    """Solve the dual problem between two measures; a guess of ``g`` is used where its dual value beats annealing's."""
    pair = _Pair(a, b, geometry, problem)
    g = _anneal(a, b, geometry, problem, max(ROUGH, tol))
    if guess is not None:
        better = pair.step(guess).merit > pair.step(g).merit
        g = torch.where(better.view(-1, *(1,) * (g.ndim - 1)), guess, g)
    found = fixed_point(pair.step, g, tol=tol, max_iterations=max_iterations)
    f = pair.update_f(found.point)
    g = pair.update_g(f)
    value = _dual(a, b, f, g, problem, _total(b, problem.left(g)))
    if math.isinf(problem.rho):
        # Balanced potentials are free up to a constant: here each measure carries half of the value.
        half = (_total(a, f) - _total(b, g)) / (2 * pair.mass)
        f = f - half.view(-1, *(1,) * (f.ndim - 1))
        g = g + half.view(-1, *(1,) * (g.ndim - 1))
    return Potentials(f, g, value, found.error, found.converged, found.iterations, found.residuals)


class _Pair:
    """Sinkhorn's iteration between two measures at one blur."""

    def __init__(self, a: Tensor, b: Tensor, geometry: Geometry, problem: Problem) -> None:
        self.a, self.b, self.problem = a, b, problem
        self.log_a, self.log_b = a.log(), b.log()
        self.kernel = geometry.kernel(problem.eps, a.device)
        self.mass = torch.maximum(a.flatten(1).sum(1), b.flatten(1).sum(1))
        self.rounding = 1e-13 * self.mass * (geometry.largest_cost + problem.eps)

    def update_f(self, g: Tensor) -> Tensor:
        """Best ``f`` for a ``g``."""
        return self.problem.damping * -self.problem.eps * self.kernel(self.log_b + g / self.problem.eps)

    def update_g(self, f: Tensor) -> Tensor:
        """Best ``g`` for an ``f``."""
        return self.problem.damping * -self.problem.eps * self.kernel.T(self.log_a + f / self.problem.eps)

    def step(self, g: Tensor) -> Step:
        """Update both; the merit is the dual value, which no plain update lowers.

        With a reach, the constant between the potentials is set to its best in every step: left to the updates, it
        would take as many as ``(reach / blur)**2`` (Séjourné, Vialard, Peyré 2022).
        """
        problem = self.problem
        f = self.update_f(g)
        free = -problem.eps * self.kernel.T(self.log_a + f / problem.eps)
        # The mass that arrives, relative to b, and what it should be at this potential.
        arrived = torch.exp((g - free) / problem.eps)
        error = _total(self.b, (arrived - problem.left(g)).abs()) / self.mass
        shift = problem.shift(self.log_a, f, self.log_b, g)
        new = problem.damping * (free - shift.view(-1, *(1,) * (g.ndim - 1)))
        merit = _dual(self.a, self.b, f, g, problem, _total(self.a, problem.left(f)))
        slack = self.rounding + 1e-14 * merit.abs()
        return Step(new, self.b, torch.nan_to_num(error, nan=math.inf), merit, slack)


def solve_self(a: Tensor, geometry: Geometry, problem: Problem, *, tol: float, max_iterations: int) -> Potentials:
    """Solve the dual problem of a measure with itself, under a symmetric cost: one potential serves both sides.

    The averaged update halves the error at least, whatever the blur, when the kernel is positive definite; so there is
    no annealing.
    """
    kernel = geometry.kernel(problem.eps, a.device)
    log_a, eps = a.log(), problem.eps
    mass = a.flatten(1).sum(1)

    def step(f: Tensor) -> Step:
        free = -eps * kernel(log_a + f / eps)
        error = _total(a, (torch.exp((f - free) / eps) - problem.left(f)).abs()) / mass
        error = torch.nan_to_num(error, nan=math.inf)
        return Step((f + problem.damping * free) / 2, a, error, -error.log(), torch.full_like(error, math.log(2)))

    found = fixed_point(step, torch.zeros_like(a), tol=tol, max_iterations=max_iterations, memory=5)
    f = found.point
    g = problem.damping * -eps * kernel(log_a + f / eps)
    value = _dual(a, a, f, g, problem, _total(a, problem.left(g)))
    both = (f + g) / 2
    return Potentials(both, both, value, found.error, found.converged, found.iterations, found.residuals)


def _anneal(a: Tensor, b: Tensor, geometry: Geometry, problem: Problem, tol: float) -> Tensor:
    """Find ``g`` to start from, solved to ``tol`` at each blur of the annealing on as coarse a grid as it allows."""
    g, coarsened = None, (1,) * len(geometry.target_shape)
    for blur in annealing(geometry, math.sqrt(problem.eps)):
        coarse, factors = geometry.coarsened(blur)
        small_a, small_b = pooled(a, factors), pooled(b, factors)
        g = torch.zeros_like(small_b) if g is None else grown(g, coarsened, factors, small_b.shape)
        coarsened = factors
        pair = _Pair(small_a, small_b, coarse, Problem(blur**2, problem.rho))
        g = fixed_point(pair.step, g, tol=tol, max_iterations=ROUGH_ITERATIONS).image
    return torch.zeros_like(b) if g is None else grown(g, coarsened, (1,) * len(coarsened), b.shape)


def _total(mass: Tensor, density: Tensor) -> Tensor:
    """Integral of a density; where there is no mass the density does not matter, not even an infinite one."""
    return torch.where(mass > 0, mass * density, 0.0).flatten(1).sum(1)


def _dual(a: Tensor, b: Tensor, f: Tensor, g: Tensor, problem: Problem, moved: Tensor) -> Tensor:
    """Dual value of potentials whose plan moves a known mass, less ``eps mass(a) mass(b)``."""
    return _total(a, problem.worth(f)) + _total(b, problem.worth(g)) - problem.eps * moved
