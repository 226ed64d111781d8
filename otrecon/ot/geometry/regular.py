"""What grids have in common, whatever a move on them costs: sizes, spacing, positions."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from otrecon.ot.checks import check_shape, check_spacing
from otrecon.ot.geometry.base import Geometry

__all__ = ["RegularGrid"]


class RegularGrid(Geometry):
    """A regular grid of pixels in 1 to 3 dimensions; both measures live on it.

    Attributes
    ----------
    shape
        Pixels along each axis, in the order of the tensor: ``(y, x)`` for an image.
    spacing
        Distance between neighbouring pixels along each axis.
    """

    def __init__(self, shape: Sequence[int], spacing: float | Sequence[float]) -> None:
        self.shape = check_shape(shape)
        self.spacing = check_spacing(spacing, len(self.shape))
        self.source_shape = self.target_shape = self.shape

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of pixels."""
        return math.prod(self.shape)

    def coordinates(self) -> Tensor:
        """Positions of the pixels ``(*shape, ndim)``, float64, in the unit of the spacing; the first pixel is at 0."""
        axes = [torch.arange(n, dtype=torch.float64) * step for n, step in zip(self.shape, self.spacing, strict=True)]
        return torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)
