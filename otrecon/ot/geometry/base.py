"""What a solver may know of a geometry: shapes, the range of the cost, and a kernel for every eps."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor

from otrecon.ot.checks import check_length
from otrecon.ot.geometry.kernel import Kernel

__all__ = ["Geometry"]

LARGEST_EXPONENT = 1e8
"""Cost over eps beyond which float64 no longer holds eight digits of a marginal."""

LARGEST_MATRIX = 50_000_000
"""Entries of the largest cost matrix that is formed: 400 MB in float64."""


class Geometry(ABC):
    """Where two measures live, and what a move from one place to another costs.

    Attributes
    ----------
    source_shape, target_shape
        Shapes of the two measures.
    largest_cost
        The dearest move, in the unit of the cost.
    """

    source_shape: tuple[int, ...]
    target_shape: tuple[int, ...]
    largest_cost: float

    @abstractmethod
    def kernel(self, eps: float, device: torch.device) -> Kernel:
        """Kernel from targets to sources for one eps, in float64 on a device."""

    @abstractmethod
    def cost_matrix(self) -> Tensor:
        """Every cost, float64 ``(sources, targets)``, pixels in row-major order; refused where it would not fit."""

    @property
    def smallest_blur(self) -> float:
        """Smallest blur that the kernels resolve in float64."""
        return math.sqrt(self.largest_cost / LARGEST_EXPONENT)

    @property
    def symmetric(self) -> bool:
        """Whether both measures live on the same points, and a move costs as much as the way back."""
        return True

    def coarsened(self, blur: float) -> tuple[Geometry, tuple[int, ...]]:  # noqa: ARG002
        """Give a coarser geometry that still resolves a blur, and how many pixels of each axis it takes together.

        Where there is none, the geometry itself and a factor of 1 along each axis.
        """
        return self, (1,) * len(self.source_shape)

    @property
    def largest_blur(self) -> float:
        """Largest blur beside which float64 still holds eight digits of the costs."""
        return math.sqrt(self.largest_cost * LARGEST_EXPONENT) if self.largest_cost > 0 else math.inf

    def check_blur(self, blur: float) -> float:
        """Return a blur as a float, or raise TypeError or ValueError, naming the nearest that can be resolved."""
        blur = check_length("blur", blur)
        if blur < self.smallest_blur:
            raise ValueError(
                f"blur={blur:.3g} is too small for float64 on {self!r}: the dearest move costs "
                f"{self.largest_cost:.3g}, {self.largest_cost / blur**2:.1e} times blur**2. "
                f"Use blur={_rounded(self.smallest_blur, math.ceil)} or more, or emd for no blur at all."
            )
        if blur > self.largest_blur:
            raise ValueError(
                f"blur={blur:.3g} is too large for float64 on {self!r}: blur**2 is {blur**2 / self.largest_cost:.1e} "
                "times the dearest move, and every plan is the product of the measures long before. Use blur="
                f"{_rounded(self.largest_blur, math.floor)} or less."
            )
        return blur

    def _check_axes(self) -> None:
        """Raise ValueError unless the cost along each axis fits; several matrices of its size are formed."""
        longest = max(self.source_shape)
        if longest**2 > LARGEST_MATRIX:
            raise ValueError(
                f"an axis of {longest} pixels has {longest**2:.2g} pairs, above {LARGEST_MATRIX:.0e}: make the pixels "
                "coarser, or in one dimension use wasserstein_line, which needs no pairs."
            )

    def _check_matrix(self) -> None:
        entries = math.prod(self.source_shape) * math.prod(self.target_shape)
        if entries > LARGEST_MATRIX:
            raise ValueError(
                f"the cost matrix of {self!r} would have {entries:.2g} entries, above {LARGEST_MATRIX:.0e}: use "
                "sinkhorn, which never forms it, or smaller images."
            )


def _rounded(value: float, way: Callable[[float], int], digits: int = 3) -> float:
    """Nearest number of a few digits that is not below a value (``math.ceil``), or not above it (``math.floor``)."""
    unit = 10.0 ** (math.floor(math.log10(value)) - digits + 1)
    return float(f"{way(value / unit) * unit:.{digits}g}")
