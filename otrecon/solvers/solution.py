"""What an iterative solver gives back, and the things that all of them check."""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Callback", "ConvergenceWarning", "Solution"]

Callback = Callable[[int, Tensor], None]


class ConvergenceWarning(UserWarning):
    """An iterative solver stopped before it reached its tolerance."""


@dataclass(frozen=True, repr=False)
class Solution:
    """The end of an iteration and the way there.

    Attributes
    ----------
    x
        Last iterate, ``(..., *domain)``.
    converged
        Whether ``error`` is at most the tolerance asked for.
    iterations
        Number of iterations done.
    error
        The last residual: what was reached. What a residual measures is said by each solver; all are relative, so that
        scaling the data leaves them unchanged.
    residuals
        The residual after each iteration. In a batch: of its worst member.
    objective
        The objective after each iteration, summed over the batch.
    """

    x: Tensor
    converged: bool
    iterations: int
    error: float
    residuals: list[float]
    objective: list[float]

    def __repr__(self) -> str:
        return f"Solution(x={kind(self.x)}, {reached(self.converged, self.iterations, self.error)})"


def kind(x: Tensor) -> str:
    """Shape and data type of a tensor, without its numbers: ``(8, 64, 64) complex64``."""
    return f"{tuple(x.shape)} {str(x.dtype).removeprefix('torch.')}"


def reached(converged: bool, iterations: int, error: float) -> str:
    """How an iteration ended, for the line that a result prints."""
    return f"converged={converged}, iterations={iterations}, error={error:.1e}"


def inner(u: Tensor, v: Tensor, dims: int) -> Tensor:
    """Real part of ``sum(conj(u) v)`` over the last ``dims`` axes, kept as axes of length 1; computed in float64."""
    if u.is_complex():
        u, v = (torch.view_as_real(w.resolve_conj()).flatten(-2) for w in (u, v))
    # Widened before they are multiplied: squares of ordinary float32 numbers leave the range of float32.
    return (u.double() * v.double()).sum(dim=tuple(range(-dims, 0)), keepdim=True)


def ratio(numerator: Tensor, denominator: Tensor) -> Tensor:
    """Quotient that is 0 where the numerator is 0: zero data is solved by zero."""
    return torch.where(numerator == 0, torch.zeros_like(numerator), numerator / denominator)


def check_settings(tolerance: float, max_iterations: int) -> None:
    """Raise ValueError unless the tolerance is at least 0 and the limit at least 1."""
    if not tolerance >= 0:
        raise ValueError(f"tolerance must be at least 0, got {tolerance}; 0 runs all max_iterations.")
    if max_iterations < 1 or int(max_iterations) != max_iterations:
        raise ValueError(f"max_iterations must be a positive integer, got {max_iterations}.")


def check_start(initial: Tensor, like: Tensor) -> Tensor:
    """Raise ValueError unless the initial guess is finite and has the shape, dtype and device of the solution."""
    if (initial.shape, initial.dtype, initial.device) != (like.shape, like.dtype, like.device):
        raise ValueError(
            f"initial must match the solution, {tuple(like.shape)} {like.dtype} on {like.device}; "
            f"got {tuple(initial.shape)} {initial.dtype} on {initial.device}."
        )
    if not torch.isfinite(initial).all():
        raise ValueError("initial contains NaN or infinity: no iteration recovers from it. Leave it out to start at 0.")
    return initial.detach().clone()


def check_residual(solver: str, residual: float) -> None:
    """Raise ValueError unless the residual is finite: from NaN there is no way back."""
    if not math.isfinite(residual):
        raise ValueError(
            f"{solver} met NaN or infinity: the operator or the proximal map returns it. Check them on one image first."
        )


def finish(
    solver: str,
    x: Tensor,
    residuals: list[float],
    objective: list[float],
    tolerance: float,
    error: float,
    reason: str = "raise max_iterations, or accept a larger tolerance",
) -> Solution:
    """Make the solution; warn once if a tolerance was asked for (above 0) and missed."""
    iterations = len(residuals)
    converged = error <= tolerance
    if tolerance > 0 and not converged:
        warnings.warn(
            f"{solver} stopped after {iterations} iterations at a relative residual of {error:.1e}, above the "
            f"tolerance {tolerance:.1e}: {reason}.",
            ConvergenceWarning,
            stacklevel=_caller_level(),
        )
    return Solution(x, converged, iterations, error, residuals, objective)


def _caller_level() -> int:
    """Stack level, for the function that asks, of the line outside this package that called into it.

    A solver is called directly or by a reconstruction, and torch's ``no_grad`` stands between: no depth is fixed.
    """
    inside = {__name__.partition(".")[0], "torch"}
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in inside:
        frame, level = frame.f_back, level + 1
    return level
