"""A transport plan as a list of parcels: what leaves where, what arrives where, and how much."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

__all__ = ["ParcelPlan"]

_MAX_DENSE = 2**26


@dataclass(frozen=True, eq=False)
class ParcelPlan:
    """Parcels of mass, each from one pixel to another; an exact plan has fewer than pixels with mass in both measures.

    Attributes
    ----------
    source, target : Tensor
        Flat index of the pixel that each parcel leaves, and of the one that it reaches, ``(parcel,)``; row by row, as
        ``flatten`` counts.
    mass : Tensor
        Mass of each parcel, positive.
    shape, target_shape : tuple of int
        Shapes of the two measures.
    """

    source: Tensor
    target: Tensor
    mass: Tensor
    shape: tuple[int, ...]
    target_shape: tuple[int, ...]
    _landing: Tensor = field(repr=False)
    _places: Tensor | None = field(repr=False)

    @property
    def start(self) -> Tensor:
        """Where each parcel starts, ``(parcel, ndim)``, float64, in the unit of the grid's spacing."""
        return self._on_grid()[self.source]

    @property
    def end(self) -> Tensor:
        """Where each parcel arrives, ``(parcel, ndim)``, float64."""
        return self._on_grid()[self.target]

    def marginals(self) -> tuple[Tensor, Tensor]:
        """Mass that leaves each pixel and mass that reaches each: the two measures."""
        leaving = self.mass.new_zeros(math.prod(self.shape)).index_add(0, self.source, self.mass)
        arriving = self.mass.new_zeros(math.prod(self.target_shape)).index_add(0, self.target, self.mass)
        return leaving.reshape(self.shape), arriving.reshape(self.target_shape)

    def dense(self) -> Tensor:
        """Return the matrix of the plan, ``(n, m)``, n and m the numbers of pixels.

        Raises
        ------
        ValueError
            If it had more than 2**26 entries.
        """
        n, m = math.prod(self.shape), math.prod(self.target_shape)
        if n * m > _MAX_DENSE:
            raise ValueError(
                f"the matrix would have {n} x {m} entries; the parcels themselves say the same in less room."
            )
        return self.mass.new_zeros(n, m).index_put((self.source, self.target), self.mass)

    def map(self) -> Tensor:
        """Where the mass of each pixel goes on average, ``(*shape, ndim)``, in the unit of the grid's spacing.

        A pixel without mass goes where the potentials would send the first mass that appeared there.
        """
        places = self._on_grid()
        mass = self.mass.double()
        total = mass.new_zeros(len(places)).index_add(0, self.source, mass)
        moment = torch.zeros_like(places).index_add(0, self.source, mass[:, None] * places[self.target])
        image = torch.where(total[:, None] > 0, moment / total.clamp(min=1e-300)[:, None], places[self._landing])
        return image.reshape(*self.shape, -1).to(self.mass.dtype)

    def splits(self) -> Tensor:
        """Into how many parcels each pixel is split: 0 without mass, 1 where a map would do, ``shape``."""
        return torch.bincount(self.source, minlength=math.prod(self.shape)).reshape(self.shape)

    def check_unit(self, shape: tuple[int, ...], spacing: tuple[float, ...]) -> None:
        """Raise ValueError for a grid of as many pixels and another spacing: another unit, by all appearance."""
        last = self._on_grid()[-1].tolist()
        here = [step * (n - 1) for n, step in zip(shape, spacing, strict=True)] if shape == self.shape else last
        if any(abs(one - other) > 1e-9 * max(one, other) for one, other in zip(last, here, strict=True)):
            raise ValueError(
                f"the transport's grid ends at {last}, this one of as many pixels at {here}: give the spacing of the "
                "transport."
            )

    def _on_grid(self) -> Tensor:
        if self._places is None:
            raise TypeError(
                "a Dense cost knows no places, only costs; use a Grid or a Convolution for positions and maps."
            )
        return self._places.to(self.mass.device)
