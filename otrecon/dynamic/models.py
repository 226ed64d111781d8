"""Films as networks, beside what was measured of them; and the one whose network is an image."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn

from otrecon.dynamic.checks import check_frames
from otrecon.inr import ImageINR, KSpaceINR, LeastSquares
from otrecon.operators import LinearOperator

__all__ = ["FilmModel", "ImageFilm", "check_energy", "count_frames", "given", "observed_frames"]

T = TypeVar("T")


class FilmModel(nn.Module, ABC):
    """A film that is a network.

    ``model(frames)`` gives the misfit of these frames, a real scalar, and their images ``(n, y, x)``. The misfit is a
    share of the energy of all data, ``|A u - y|^2 / |y|^2``: summed over all frames it is that of the film.
    ``model(frames, drawn)`` gives the same misfit beside the images of other frames, and draws no more than both need.

    Attributes
    ----------
    count
        Number of frames.
    observed
        Frames that have data.
    """

    count: int
    observed: tuple[int, ...]

    @abstractmethod
    def forward(self, frames: Tensor, drawn: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Give the misfit of some frames and the images of some, indices int64 ``(n,)``; by default of the same."""

    def misfit(self, frames: Tensor) -> Tensor:
        """Give the misfit of some frames alone: for a fit without a prior, or before it sets in."""
        return self(frames)[0]

    @torch.no_grad()
    def render(self) -> Tensor:
        """Draw all frames ``(t, y, x)``, one at a time."""
        return torch.cat([self(torch.tensor([k]))[1] for k in range(self.count)])

    def _needed(self, frames: Tensor, drawn: Tensor | None) -> list[int]:
        """List the frames that are to be drawn, each once: those asked for, and those whose data are looked at."""
        if drawn is None:
            return [int(k) for k in frames]
        return sorted({*drawn.tolist(), *(k for k in frames.tolist() if k in self.observed)})


class ImageFilm(FilmModel):
    """An image network over places and moments (row 000-M3).

    Parameters
    ----------
    network
        `ImageINR` with times.
    operators
        For each frame the forward model of an image, such as :class:`~otrecon.mri.RadialMRI`; None: no data.
    data
        For each frame its data, of ``operator.range``; None: no data.

    Raises
    ------
    TypeError, ValueError
        If the lists do not fit the frames, no frame has data, or a frame's are zero or not finite.
    """

    def __init__(
        self, network: ImageINR, operators: Sequence[LinearOperator | None], data: Sequence[Tensor | None]
    ) -> None:
        super().__init__()
        self.count = count_frames(network, ImageINR)
        self.observed = observed_frames(self.count, "operators", operators, data)
        self.network = network
        self.terms = {k: LeastSquares(given(operators[k]), given(data[k])) for k in self.observed}
        self.energy = sum(term.energy for term in self.terms.values())

    def forward(self, frames: Tensor, drawn: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Give the misfit of some frames and the images of some; by default of the same."""
        needed = self._needed(frames, drawn)
        pixels = self.network.shape[0] * self.network.shape[1]
        places = torch.tensor(needed)[:, None] * pixels + torch.arange(pixels)
        images = self.network(places.flatten()).unflatten(0, (len(needed), *self.network.shape))
        image = dict(zip(needed, images, strict=True))
        terms = [
            self.terms[k](image[k]) * (self.terms[k].energy / self.energy) for k in frames.tolist() if k in self.terms
        ]
        misfit = torch.stack(terms).sum() if terms else images.real.sum() * 0
        return misfit, images if drawn is None else torch.stack([image[k] for k in drawn.tolist()])


def count_frames(network: ImageINR | KSpaceINR, kind: type[ImageINR] | type[KSpaceINR]) -> int:
    """Count the moments of a network of the right kind, or raise TypeError or ValueError."""
    if not isinstance(network, kind):
        raise TypeError(f"network must be of class {kind.__name__}, got {type(network).__name__}.")
    if network.times is None:
        raise ValueError("the network is an image, without time: give it times=frame_times(...).")
    return len(network.times)


def check_energy(energy: float) -> float:
    """Return the energy of data that can be fitted, or raise ValueError."""
    if not 0 < energy < math.inf:
        raise ValueError("the data are all zero, or not finite: there is nothing to fit.")
    return energy


def observed_frames(count: int, name: str, scans: Sequence[object], data: Sequence[Tensor | None]) -> tuple[int, ...]:
    """List the frames that have data and what they were measured by, or raise ValueError."""
    if not len(scans) == len(data) == count:
        raise ValueError(f"{count} frames need as many {name} and data, got {len(scans)} and {len(data)}.")
    for k, (scan, samples) in enumerate(zip(scans, data, strict=True)):
        if (scan is None) != (samples is None):
            raise ValueError(f"frame {k} has one of {name} and data and not the other: give both, or None for both.")
    return check_frames("frames with data", [k for k, one in enumerate(data) if one is not None], count)


def given(value: T | None) -> T:
    """Return what is known to be there."""
    if value is None:
        raise RuntimeError("a frame without data was asked for its data.")
    return value
