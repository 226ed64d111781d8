"""The derivative of a fixed point, without remembering how it was reached."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from otrecon.ot.anderson import Step, fixed_point
from otrecon.ot.once import differentiable_once
from otrecon.solvers import ConvergenceWarning

__all__ = ["at_fixed_point"]

MEMORY = 20


def at_fixed_point(
    iteration: Callable[[Tensor], tuple[Tensor, ...]], point: Tensor, *, tol: float, max_iterations: int
) -> Tensor:
    """Give the second output of an iteration at its fixed point, differentiable in what the iteration closes over.

    Parameters
    ----------
    iteration
        Maps a state ``(batch, ...)`` to the next state and to an output ``(batch, ...)``; built from tensors that
        require gradients.
    point
        Its fixed point.
    tol, max_iterations
        Of the adjoint iteration, relative to the gradient that comes in; it warns, once, where they do not suffice.

    Notes
    -----
    With ``z = F(z, p)`` and the output ``o(z, p)``, a gradient ``G`` of the output becomes ``o_p' G + F_p' y`` where
    ``y = o_z' G + F_z' y``: the second equation is solved by the same mixing as the first.
    """
    state = point.detach().requires_grad_()
    with torch.enable_grad():
        following, output, *_ = iteration(state)
    result: Tensor = _Adjoint.apply(output, following, _Recorded(output, following, state, tol, max_iterations))
    return result


@dataclass(frozen=True, eq=False)
class _Recorded:
    """One iteration, recorded by autograd, and how exactly its adjoint is to be solved."""

    output: Tensor
    following: Tensor
    state: Tensor
    tol: float
    max_iterations: int

    def pull(self, value: Tensor, gradient: Tensor) -> Tensor:
        """Pull a gradient of one of the results back to the state."""
        (back,) = torch.autograd.grad(value, self.state, gradient, retain_graph=True)
        return back

    def received(self, gradient: Tensor) -> Tensor:
        """Solve for the gradient that the next state receives when the output receives one."""
        source = self.pull(self.output, gradient)
        size = source.abs().flatten(1).sum(1).clamp(min=torch.finfo(source.dtype).tiny)

        def step(y: Tensor) -> Step:
            new = source + self.pull(self.following, y)
            error = torch.nan_to_num((new - y).abs().flatten(1).sum(1) / size, nan=math.inf)
            return Step(new, torch.ones_like(new), error, -error.log(), torch.full_like(error, math.log(2)))

        found = fixed_point(step, source, tol=self.tol, max_iterations=self.max_iterations, memory=MEMORY)
        if not bool(found.converged.all()):
            warnings.warn(
                f"the gradient of a fixed point stopped at max_iterations={self.max_iterations} with a relative error "
                f"of {float(found.error.max()):.1e}, above tol={self.tol:.1e}: a result that tends to zero somewhere "
                "has no gradient there; a larger blur or tol, or more iterations, may help.",
                ConvergenceWarning,
                stacklevel=2,
            )
        return found.image


class _Adjoint(torch.autograd.Function):
    """Passes the output on; its backward pass gives the next state what the fixed point would have received."""

    @staticmethod
    def forward(ctx: Any, output: Tensor, following: Tensor, recorded: _Recorded) -> Tensor:  # noqa: ARG004
        ctx.recorded = recorded
        return output.clone()

    @staticmethod
    @differentiable_once
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        with torch.enable_grad():
            return gradient, ctx.recorded.received(gradient), None
