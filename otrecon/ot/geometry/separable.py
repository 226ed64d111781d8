"""Kernels of costs that add up over the axes: one log-domain matrix product along each axis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, partial

import torch
from torch import Tensor

from otrecon.ot.geometry.kernel import Kernel
from otrecon.ot.geometry.log_matmul import BlockedLogMatmul

__all__ = ["SeparableKernel"]

COST_CHUNK = 1 << 22
"""Numbers in the largest array while the cost of a plan is added up."""


class SeparableKernel(Kernel):
    """The kernel of ``c(x, y) = sum_k c_k(x_k, y_k)``.

    Parameters
    ----------
    costs
        For each axis its cost ``(n, m)``, float64.
    eps
        Strength of the entropy, in the unit of the cost.
    """

    def __init__(self, costs: Sequence[Tensor], eps: float) -> None:
        self.costs, self.eps = list(costs), eps
        products: dict[int, BlockedLogMatmul] = {}
        for cost in self.costs:
            if id(cost) not in products:
                products[id(cost)] = BlockedLogMatmul(cost / eps)
        self.products = [products[id(cost)] for cost in self.costs]

    @property
    def width(self) -> tuple[int, ...]:
        """Pixels in a block along each axis."""
        return tuple(product.width for product in self.products)

    @cached_property
    def T(self) -> SeparableKernel:
        """The kernel from sources to targets."""
        if all(cost.shape[0] == cost.shape[1] and torch.equal(cost, cost.T) for cost in self.costs):
            return self
        return SeparableKernel([cost.T for cost in self.costs], self.eps)

    def log_sum_exp(self, h: Tensor) -> Tensor:
        """Apply one axis after the other, the last first."""
        for axis in reversed(range(len(self.products))):
            h = self._along(axis, h, self.products[axis])
        return h

    def log_cost_sum_exp(self, h: Tensor) -> Tensor:
        """Add up over the axes the cost of each, the kernel itself along the others."""
        parts = []
        for axis, cost in enumerate(self.costs):
            part = h
            for other in reversed(range(len(self.products))):
                if other != axis:
                    part = self._along(other, part, self.products[other])
            parts.append(self._along(axis, part, partial(self._with_cost, cost=cost)))
        return torch.stack(parts).logsumexp(0)

    def _with_cost(self, lines: Tensor, cost: Tensor) -> Tensor:
        exponent = cost.log() - cost / self.eps
        step = max(1, COST_CHUNK // exponent.numel())
        return torch.cat([torch.logsumexp(part[:, None, :] + exponent, dim=2) for part in lines.split(step)])

    def _along(self, axis: int, h: Tensor, product: Callable[[Tensor], Tensor]) -> Tensor:
        place = axis - len(self.products)
        h = h.movedim(place, -1)
        lines = product(h.reshape(-1, h.shape[-1]))
        return lines.reshape(*h.shape[:-1], -1).movedim(-1, place)
