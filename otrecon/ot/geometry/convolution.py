"""Costs of displacement alone, of any form, on a grid: separable ones by axes, the others by Fourier transform."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TypeAlias

import torch
from torch import Tensor

from otrecon.ot.checks import check_displacement_cost
from otrecon.ot.geometry.dense import DenseKernel
from otrecon.ot.geometry.kernel import Kernel
from otrecon.ot.geometry.regular import RegularGrid
from otrecon.ot.geometry.separable import SeparableKernel

__all__ = ["Convolution"]

AxisCost: TypeAlias = Callable[[Tensor], Tensor]

FFT_RANGE = 18.0
"""Costs over eps that a Fourier transform in float64 can hold: what is rounded away stays below 1e-16 exp(18), 1e-8."""

DIRECT_PIXELS = 4096
"""Pixels of the largest grid on which every pair is visited, where the Fourier transform would lose the small terms."""


class Convolution(RegularGrid):
    """A regular grid with a cost that depends on the displacement alone.

    Parameters
    ----------
    shape
        Pixels along each of 1 to 3 axes, in the order of the tensor.
    cost
        Either one function of the displacements along all axes, called as ``cost(dy, dx)`` with float64 tensors that
        broadcast, in the unit of the spacing, target minus source; or a sequence of functions, one for each axis, whose
        values add up. The second form is much faster, and exact for any blur. Costs are at least 0 and finite.
    spacing
        Distance between neighbouring pixels, one number or one for each axis.

    Raises
    ------
    TypeError, ValueError
        If the cost is not of this form, or does not return finite values of at least 0 in the right shape.

    Notes
    -----
    Here ``blur**2`` is in the unit of the cost, whatever that is. A cost of all axes together is applied by a Fourier
    transform, padded so that nothing wraps around. It rounds relative to the largest term, so it serves while the costs
    span at most `FFT_RANGE` times ``blur**2``; below, every pair is visited on up to `DIRECT_PIXELS` pixels, and on
    larger grids the blur is refused. Bounded costs are made for it: seed 004's ``1 - exp(-|r|^4 / w^4)`` (row 004-M2).

    Examples
    --------
    >>> import torch
    >>> saturating = Convolution((64, 64), lambda y, x: 1 - torch.exp(-((y**2 + x**2) ** 2) / 10.0**4))
    >>> manhattan = Convolution((64, 48), [torch.abs, torch.abs])
    """

    def __init__(
        self,
        shape: Sequence[int],
        cost: Callable[..., Tensor] | Sequence[AxisCost],
        spacing: float | Sequence[float] = 1.0,
    ) -> None:
        super().__init__(shape, spacing)
        steps = [
            torch.arange(1 - n, n, dtype=torch.float64) * step for n, step in zip(self.shape, self.spacing, strict=True)
        ]
        self.separable = not callable(cost)
        if callable(cost):
            open_steps = [
                step.view([-1 if k == axis else 1 for k in range(self.ndim)]) for axis, step in enumerate(steps)
            ]
            values = check_displacement_cost(cost(*open_steps), tuple(len(step) for step in steps))
            self.tables = [values]
        else:
            if not isinstance(cost, Sequence) or not all(callable(one) for one in cost):
                raise TypeError(
                    "cost must be a function of the displacements along all axes, or a sequence of functions, one for "
                    "each axis."
                )
            if len(cost) != self.ndim:
                raise ValueError(f"cost has {len(cost)} functions for {self.ndim} axes; give one for each axis.")
            self.tables = [
                check_displacement_cost(one(step), (len(step),)) for one, step in zip(cost, steps, strict=True)
            ]
        self.largest_cost = sum(float(table.max()) for table in self.tables)

    def __repr__(self) -> str:
        return f"Convolution({self.shape}, spacing={self.spacing}, {'by axes' if self.separable else 'one cost'})"

    @property
    def symmetric(self) -> bool:
        """Whether a move costs as much as the way back."""
        return all(
            torch.allclose(table, table.flip(list(range(table.ndim))), rtol=1e-12, atol=0) for table in self.tables
        )

    @property
    def smallest_blur(self) -> float:
        """Smallest blur that float64 resolves: of the Fourier transform where that is the way."""
        if self.separable or self.size <= DIRECT_PIXELS:
            return super().smallest_blur
        return math.sqrt(self.largest_cost / FFT_RANGE)

    def kernel(self, eps: float, device: torch.device) -> Kernel:
        """Kernel for one eps; see `Geometry`."""
        tables = [table.to(device) for table in self.tables]
        if self.separable:
            self._check_axes()
            return SeparableKernel([_toeplitz(table) for table in tables], eps)
        if self.largest_cost / eps <= FFT_RANGE:
            return FourierKernel(tables[0], eps)
        return FlatKernel(DenseKernel(self.cost_matrix().to(device), eps), self.shape)

    def cost_matrix(self) -> Tensor:
        """Every cost ``(size, size)``; see `Geometry`."""
        self._check_matrix()
        places = [torch.arange(n) for n in self.shape]
        total = torch.zeros((1,) * (2 * self.ndim), dtype=torch.float64)
        index = []
        for axis, place in enumerate(places):
            difference = place[None, :] - place[:, None] + len(place) - 1
            index.append(difference.view([len(place) if k % self.ndim == axis else 1 for k in range(2 * self.ndim)]))
        if self.separable:
            for table, difference in zip(self.tables, index, strict=True):
                total = total + table[difference]
        else:
            total = self.tables[0][tuple(index)]
        return total.expand(*self.shape, *self.shape).reshape(self.size, self.size)


def _toeplitz(table: Tensor) -> Tensor:
    """Cost matrix of an axis ``(n, n)`` from the costs of its displacements."""
    places = torch.arange((len(table) + 1) // 2, device=table.device)
    return table[places[None, :] - places[:, None] + len(places) - 1]


class FlatKernel(Kernel):
    """A dense kernel between grids whose pixels it sees as one row."""

    def __init__(self, dense: DenseKernel, shape: tuple[int, ...]) -> None:
        self.dense, self.shape = dense, shape

    @cached_property
    def T(self) -> FlatKernel:
        """The kernel from sources to targets."""
        return FlatKernel(self.dense.T, self.shape)

    def log_sum_exp(self, h: Tensor) -> Tensor:
        """Pair by pair; see `Kernel`."""
        return self.dense.log_sum_exp(h.flatten(-len(self.shape))).unflatten(-1, self.shape)

    def log_cost_sum_exp(self, h: Tensor) -> Tensor:
        """Pair by pair; see `Kernel`."""
        return self.dense.log_cost_sum_exp(h.flatten(-len(self.shape))).unflatten(-1, self.shape)


class FourierKernel(Kernel):
    """A convolution by Fourier transform, padded to twice the size, for kernels that span few orders of magnitude."""

    def __init__(self, table: Tensor, eps: float) -> None:
        self.table, self.eps = table, eps
        self.axes = tuple(range(-table.ndim, 0))
        self.padded = tuple(length + 1 for length in table.shape)
        # The correlation sum_y k(y - x) e(y), so the table is read backwards.
        flipped = table.flip(self.axes)
        self.spectrum = torch.fft.rfftn(torch.exp(-flipped / eps), s=self.padded, dim=self.axes)
        self.cost_spectrum = torch.fft.rfftn(flipped * torch.exp(-flipped / eps), s=self.padded, dim=self.axes)

    @cached_property
    def T(self) -> FourierKernel:
        """The kernel from sources to targets."""
        back = self.table.flip(self.axes)
        return self if torch.equal(back, self.table) else FourierKernel(back, self.eps)

    def log_sum_exp(self, h: Tensor) -> Tensor:
        """By Fourier transform; see `Kernel`."""
        return self._convolve(h, self.spectrum)

    def log_cost_sum_exp(self, h: Tensor) -> Tensor:
        """By Fourier transform; see `Kernel`."""
        return self._convolve(h, self.cost_spectrum)

    def _convolve(self, h: Tensor, spectrum: Tensor) -> Tensor:
        sizes = h.shape[-len(self.axes) :]
        peak = h.amax(self.axes, keepdim=True).clamp(min=-1e300)
        transformed = torch.fft.rfftn((h - peak).exp(), s=self.padded, dim=self.axes) * spectrum
        values = torch.fft.irfftn(transformed, s=self.padded, dim=self.axes)
        # Of a circular convolution of length 2n the samples n - 1 to 2n - 2 have not wrapped around.
        for axis, n in zip(self.axes, sizes, strict=True):
            values = values.narrow(axis, n - 1, n)
        return values.clamp(min=0).log() + peak
