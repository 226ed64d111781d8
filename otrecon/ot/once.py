"""Derivatives that are known once: a second derivative is refused, and not silently zero."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import torch
from torch import Tensor

__all__ = ["differentiable_once"]

Gradients = TypeVar("Gradients", bound="tuple[Tensor | None, ...]")


def differentiable_once(backward: Callable[..., Gradients]) -> Callable[..., Gradients]:
    """Decorate the backward pass of a `torch.autograd.Function` whose gradients are constants for autograd.

    PyTorch's own ``once_differentiable`` refuses only where the incoming gradient is differentiated. A gradient that is
    taken with ``create_graph=True`` comes out as a constant there, and a penalty on it has no effect.
    """

    @wraps(backward)
    def refusing(ctx: Any, *incoming: Tensor) -> Any:
        with torch.no_grad():
            gradients = backward(ctx, *incoming)
        if not torch.is_grad_enabled():
            return gradients
        return tuple(one if one is None else _Refusal.apply(one.detach().requires_grad_()) for one in gradients)

    return refusing


class _Refusal(torch.autograd.Function):
    """Leaves a gradient as it is, and stops whoever differentiates it."""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor) -> Tensor:  # noqa: ARG004
        return gradient.clone()

    @staticmethod
    def backward(ctx: Any, incoming: Tensor) -> Tensor:  # noqa: ARG004
        raise RuntimeError(
            "transport is differentiable once: its gradient is known, how the gradient changes is not. Detach the "
            "gradient, or leave create_graph out."
        )
