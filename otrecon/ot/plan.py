"""A plan that is applied without being formed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from otrecon.ot.geometry import Geometry, Kernel, RegularGrid

__all__ = ["Plan"]


@dataclass(frozen=True, eq=False)
class Plan:
    """The plan ``P(x, y) = a(x) b(y) exp((f(x) + g(y) - c(x, y)) / eps)`` of a transport with entropy.

    Known by its logarithmic scalings ``log a + f / eps`` and ``log b + g / eps``; float64 inside, results in the dtype
    of the measures. Not differentiable: it belongs to the potentials, which are constants.

    Attributes
    ----------
    log_source, log_target
        The scalings ``(..., *shape)``.
    geometry
        Where the measures live.
    eps
        ``blur**2``.
    dtype
        Of the results.
    """

    log_source: Tensor
    log_target: Tensor
    geometry: Geometry
    eps: float
    dtype: torch.dtype

    def __repr__(self) -> str:
        return f"Plan(batch {tuple(self._batch)}, {self.geometry!r}, blur={math.sqrt(self.eps):.4g})"

    @property
    def T(self) -> _Transposed:
        """The plan read from targets to sources: ``plan.T @ u``, ``plan.T.map()``."""
        return _Transposed(self)

    def __matmul__(self, v: Tensor) -> Tensor:
        """Give ``sum_y P(x, y) v(y)``: for a ``v`` of 1 the mass that leaves each source.

        Parameters
        ----------
        v
            Real values on the targets ``(..., *target_shape)``; leading axes broadcast with those of the plan.
        """
        return _apply(self._kernel, self.log_source, self.log_target, v, self.geometry.target_shape, self.dtype)

    def marginals(self) -> tuple[Tensor, Tensor]:
        """Mass that leaves each source, and mass that arrives at each target."""
        return (
            (self.log_source + self._kernel(self.log_target)).exp().to(self.dtype),
            (self.log_target + self._kernel.T(self.log_source)).exp().to(self.dtype),
        )

    def cost(self) -> Tensor:
        """Give ``sum P c``, what the moves alone cost, ``(...)``; without the entropy."""

        def total(arriving: Tensor) -> Tensor:
            return (self.log_source + arriving).flatten(len(self._batch)).logsumexp(-1).exp()

        cost = total(self._kernel.log_cost_sum_exp(self.log_target))
        if self._kernel.least_cost < 0:
            cost = cost + self._kernel.least_cost * total(self._kernel(self.log_target))
        return cost.to(self.dtype)

    def map(self) -> Tensor:
        """Where the mass of each source goes on average: the barycentric projection.

        Returns
        -------
        Tensor
            Positions ``(..., *shape, ndim)`` in the unit of the spacing, the first pixel at 0; also defined where a
            source holds no mass, by what the potentials would do with it.

        Raises
        ------
        TypeError
            If the geometry has no positions, which is so of `Dense`.
        """
        return _map(self._kernel, self.log_target, self.geometry, self.dtype)

    def dense(self) -> Tensor:
        """Form the matrix ``(..., sources, targets)``, pixels in row-major order; refused where it would not fit."""
        cost = self.geometry.cost_matrix().to(self.log_source.device)
        rows = self.log_source.flatten(len(self._batch))[..., :, None]
        columns = self.log_target.flatten(len(self._batch))[..., None, :]
        return (rows + columns - cost / self.eps).exp().to(self.dtype)

    @property
    def _batch(self) -> torch.Size:
        return self.log_source.shape[: self.log_source.ndim - len(self.geometry.source_shape)]

    @cached_property
    def _kernel(self) -> Kernel:
        return self.geometry.kernel(self.eps, self.log_source.device)


class _Transposed:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def __matmul__(self, u: Tensor) -> Tensor:
        """Give ``sum_x P(x, y) u(x)``."""
        plan = self._plan
        return _apply(plan._kernel.T, plan.log_target, plan.log_source, u, plan.geometry.source_shape, plan.dtype)

    def map(self) -> Tensor:
        """Where the mass of each target comes from on average: positions ``(..., *shape, ndim)``, as of `Plan.map`."""
        plan = self._plan
        return _map(plan._kernel.T, plan.log_source, plan.geometry, plan.dtype)


def _apply(
    kernel: Kernel, log_out: Tensor, log_in: Tensor, v: Tensor, shape: tuple[int, ...], dtype: torch.dtype
) -> Tensor:
    if not isinstance(v, Tensor) or v.is_complex():
        raise TypeError("a plan is applied to a real tensor; apply it to the real and the imaginary part in turn.")
    if v.requires_grad:
        raise ValueError("a plan is a constant and so is what it makes of a tensor: give v.detach().")
    if tuple(v.shape[v.ndim - len(shape) :]) != shape or v.ndim < len(shape):
        raise ValueError(f"the plan takes values of shape (..., {', '.join(map(str, shape))}), got {tuple(v.shape)}.")
    positive, negative = (kernel.weighted(log_in, v.double()) + log_out).exp()
    return (positive - negative).to(dtype)


def _map(kernel: Kernel, log_far: Tensor, geometry: Geometry, dtype: torch.dtype) -> Tensor:
    coordinates = _coordinates(geometry).to(log_far.device)
    through = kernel(log_far)
    places = [kernel(log_far + place.log()) - through for place in coordinates.unbind(-1)]
    return torch.stack([place.exp() for place in places], dim=-1).to(dtype)


def _coordinates(geometry: Geometry) -> Tensor:
    if not isinstance(geometry, RegularGrid):
        raise TypeError(f"{geometry!r} has costs and no positions: there is no map to draw; look at plan.dense().")
    return geometry.coordinates()
