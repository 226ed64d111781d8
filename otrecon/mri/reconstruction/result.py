"""The result that every reconstruction returns, and the checks that they share."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from otrecon.checks import check_complex
from otrecon.operators import LinearOperator
from otrecon.solvers import LeastSquares, Solution
from otrecon.solvers.solution import kind, reached

__all__ = ["Reconstruction"]


@dataclass(frozen=True, repr=False)
class Reconstruction:
    """An image and how far it can be trusted to be the one that its objective defines.

    Attributes
    ----------
    image
        Complex, ``(..., y, x)``; for a film ``(..., t, y, x)``.
    converged
        Whether ``error`` is at most the tolerance asked for.
    iterations
        Number of iterations done; 0 for a direct method.
    error
        What was reached: the last of ``residuals``, where the method names nothing else.
    residuals
        Relative residual after each iteration; in a batch, of its worst image. Each method says what it measures.
    objective
        What the method minimises, after each iteration; summed over a batch.
    weight
        The absolute weight of the penalty, one for each image ``(...)``; None where there is no penalty.
    """

    image: Tensor
    converged: bool = True
    iterations: int = 0
    error: float = 0.0
    residuals: list[float] = field(default_factory=list)
    objective: list[float] = field(default_factory=list)
    weight: Tensor | None = None

    def __repr__(self) -> str:
        how = reached(self.converged, self.iterations, self.error)
        return f"{type(self).__name__}(image={kind(self.image)}, {how})"

    @classmethod
    def of(cls, solution: Solution, weight: Tensor | None = None) -> Reconstruction:
        """Wrap what a solver returned."""
        return cls(
            solution.x,
            solution.converged,
            solution.iterations,
            solution.error,
            solution.residuals,
            solution.objective,
            weight,
        )


def data_term(operator: LinearOperator, kdata: Tensor) -> LeastSquares:
    """Check k-space data (complex, finite, of the operator's shape) and make ``|A x - y|^2 / 2`` of them."""
    check_complex(kdata, "kdata")
    return LeastSquares(operator, kdata)


def check_weight(weight: float, name: str = "weight") -> None:
    """Raise ValueError unless the weight is a finite number of at least 0."""
    if not (math.isfinite(weight) and weight >= 0):
        raise ValueError(f"{name} must be a finite number of at least 0, got {weight}.")


def check_image_operator(operator: LinearOperator, method: str) -> None:
    """Raise ValueError unless the domain of the operator is one image ``(y, x)``."""
    if len(operator.domain) != 2:
        raise ValueError(f"{method} needs an operator on images (y, x), got one on tensors of shape {operator.domain}.")


def check_film_operator(operator: LinearOperator, method: str) -> None:
    """Raise ValueError unless the domain of the operator is a film ``(t, y, x)``."""
    if len(operator.domain) != 3:
        raise ValueError(
            f"{method} needs an operator on films (t, y, x), got one on tensors of shape {operator.domain}: "
            "build a RadialFilm or a CartesianFilm."
        )


def largest(x: Tensor, dims: int) -> Tensor:
    """Return the largest modulus of each image, its ``dims`` axes kept with length 1."""
    return torch.amax(x.abs(), dim=tuple(range(-dims, 0)), keepdim=True)
