"""The data term that every reconstruction shares: half the squared distance between A x and the data."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from otrecon.operators import LinearOperator
from otrecon.solvers.solution import inner

__all__ = ["LeastSquares"]


class LeastSquares:
    """``f(x) = |A x - y|^2 / 2``, kept as A^H A, A^H y and ``|y|^2 / 2``.

    The data are touched once; afterwards an iteration costs one ``operator.gram``, which has a shortcut in most
    operators. The value comes from the same product: ``f(x) = <x, A^H A x> / 2 - <x, A^H y> + |y|^2 / 2``.

    Parameters
    ----------
    operator
        A, from ``(..., *domain)`` to ``(..., *range)``.
    data
        y, of shape ``(..., *range)``; leading axes are a batch of independent problems.

    Attributes
    ----------
    rhs : Tensor
        A^H y, ``(..., *domain)``.
    dims : int
        Number of trailing axes that make one image.

    Raises
    ------
    TypeError
        If the data are not a floating-point or complex tensor.
    ValueError
        If their shape does not fit the operator, or they contain NaN or infinity.
    """

    def __init__(self, operator: LinearOperator, data: Tensor) -> None:
        if not isinstance(data, Tensor) or not (data.is_floating_point() or data.is_complex()):
            kind = data.dtype if isinstance(data, Tensor) else type(data).__name__
            raise TypeError(f"The data must be a floating-point or complex tensor, got {kind}: convert them first.")
        if not torch.isfinite(data).all():
            raise ValueError("The data contain NaN or infinity: remove these samples, or set them and the mask to 0.")
        self.operator = operator
        self.dims = len(operator.domain)
        with torch.no_grad():
            self.rhs = operator.adjoint(data)
            batch = data.shape[: data.ndim - len(operator.range)]
            self._energy = inner(data, data, len(operator.range)).reshape(*batch, *(1,) * self.dims) / 2
        self.rhs_norm = inner(self.rhs, self.rhs, self.dims).sqrt()
        self._lipschitz: float | None = None

    def gram(self, x: Tensor) -> Tensor:
        """A^H A x."""
        return self.operator.gram(x)

    def value(self, x: Tensor, gram_x: Tensor) -> Tensor:
        """``f(x)``, one number for each image of the batch, from ``x`` and ``gram_x = A^H A x``."""
        return inner(x, gram_x / 2 - self.rhs, self.dims) + self._energy

    @property
    def lipschitz(self) -> float:
        """Squared norm of A, by a short power iteration: an estimate from below, close to the truth."""
        if self._lipschitz is None:
            self._lipschitz = self.operator.norm(iterations=12) ** 2
            if not math.isfinite(self._lipschitz):
                raise ValueError(f"The norm of {type(self.operator).__name__} is not finite: check its maps or matrix.")
        return self._lipschitz
