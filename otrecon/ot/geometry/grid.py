"""Regular grids with the quadratic cost: images, volumes, histograms."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from otrecon.ot.geometry.base import Geometry
from otrecon.ot.geometry.regular import RegularGrid
from otrecon.ot.geometry.separable import SeparableKernel

__all__ = ["Grid"]


class Grid(RegularGrid):
    """A regular grid with the cost ``|x - y|^2 / 2``.

    Parameters
    ----------
    shape
        Pixels along each of 1 to 3 axes, in the order of the tensor: ``(y, x)`` for an image. Any sizes.
    spacing
        Distance between neighbouring pixels: one number, or one for each axis. Its unit is that of ``blur`` and
        ``reach``; costs and divergences are in its square.

    Raises
    ------
    TypeError, ValueError
        If a size is not a positive integer, a spacing not positive and finite, or their numbers differ.

    Examples
    --------
    >>> Grid((40, 72))
    Grid((40, 72), spacing=(1.0, 1.0))
    >>> Grid((5, 6, 7), spacing=(2.5, 1, 1)).size
    210
    """

    def __init__(self, shape: Sequence[int], spacing: float | Sequence[float] = 1.0) -> None:
        super().__init__(shape, spacing)
        self.largest_cost = sum((step * (n - 1)) ** 2 for n, step in zip(self.shape, self.spacing, strict=True)) / 2

    def __repr__(self) -> str:
        return f"Grid({self.shape}, spacing={self.spacing})"

    def kernel(self, eps: float, device: torch.device) -> SeparableKernel:
        """Kernel for one eps; see `Geometry`."""
        self._check_axes()
        # Axes that are alike share one cost, and so one matrix product.
        costs = {axis: _axis_cost(*axis, device) for axis in self._axes()}
        return SeparableKernel([costs[axis] for axis in self._axes()], eps)

    def cost_matrix(self) -> Tensor:
        """Every cost ``(size, size)``; see `Geometry`."""
        self._check_matrix()
        x = self.coordinates().reshape(self.size, self.ndim)
        return sum(((x[:, None, k] - x[None, :, k]) ** 2 / 2 for k in range(self.ndim)), start=torch.zeros(1, 1))

    def coarsened(self, blur: float) -> tuple[Geometry, tuple[int, ...]]:
        """Give a grid of pixels at most half a blur wide, each a power of two of the old; see `Geometry`."""
        factors = []
        for n, step in self._axes():
            factor = 1
            while 4 * factor * step <= blur and n >= 8 * factor:
                factor *= 2
            factors.append(factor)
        shape = [-(-n // factor) for n, factor in zip(self.shape, factors, strict=True)]
        spacing = [step * factor for step, factor in zip(self.spacing, factors, strict=True)]
        return Grid(shape, spacing), tuple(factors)

    def _axes(self) -> list[tuple[int, float]]:
        return list(zip(self.shape, self.spacing, strict=True))


def _axis_cost(n: int, spacing: float, device: torch.device) -> Tensor:
    x = torch.arange(n, dtype=torch.float64, device=device) * spacing
    return (x[:, None] - x) ** 2 / 2
