"""Any cost between any points, as a matrix."""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor

from otrecon.ot.checks import check_cost
from otrecon.ot.geometry.base import Geometry
from otrecon.ot.geometry.kernel import Kernel
from otrecon.ot.geometry.log_matmul import BlockedLogMatmul

__all__ = ["Dense"]

CHUNK = 1 << 22
"""Numbers in the largest array of a batched log-sum-exp."""

MOST_BLOCKS = 8
"""Blocks along a matrix up to which the products are quicker than a log-sum-exp for every row."""


class Dense(Geometry):
    """Points of any kind, with a matrix of costs.

    Parameters
    ----------
    cost
        Costs ``(n, m)``, real and finite, float32 or float64: of ``n`` sources and ``m`` targets. Computed in float64.

    Raises
    ------
    TypeError, ValueError
        If the cost is not such a matrix.

    Notes
    -----
    `sinkhorn_divergence` also needs the costs within each measure: it takes a square symmetric matrix over one set of
    points.
    """

    def __init__(self, cost: Tensor) -> None:
        self.cost = check_cost(cost)
        self.source_shape, self.target_shape = (len(self.cost),), (self.cost.shape[1],)
        self.largest_cost = float(self.cost.abs().max())

    def __repr__(self) -> str:
        return f"Dense({self.cost.shape[0]} x {self.cost.shape[1]})"

    @cached_property
    def symmetric(self) -> bool:
        """Whether the matrix is square and equals its transpose."""
        return self.cost.shape[0] == self.cost.shape[1] and torch.equal(self.cost, self.cost.T)

    def kernel(self, eps: float, device: torch.device) -> Kernel:
        """Kernel for one eps; see `Geometry`."""
        return DenseKernel(self.cost.to(device), eps)

    def cost_matrix(self) -> Tensor:
        """Return the matrix itself, in float64."""
        return self.cost


class DenseKernel(Kernel):
    """Log-sum-exp over the rows of a matrix.

    By blocked matrix products where a few blocks will do, as they do for smooth costs or a large eps; otherwise row by
    row, a few at a time.
    """

    def __init__(self, cost: Tensor, eps: float) -> None:
        self.cost, self.eps = cost, eps
        self.least_cost = min(0.0, float(cost.min()))
        self.exponent = cost / eps
        self.product = BlockedLogMatmul(self.exponent, MOST_BLOCKS)

    @cached_property
    def T(self) -> DenseKernel:
        """The kernel from sources to targets."""
        same = self.cost.shape[0] == self.cost.shape[1] and torch.equal(self.cost, self.cost.T)
        return self if same else DenseKernel(self.cost.T, self.eps)

    def log_sum_exp(self, h: Tensor) -> Tensor:
        """By blocks or row by row; see `Kernel`."""
        if self.product.width:
            return self.product(h.reshape(-1, h.shape[-1])).reshape(*h.shape[:-1], -1)
        return self._over(h, -self.exponent)

    def log_cost_sum_exp(self, h: Tensor) -> Tensor:
        """Row by row, with the cost as a factor; see `Kernel`."""
        return self._over(h, (self.cost - self.least_cost).log() - self.exponent)

    @staticmethod
    def _over(h: Tensor, exponent: Tensor) -> Tensor:
        rows = max(1, CHUNK // max(1, h.numel()))
        parts = [torch.logsumexp(h[..., None, :] + some, dim=-1) for some in exponent.split(rows)]
        return torch.cat(parts, dim=-1)
