"""Matrix products in the log domain, by blocks: exact to rounding where a plain product overflows or dies out.

For one axis of a grid the solver needs ``log sum_j exp(h_j - e_ij)`` for many lines ``h`` at once. Broadcasting costs
an exponential and a number in memory for every pair ``(i, j)`` and every line. A matrix product with ``exp(-e)`` costs
neither, and is wrong as soon as the numbers on one line spread over more than the range of the floating point.

Both ends of the axis are cut into blocks. With ``I`` and ``J`` the middles of the blocks of ``i`` and ``j``,

    e_ij = e_iJ + e_Ij - e_IJ + mixed_ij ,

and only ``mixed_ij``, the part that ``i`` and ``j`` share, needs a matrix: ``e_Ij`` joins ``h``, ``e_iJ`` joins the
result. For the quadratic cost ``|x - y|^2 / (2 eps)`` it is ``-(x_i - x_I)(x_j - x_J) / eps``, which knows nothing of
the distance between the blocks: blocks may be about 28 blurs wide, however large the grid is. So lines of ``n`` pixels
take ``n`` multiplications and about ``n / (14 blur)`` exponentials a pixel. Beside the lines a few matrices of ``n^2``
numbers are held for each axis, and nothing larger.

The underflow rule: in float64 the exponent of a mixed part may reach `RANGE` either way. The largest term of a sum is
then at least ``exp(-RANGE)``, and what is clamped at ``exp(-FLOOR)`` weighs ``exp(2 RANGE - FLOOR)`` or less beside it,
below 1e-39. Clamping also keeps subnormal numbers away, which processors multiply a hundred times more slowly.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["BlockedLogMatmul"]

RANGE = 200.0
FLOOR = 490.0
NOTHING = -1e300
"""Stands for the logarithm of zero where minus infinity would make a NaN."""

CHUNK = 1 << 17
"""Numbers worked on at once, so that they stay in the processor's cache."""


class BlockedLogMatmul:
    """The map from lines ``h`` to ``log sum_j exp(h_j - e_ij)``.

    Parameters
    ----------
    exponent
        Finite ``e``, float64, ``(n, m)``: cost over eps.
    most_blocks
        Where to give up: beyond so many blocks along an axis; None never does.

    Attributes
    ----------
    width
        Pixels in a block, chosen by the underflow rule: the largest that keeps every mixed part within `RANGE`. 0 where
        that takes too many blocks.
    """

    def __init__(self, exponent: Tensor, most_blocks: int | None = None) -> None:
        self.outputs, self.inputs = exponent.shape
        longest = max(exponent.shape)
        blocks = 1
        while True:
            if most_blocks is not None and blocks > most_blocks:
                self.width = 0
                return
            self.width = -(-longest // blocks)
            self._cut(exponent)
            if float(self.spread) <= RANGE or self.width == 1:
                return
            # The spread falls at least linearly with the width, for smooth costs quadratically.
            blocks = max(blocks + 1, min(2 * blocks, math.ceil(longest / self.width * math.sqrt(self.spread / RANGE))))

    def _cut(self, exponent: Tensor) -> None:
        width = self.width
        rows, columns = -(-self.outputs // width), -(-self.inputs // width)
        self.padding = columns * width - self.inputs
        # Repeating the last row and column fills the last blocks without widening their spread.
        i = torch.arange(rows * width, device=exponent.device).clamp_(max=self.outputs - 1)
        j = torch.arange(columns * width, device=exponent.device).clamp_(max=self.inputs - 1)
        e = exponent[i][:, j].view(rows, width, columns, width).transpose(1, 2)
        middle = width // 2
        self.ends = e[:, :, :, middle] - e[:, :, middle, middle, None]
        self.starts = e[:, :, middle, :]
        mixed = self.starts[:, :, None, :] + self.ends[:, :, :, None] - e
        low, high = mixed.amin((2, 3)), mixed.amax((2, 3))
        self.spread = float((high - low).amax()) / 2
        centre = (low + high) / 2
        self.ends = self.ends - centre[:, :, None]
        self.matrices = (mixed - centre[:, :, None, None]).clamp_(-RANGE, RANGE).exp_().transpose(2, 3).contiguous()

    def __call__(self, h: Tensor) -> Tensor:
        """Apply to lines ``(lines, m)``; minus infinity is allowed, and comes back for a line of nothing else."""
        if h.numel() <= CHUNK:
            return self._apply(h)
        step = max(1, CHUNK // h.shape[1])
        return torch.cat([self._apply(part) for part in h.split(step)])

    def _apply(self, h: Tensor) -> Tensor:
        if self.padding:
            h = torch.nn.functional.pad(h, (0, self.padding), value=-math.inf)
        # (block of j, line, j in the block)
        h = h.view(len(h), -1, self.width).transpose(0, 1)
        rows = [
            self._row(h, start, end, matrix)
            for start, end, matrix in zip(self.starts, self.ends, self.matrices, strict=True)
        ]
        return torch.cat(rows, dim=1)[:, : self.outputs]

    @staticmethod
    def _row(h: Tensor, start: Tensor, end: Tensor, matrix: Tensor) -> Tensor:
        """One block of outputs, ``(lines, width)``, from all blocks of inputs."""
        terms = h - start[:, None, :]
        peak = terms.amax(2, keepdim=True).clamp_(min=NOTHING)
        sums = torch.bmm(terms.sub_(peak).clamp_(min=-FLOOR).exp_(), matrix)
        if len(h) == 1:
            return (sums.log_().add_(peak).sub_(end[:, None, :]))[0].masked_fill_(peak[0] == NOTHING, -math.inf)
        weights = peak - end[:, None, :]
        top = weights.amax(0)
        total = weights.sub_(top).clamp_(min=-FLOOR).exp_().mul_(sums).sum(0)
        return total.log_().add_(top).masked_fill_(peak.amax(0) == NOTHING, -math.inf)
