"""Transport with entropy between two measures."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from otrecon.ot.checks import check_length, check_mass, check_masses, check_measure, check_reach, check_settings
from otrecon.ot.geometry import Geometry
from otrecon.ot.once import differentiable_once
from otrecon.ot.plan import Plan
from otrecon.ot.solver import Problem, solve_pair
from otrecon.solvers import ConvergenceWarning

__all__ = ["Transport", "sinkhorn"]


@dataclass(frozen=True)
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
        the blur is too small for float64, with the smallest that is not.

    Warns
    -----
    ConvergenceWarning
        Once, if the tolerance was not reached; the result says how far it came.

    Notes
    -----
    The gradient of the value is the potential, by the envelope theorem: memory does not grow with the iterations, and
    the error of the gradient is of the order of ``tol``, that of the value of its square. The mixing keeps 40 numbers
    a pixel. With a reach much shorter than the way between two images the slope at a pixel where ``a`` is empty and
    ``b`` is not can exceed what the dtype holds: the first grain of mass there would be worth that much.

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
        slopes = slope(found.f, pair.b, problem), slope(found.g, pair.a, problem)
    warn_unless(found.converged, found.error, tol, max_iterations, "sinkhorn")
    plan = Plan(
        pair.back(pair.a.log() + found.f / problem.eps, torch.float64),
        pair.back(pair.b.log() + found.g / problem.eps, torch.float64),
        geometry,
        problem.eps,
        pair.dtype,
    )
    value = with_gradient(pair.back(found.value), a, b, *(pair.back(one) for one in slopes))
    return Transport(
        value,
        pair.back(found.f),
        pair.back(found.g),
        pair.back(found.converged, torch.bool),
        pair.back(found.error),
        found.iterations,
        found.residuals,
        plan,
    )


@dataclass(frozen=True)
class Batch:
    """Two measures brought to float64 and one batch axis, and the way back."""

    a: Tensor
    b: Tensor
    shape: torch.Size
    dtype: torch.dtype

    @classmethod
    def of(cls, a: Tensor, b: Tensor, geometry: Geometry, *, balanced: bool) -> Batch:
        """Flatten the batch axes, which are equal already; when balanced, take out what rounding left of the masses."""
        batch = a.shape[: a.ndim - len(geometry.source_shape)]
        flat_a, flat_b = (m.detach().double().reshape(-1, *m.shape[len(batch) :]) for m in (a, b))
        if balanced:
            # No plan has two marginals of different mass: the error could not fall below the difference.
            ratio = flat_a.flatten(1).sum(1) / flat_b.flatten(1).sum(1)
            flat_b = flat_b * ratio.view(-1, *(1,) * (flat_b.ndim - 1))
        return cls(flat_a, flat_b, batch, a.dtype)

    def back(self, values: Tensor, dtype: torch.dtype | None = None) -> Tensor:
        """Restore the batch axes and the dtype."""
        return values.reshape(self.shape + values.shape[1:]).to(dtype or self.dtype)


def prepare(
    a: Tensor, b: Tensor, geometry: Geometry, blur: float, reach: float | None, tol: float, max_iterations: int
) -> tuple[Tensor, Tensor, Problem]:
    """Check everything that two measures and a geometry can get wrong; broadcast the batch."""
    if not isinstance(geometry, Geometry):
        raise TypeError(f"geometry must be a Grid, Convolution or Dense, got {type(geometry).__name__}.")
    check_measure("a", a, geometry.source_shape)
    check_measure("b", b, geometry.target_shape)
    check_mass("a", a, len(geometry.source_shape))
    check_mass("b", b, len(geometry.target_shape))
    if (a.dtype, a.device) != (b.dtype, b.device):
        raise TypeError(f"a is {a.dtype} on {a.device}, b {b.dtype} on {b.device}: bring them to one dtype and device.")
    check_settings(tol, max_iterations)
    geometry.check_blur(check_length("blur", blur))
    problem = Problem(blur**2, check_reach(reach) ** 2)
    fronts = [m.shape[: m.ndim - len(shape)] for m, shape in ((a, geometry.source_shape), (b, geometry.target_shape))]
    try:
        batch = torch.broadcast_shapes(*fronts)
    except RuntimeError:
        raise ValueError(
            f"the batches of a and b, {tuple(fronts[0])} and {tuple(fronts[1])}, do not broadcast."
        ) from None
    a, b = a.expand(*batch, *geometry.source_shape), b.expand(*batch, *geometry.target_shape)
    if reach is None:
        check_masses(a, b, len(geometry.source_shape), len(geometry.target_shape))
    return a, b, problem


def slope(potential: Tensor, other: Tensor, problem: Problem) -> Tensor:
    """Differentiate the value in the measure on which a potential lives, at fixed potentials (envelope theorem)."""
    mass = other.flatten(1).sum(1).view(-1, *(1,) * (potential.ndim - 1))
    return problem.worth(potential) - problem.eps * (problem.left(potential) - mass)


def warn_unless(converged: Tensor, error: Tensor, tol: float, max_iterations: int, name: str) -> None:
    """Warn once if some problem of the batch missed its tolerance."""
    if not bool(converged.all()):
        warnings.warn(
            f"{name} stopped at max_iterations={max_iterations} with a marginal error of {float(error.max()):.1e}, "
            f"above tol={tol:.1e}, in {int((~converged).sum())} of {converged.numel()} problems: a larger blur or tol "
            "needs fewer iterations, or allow more.",
            ConvergenceWarning,
            stacklevel=3,
        )


def with_gradient(value: Tensor, a: Tensor, b: Tensor, slope_a: Tensor, slope_b: Tensor) -> Tensor:
    """Attach known derivatives to a value."""
    result: Tensor = _Envelope.apply(a, b, value, slope_a, slope_b)
    return result


class _Envelope(torch.autograd.Function):
    """A value whose derivatives are known: no iteration is remembered."""

    @staticmethod
    def forward(ctx: Any, *inputs: Tensor) -> Tensor:
        _, _, value, slope_a, slope_b = inputs
        ctx.save_for_backward(slope_a, slope_b)
        return value.clone()

    @staticmethod
    @differentiable_once
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        slopes = ctx.saved_tensors
        first, second = (grad.view(*grad.shape, *(1,) * (one.ndim - grad.ndim)) * one for one in slopes)
        return first, second, None, None, None
