"""How far an image is from its measurements, by the way that costs least."""

from __future__ import annotations

import math
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
        y, ``(..., *operator.range)``.
    gram
        Whether to go through the gram. What it misses is a share of ``|y|^2``, from rounding and, for radial data, from
        the gram's own accuracy of some 5e-6, in double precision too: near the truth the term may come out a little
        below zero, and one that is to fall below some 1e-5 needs the direct way.

    Raises
    ------
    TypeError, ValueError
        If the data do not fit the operator (`LinearOperator.check_data`), are not finite, or all zero.
    """

    def __init__(self, operator: LinearOperator, data: Tensor, *, gram: bool = True) -> None:
        if not isinstance(operator, LinearOperator):
            raise TypeError(f"operator must be a LinearOperator, got {type(operator).__name__}.")
        operator.check_data(data)
        with torch.no_grad():
            self.rhs = operator.adjoint(data)
        self.operator, self.data = operator, None if gram else data.detach()
        self.energy = float(data.detach().abs().double().square().sum())
        if not 0 < self.energy < math.inf:
            raise ValueError("the data are all zero, or not finite: there is nothing to fit.")

    def __call__(self, image: Tensor) -> Tensor:
        """Give the term, a real scalar, for an image of the shape of ``A^H y``."""
        if image.shape != self.rhs.shape:
            raise ValueError(f"the image has shape {tuple(image.shape)}; these data are of {tuple(self.rhs.shape)}.")
        if self.data is None:
            result: Tensor = _Quadratic.apply(image, self)
            return result
        return (self.operator(image) - self.data).abs().square().sum() / self.energy


class _Quadratic(torch.autograd.Function):
    """Value and gradient of the data term from one application of the gram; the second derivative is the gram."""

    @staticmethod
    def forward(ctx: Any, image: Tensor, term: LeastSquares) -> Tensor:
        applied = term.operator.gram(image)
        ctx.term = term
        ctx.save_for_backward(image, applied)
        # In double precision: three large numbers make a small one.
        product = (image.conj() * (applied - 2 * term.rhs)).real.double().sum()
        return ((product + term.energy) / term.energy).to(image.real.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        image, applied = ctx.saved_tensors
        if torch.is_grad_enabled():
            applied = ctx.term.operator.gram(image)
        slope = 2 * (applied - ctx.term.rhs) / ctx.term.energy
        return gradient * (slope if image.is_complex() else slope.real), None
