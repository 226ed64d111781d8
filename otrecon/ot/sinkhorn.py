"""Transport with entropy between two measures."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from otrecon.ot.entry import Batch, prepare, warn_unless, with_gradient
from otrecon.ot.geometry import Geometry
from otrecon.ot.plan import Plan
from otrecon.ot.solver import solve_pair

__all__ = ["Transport", "sinkhorn"]


@dataclass(frozen=True, eq=False)
class Transport:
    """What `sinkhorn` found.

    Attributes
    ----------
    value
        Cost of transport with its entropy and penalties ``(...)``; differentiable once in both measures.
    f, g
        Potentials ``(..., *shape)``, also where there is no mass. Balanced, they are free up to a constant that moves
        from one to the other; here each side carries half of the value. Constants for autograd.
    converged
        Whether the error met the tolerance ``(...)``.
    error
        Difference between the marginals of the plan and what they should be, summed, as a share of the mass ``(...)``.
    iterations
        Iterations at the last blur, each of two kernel products, and two more where a mixed iterate is refused.
    residuals
        The error after each of them, of the worst member of the batch.
    plan
        The plan, applied without being formed.
    """

    value: Tensor
    f: Tensor = field(repr=False)
    g: Tensor = field(repr=False)
    converged: Tensor
    error: Tensor
    iterations: int
    residuals: list[float] = field(repr=False)
    plan: Plan = field(repr=False)

    @cached_property
    def transport_cost(self) -> Tensor:
        """What the moves alone cost, ``sum P c``, without entropy and penalties ``(...)``; not differentiable."""
        return self.plan.cost()


def sinkhorn(
    a: Tensor,
    b: Tensor,
    geometry: Geometry,
    *,
    blur: float,
    reach: float | None = None,
    tol: float = 1e-6,
    max_iterations: int = 1000,
) -> Transport:
    """Move one measure onto another at the least cost, with entropy.

    Minimises ``<c, P> + eps KL(P | a x b)`` over plans with marginals ``a`` and ``b``, where ``eps = blur**2``; with a
    reach, over all plans, with ``rho KL(P 1 | a) + rho KL(P' 1 | b)`` added and ``rho = reach**2``. KL is the
    generalised divergence, ``sum p log(p / q) - p + q``.

    Parameters
    ----------
    a, b
        Measures ``(..., *shape)``, float32 or float64, at least 0; the axes in front are a batch and broadcast.
        Balanced, both must have the same mass, up to rounding, which is taken out of ``b``.
    geometry
        `Grid`, `Convolution` or `Dense`.
    blur
        Length over which the plan spreads mass, in the unit of the spacing.
    reach
        Length beyond which mass rather vanishes and appears than travels; None keeps all mass.
    tol
        Largest difference between the marginals of the plan and what they should be, as a share of the mass.
    max_iterations
        Limit on the iterations at the last blur.

    Returns
    -------
    Transport
        In the dtype and on the device of ``a`` and ``b``; computed in float64.

    Raises
    ------
    TypeError, ValueError
        If a measure is complex, negative, not finite or empty of mass; if masses, shapes, dtypes or devices differ; if
        the blur is too small or too large for float64, with the nearest that is not.

    Warns
    -----
    ConvergenceWarning
        Once, if the tolerance was not reached; the result says how far it came.

    Notes
    -----
    The gradient of the value is the potential, by the envelope theorem: memory does not grow with the iterations, and
    the error of the gradient is of the order of ``tol``, that of the value of its square. It is for ``backward`` and
    `torch.autograd.grad`, not for the transforms of `torch.func`. The mixing keeps 40 numbers a pixel. With a reach
    much shorter than the way between two images the slope at a pixel where ``a`` is empty and ``b`` is not can exceed
    what the dtype holds: the first grain of mass there would be worth that much.

    Source: rows 000-T4, 004-T2.

    Examples
    --------
    >>> import torch
    >>> from otrecon.ot import Grid, sinkhorn, to_measure
    >>> bumps = to_measure(torch.eye(16, dtype=torch.float64)[[3, 8]], ndim=1)
    >>> found = sinkhorn(bumps[0], bumps[1], Grid((16,)), blur=1.0)
    >>> bool(found.converged), round(float(found.transport_cost), 6)
    (True, 12.5)
    """
    a, b, problem = prepare(a, b, geometry, blur, reach, tol, max_iterations)
    pair = Batch.of(a, b, geometry, balanced=reach is None)
    with torch.no_grad():
        found = solve_pair(pair.a, pair.b, geometry, problem, tol=tol, max_iterations=max_iterations)
        # The product of the masses, which the dual value of the solver leaves out.
        mass_a, mass_b = (m.flatten(1).sum(1) for m in (pair.a, pair.b))
        value = found.value + problem.eps * mass_a * mass_b
        slope_a = problem.slope(found.f) + problem.eps * mass_b.view(-1, *(1,) * (pair.a.ndim - 1))
        slope_b = problem.slope(found.g) + problem.eps * mass_a.view(-1, *(1,) * (pair.b.ndim - 1))
    warn_unless(found.converged, found.error, tol, max_iterations, "sinkhorn")
    plan = Plan(
        pair.back(pair.a.log() + found.f / problem.eps, torch.float64),
        pair.back(pair.b.log() + found.g / problem.eps, torch.float64),
        geometry,
        problem.eps,
        pair.dtype,
    )
    return Transport(
        with_gradient(pair.back(value), a, b, pair.back(slope_a), pair.back(slope_b)),
        pair.back(found.f),
        pair.back(found.g),
        pair.back(found.converged, torch.bool),
        pair.back(found.error),
        found.iterations,
        found.residuals,
        plan,
    )
