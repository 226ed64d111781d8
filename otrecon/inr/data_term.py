"""How far an image is from its measurements, by the way that costs least."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from otrecon.operators import LinearOperator

__all__ = ["LeastSquares"]


class LeastSquares:
    """The data term ``|A x - y|^2 / |y|^2`` of an operator and its data.

    Through the gram it is ``(<x, A^H A x> - 2 Re <x, A^H y> + |y|^2) / |y|^2``, and its gradient needs nothing more:
    one application of the gram a step, where the direct way takes a forward and an adjoint. For a radial operator the
    gram is a convolution, several times cheaper than either.

    Parameters
    ----------
    operator
        A, on images of shape ``operator.domain``; axes in front are a batch.
    data
        Complex y, ``(..., *operator.range)``.
    gram
        Whether to go through the gram. What it rounds is a share of ``|y|^2``: a term that is to fall below some 1e-5
        needs the direct way, or double precision.

    Raises
    ------
    TypeError, ValueError
        If the data do not fit the operator, are not finite, or all zero.
    """

    def __init__(self, operator: LinearOperator, data: Tensor, *, gram: bool = True) -> None:
        if not isinstance(operator, LinearOperator):
            raise TypeError(f"operator must be a LinearOperator, got {type(operator).__name__}.")
        self.operator, self.data, self.gram = operator, data.detach(), gram
        with torch.no_grad():
            self.rhs = operator.adjoint(self.data)
        self.energy = float(torch.view_as_real(self.data).double().square().sum())
        if not (self.energy > 0 and self.energy < float("inf")):
            raise ValueError("the data are all zero, or not finite: there is nothing to fit.")

    def __call__(self, image: Tensor) -> Tensor:
        """Give the term, a real scalar, for ``image`` ``(..., *operator.domain)``; differentiable once."""
        if self.gram:
            result: Tensor = _Quadratic.apply(image, self)
            return result
        residual = self.operator(image) - self.data
        return torch.view_as_real(residual).square().sum() / self.energy


class _Quadratic(torch.autograd.Function):
    """Value and gradient of the data term from one application of the gram."""

    @staticmethod
    def forward(ctx: Any, image: Tensor, term: LeastSquares) -> Tensor:
        applied = term.operator.gram(image)
        ctx.save_for_backward(2 * (applied - term.rhs) / term.energy)
        # In double precision: three large numbers make a small one.
        x, change = (torch.view_as_real(z).double() for z in (image, applied - 2 * term.rhs))
        return (((x * change).sum() + term.energy) / term.energy).to(image.real.dtype)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (slope,) = ctx.saved_tensors
        return gradient * slope, None
