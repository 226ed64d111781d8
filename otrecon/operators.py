"""Linear operators: forward, adjoint, gram, and an algebra that keeps the three consistent.

An operator maps tensors whose trailing axes have shape ``domain`` to tensors whose trailing axes have shape ``range``;
any leading axes are a batch. A subclass writes two private methods, ``_forward`` and ``_adjoint`` (and ``_gram`` where
A^H A has a shortcut); shape checks and differentiation happen here, once. The gradient of a linear map is its adjoint:
back-propagation calls ``_adjoint`` instead of tracing through ``_forward``.
"""

from __future__ import annotations

import math
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, overload

import torch
from torch import Tensor

from otrecon.randomness import check_generator

__all__ = ["Adjoint", "Identity", "LinearOperator", "Matrix"]

Shape = tuple[int, ...]


class _LinearMap(torch.autograd.Function):
    """Apply ``forward``; differentiate by applying ``adjoint``, itself differentiable in the same way."""

    @staticmethod
    def forward(x: Tensor, forward: Callable[[Tensor], Tensor], _adjoint: Callable[[Tensor], Tensor]) -> Tensor:
        return forward(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], _output: Tensor) -> None:
        x, ctx.forward_map, ctx.adjoint_map = inputs
        ctx.real_input = not x.is_complex()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = gradients
        pulled_back = _LinearMap.apply(gradient, ctx.adjoint_map, ctx.forward_map)
        if ctx.real_input and pulled_back.is_complex():
            pulled_back = pulled_back.real
        return pulled_back, None, None

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, *_: None) -> Tensor:
        return ctx.forward_map(tangent)


class LinearOperator(torch.nn.Module, ABC):
    """A linear map between spaces of tensors, with its adjoint.

    Parameters
    ----------
    domain
        Trailing shape of the input.
    range
        Trailing shape of the output.

    Notes
    -----
    The adjoint is with respect to the inner products ``sum(conj(u) * v)`` on both sides. Tensors that an operator keeps
    are registered as buffers: ``operator.to(device)`` moves them, ``operator.to(dtype)`` sets their precision, and
    complex ones stay complex. Gradients flow through the input alone: what an operator keeps (maps, matrices,
    trajectories) receives none.
    """

    def __init__(self, domain: Sequence[int], range: Sequence[int]) -> None:  # noqa: A002 (the mathematical name)
        super().__init__()
        self.domain: Shape = tuple(int(n) for n in domain)
        self.range: Shape = tuple(int(n) for n in range)

    @abstractmethod
    def _forward(self, x: Tensor) -> Tensor: ...

    @abstractmethod
    def _adjoint(self, y: Tensor) -> Tensor: ...

    def _gram(self, x: Tensor) -> Tensor:
        return self._adjoint(self._forward(x))

    def forward(self, x: Tensor) -> Tensor:
        """Apply the operator to ``x`` of shape ``(..., *domain)``; returns ``(..., *range)``."""
        self._check(x, self.domain, "domain")
        return _LinearMap.apply(x, self._forward, self._adjoint)

    def adjoint(self, y: Tensor) -> Tensor:
        """Apply the adjoint to ``y`` of shape ``(..., *range)``; returns ``(..., *domain)``."""
        self._check(y, self.range, "range")
        return _LinearMap.apply(y, self._adjoint, self._forward)

    def gram(self, x: Tensor) -> Tensor:
        """Apply A^H A to ``x`` of shape ``(..., *domain)``, by the shortcut where the operator has one."""
        self._check(x, self.domain, "domain")
        return _LinearMap.apply(x, self._gram, self._gram)

    def check_data(self, y: Tensor) -> None:
        """Raise TypeError or ValueError unless ``y`` may be data of this operator, ``(..., *range)``.

        An operator that measures only a part of its range, such as the samples of a mask, asks for more than the shape.
        """
        self._check(y, self.range, "range")

    @property
    def H(self) -> LinearOperator:
        """The adjoint as an operator of its own."""
        return Adjoint(self)

    def norm(self, *, iterations: int = 30, generator: torch.Generator | None = None) -> float:
        """Largest singular value, by power iteration on the gram.

        Parameters
        ----------
        iterations
            Number of applications of the gram, at least 1. The estimate grows towards the norm from below.
        generator
            Source of the random start; a generator seeded with 0 when omitted.

        Raises
        ------
        ValueError
            If ``iterations`` is less than 1.
        TypeError
            If ``generator`` is no generator.
        """
        if iterations < 1:
            raise ValueError(f"iterations must be at least 1, got {iterations}: without one nothing is estimated.")
        generator = torch.Generator().manual_seed(0) if generator is None else check_generator(generator)
        device = next(self.buffers(), torch.empty(0)).device
        x = torch.randn(self.domain, dtype=torch.complex64, generator=generator, device=generator.device).to(device)
        largest = 0.0
        with torch.no_grad():
            for _ in range(iterations):
                x = self._gram(x / torch.linalg.vector_norm(x))
                largest = float(torch.linalg.vector_norm(x))
                if largest == 0.0:
                    return 0.0
        return math.sqrt(largest)

    @overload
    def __matmul__(self, other: LinearOperator) -> LinearOperator: ...
    @overload
    def __matmul__(self, other: Tensor) -> Tensor: ...
    def __matmul__(self, other: LinearOperator | Tensor) -> LinearOperator | Tensor:
        if isinstance(other, Tensor):
            return self.forward(other)
        if isinstance(other, LinearOperator):
            return _Composition(self, other)
        return NotImplemented

    def __mul__(self, factor: complex) -> LinearOperator:
        if not isinstance(factor, (int, float, complex)):
            return NotImplemented
        return _Scaled(self, factor)

    __rmul__ = __mul__

    def __neg__(self) -> LinearOperator:
        return _Scaled(self, -1.0)

    def __add__(self, other: LinearOperator) -> LinearOperator:
        if not isinstance(other, LinearOperator):
            return NotImplemented
        return _Sum(self, other)

    def __sub__(self, other: LinearOperator) -> LinearOperator:
        if not isinstance(other, LinearOperator):
            return NotImplemented
        return _Sum(self, -other)

    def extra_repr(self) -> str:
        """Shapes shown by ``print(operator)``."""
        return f"domain={self.domain}, range={self.range}"

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> LinearOperator:
        """Move or convert what the operator keeps, complex numbers staying complex and real ones real.

        ``operator.to(torch.float64)`` asks for a precision: complex maps become complex128. Torch alone would drop
        their imaginary parts, and make trajectories complex on ``operator.to(torch.complex128)``.
        """

        def keep_kind(x: Tensor) -> Tensor:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # torch warns that it drops the imaginary parts of nothing
                asked = fn(x.new_empty(0))
            if asked.is_complex() == x.is_complex() or not (x.is_complex() or x.is_floating_point()):
                return fn(x)
            return x.to(asked.device, asked.dtype.to_complex() if x.is_complex() else asked.dtype.to_real())

        return super()._apply(keep_kind, recurse)

    def _check(self, x: Tensor, shape: Shape, side: str) -> None:
        if not isinstance(x, Tensor):
            raise TypeError(f"{type(self).__name__} acts on torch tensors, got {type(x).__name__}: convert it first.")
        if not (x.is_floating_point() or x.is_complex()):
            raise TypeError(f"{type(self).__name__} acts on real or complex numbers, got {x.dtype}: convert it first.")
        if x.ndim < len(shape) or tuple(x.shape[x.ndim - len(shape) :]) != shape:
            expected = ", ".join(map(str, shape))
            raise ValueError(
                f"{type(self).__name__} expects a {side} of shape (..., {expected}), got {tuple(x.shape)}."
            )


class Adjoint(LinearOperator):
    """The adjoint of an operator; ``Adjoint(A).H`` is ``A`` again."""

    def __init__(self, operator: LinearOperator) -> None:
        super().__init__(operator.range, operator.domain)
        self.operator = operator

    def _forward(self, x: Tensor) -> Tensor:
        return self.operator._adjoint(x)

    def _adjoint(self, y: Tensor) -> Tensor:
        return self.operator._forward(y)

    @property
    def H(self) -> LinearOperator:
        """The operator itself."""
        return self.operator


class Identity(LinearOperator):
    """The identity on tensors of trailing shape ``domain``."""

    def __init__(self, domain: Sequence[int]) -> None:
        super().__init__(domain, domain)

    def _forward(self, x: Tensor) -> Tensor:
        return x.clone()

    def _adjoint(self, y: Tensor) -> Tensor:
        return y.clone()


class Matrix(LinearOperator):
    """A dense matrix of shape ``(rows, columns)`` as an operator on vectors: the exact oracle of small problems."""

    matrix: Tensor

    def __init__(self, matrix: Tensor) -> None:
        if matrix.ndim != 2:
            raise ValueError(f"Matrix expects a tensor of shape (rows, columns), got {tuple(matrix.shape)}.")
        super().__init__(matrix.shape[1:], matrix.shape[:1])
        self.register_buffer("matrix", matrix)

    def _forward(self, x: Tensor) -> Tensor:
        return _apply_matrix(self.matrix, x)

    def _adjoint(self, y: Tensor) -> Tensor:
        return _apply_matrix(self.matrix.mH, y)


def _apply_matrix(matrix: Tensor, x: Tensor) -> Tensor:
    dtype = torch.promote_types(matrix.dtype, x.dtype)
    return (matrix.to(dtype) @ x.to(dtype).unsqueeze(-1)).squeeze(-1)


class _Composition(LinearOperator):
    def __init__(self, outer: LinearOperator, inner: LinearOperator) -> None:
        if outer.domain != inner.range:
            raise ValueError(
                f"Cannot compose: {type(outer).__name__} expects {outer.domain}, "
                f"{type(inner).__name__} gives {inner.range}."
            )
        super().__init__(inner.domain, outer.range)
        self.outer, self.inner = outer, inner

    def check_data(self, y: Tensor) -> None:
        self.outer.check_data(y)

    def _forward(self, x: Tensor) -> Tensor:
        return self.outer._forward(self.inner._forward(x))

    def _adjoint(self, y: Tensor) -> Tensor:
        return self.inner._adjoint(self.outer._adjoint(y))

    def _gram(self, x: Tensor) -> Tensor:
        return self.inner._adjoint(self.outer._gram(self.inner._forward(x)))


class _Scaled(LinearOperator):
    def __init__(self, operator: LinearOperator, factor: complex) -> None:
        super().__init__(operator.domain, operator.range)
        self.operator, self.factor = operator, factor

    def check_data(self, y: Tensor) -> None:
        self.operator.check_data(y)

    def _forward(self, x: Tensor) -> Tensor:
        return self.factor * self.operator._forward(x)

    def _adjoint(self, y: Tensor) -> Tensor:
        return self.factor.conjugate() * self.operator._adjoint(y)

    def _gram(self, x: Tensor) -> Tensor:
        return abs(self.factor) ** 2 * self.operator._gram(x)


class _Sum(LinearOperator):
    def __init__(self, first: LinearOperator, second: LinearOperator) -> None:
        if (first.domain, first.range) != (second.domain, second.range):
            raise ValueError(
                f"Cannot add operators of different shapes: {first.domain} -> {first.range} "
                f"and {second.domain} -> {second.range}."
            )
        super().__init__(first.domain, first.range)
        self.first, self.second = first, second

    def _forward(self, x: Tensor) -> Tensor:
        return self.first._forward(x) + self.second._forward(x)

    def _adjoint(self, y: Tensor) -> Tensor:
        return self.first._adjoint(y) + self.second._adjoint(y)
