"""Kernels ``exp(-cost / eps)`` that are applied in the log domain, with their derivative."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor

from otrecon.ot.once import differentiable_once

__all__ = ["Kernel"]


class Kernel(ABC):
    """The map from ``h`` on the targets to ``log sum_y exp(h(y) - c(x, y) / eps)`` on the sources.

    Float64 in and out; leading axes are batch. Minus infinity stands for no mass. Differentiable once in ``h``.
    """

    least_cost: float = 0.0
    """The smallest cost where it is negative, else 0: a logarithm takes what is above it."""

    def __call__(self, h: Tensor) -> Tensor:
        """Apply to ``h``, ``(..., *target_shape)``; the result is ``(..., *source_shape)``."""
        if torch.is_grad_enabled() and h.requires_grad:
            out: Tensor = _LogSumExp.apply(h, self)
            return out
        return self.log_sum_exp(h)

    @abstractmethod
    def log_sum_exp(self, h: Tensor) -> Tensor:
        """Do the work of a call, without derivatives."""

    @abstractmethod
    def log_cost_sum_exp(self, h: Tensor) -> Tensor:
        """Give ``log sum_y (c(x, y) - least_cost) exp(h(y) - c(x, y) / eps)``; for a report at the end, and slower."""

    @property
    @abstractmethod
    def T(self) -> Kernel:
        """The kernel from sources to targets."""

    def weighted(self, h: Tensor, values: Tensor) -> Tensor:
        """Give ``sum_y values(y) exp(h(y) - c(x, y) / eps)`` for values of either sign, as ``(sign, logarithm)`` parts.

        The leading axes of ``h`` and of the values broadcast.

        Returns
        -------
        Tensor
            ``(2, ..., *source_shape)``: logarithms of what the positive and the negative values add up to.
        """
        values, h = torch.broadcast_tensors(values, h)
        return self.log_sum_exp(h + torch.stack([values, -values]).clamp(min=0).log())


class _LogSumExp(torch.autograd.Function):
    """The derivative of a log-sum-exp is a weighted mean; its adjoint, the transposed kernel with the same weights."""

    @staticmethod
    def forward(ctx: Any, h: Tensor, kernel: Kernel) -> Tensor:
        out = kernel.log_sum_exp(h)
        ctx.save_for_backward(h, out)
        ctx.kernel = kernel
        return out

    @staticmethod
    @differentiable_once
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        h, out = ctx.saved_tensors
        # Where nothing arrives, nothing depends on h.
        back = torch.where(out == -math.inf, out, -out)
        parts = (ctx.kernel.T.weighted(back, grad) + h).exp()
        return parts[0] - parts[1], None
