"""What the entries of the room share: checked input, one batch axis, one warning, a value with known derivatives."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from otrecon.ot.checks import check_mass, check_masses, check_measure, check_reach, check_settings
from otrecon.ot.geometry import Geometry
from otrecon.ot.once import differentiable_once
from otrecon.ot.solver import Problem
from otrecon.solvers import ConvergenceWarning

__all__ = ["Batch", "prepare", "warn_unless", "with_gradient"]


@dataclass(frozen=True, eq=False)
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
    problem = Problem(geometry.check_blur(blur) ** 2, check_reach(reach) ** 2)
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
