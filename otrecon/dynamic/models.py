"""Films as networks, beside what was measured of them: each frame's image and its misfit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn

from otrecon.checks import check_complex
from otrecon.coil_images import combine, root_sum_of_squares
from otrecon.dynamic.checks import check_frames
from otrecon.fourier import ifft2c
from otrecon.inr import ImageINR, KSpaceINR, LeastSquares, kspace_coordinates
from otrecon.operators import LinearOperator

__all__ = ["FilmModel", "ImageFilm", "KSpaceFilm", "RadialKSpaceFilm"]

T = TypeVar("T")


class FilmModel(nn.Module):
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

    def forward(self, frames: Tensor, drawn: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Give the misfit of some frames and the images of some, indices int64 ``(n,)``; by default of the same."""
        raise NotImplementedError

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
        self.count = _count(network, ImageINR)
        self.observed = _observed(self.count, "operators", operators, data)
        self.network = network
        self.terms = {k: LeastSquares(_given(operators[k]), _given(data[k])) for k in self.observed}
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


class KSpaceFilm(FilmModel):
    """A k-space network over moments and frequencies (row 000-M4), for samples on the grid.

    Parameters
    ----------
    network
        `KSpaceINR` with times.
    masks
        Bool ``(t, y, x)``: where samples were taken.
    data
        Samples ``(t, coil, y, x)``; what stands where no sample was taken is not looked at.
    smaps
        Coil sensitivities, by which coil images are combined; None: root of the sum of squares.

    Raises
    ------
    TypeError, ValueError
        If shapes do not fit, masks are not boolean, no frame has data, or they are zero or not finite.
    """

    def __init__(self, network: KSpaceINR, masks: Tensor, data: Tensor, *, smaps: Tensor | None = None) -> None:
        super().__init__()
        self.count = _count(network, KSpaceINR)
        check_complex(data, "data")
        if not isinstance(masks, Tensor) or masks.dtype != torch.bool:
            came = masks.dtype if isinstance(masks, Tensor) else type(masks).__name__
            raise TypeError(f"masks must be a boolean tensor, got {came}: write masks > 0.")
        expected = (self.count, network.coils, *network.im_size)
        if tuple(data.shape) != expected or tuple(masks.shape) != (expected[0], *expected[2:]):
            raise ValueError(
                f"masks and data must be {(expected[0], *expected[2:])} and {expected}, got {tuple(masks.shape)} and "
                f"{tuple(data.shape)}."
            )
        self.observed = tuple(k for k in range(self.count) if bool(masks[k].any()))
        if not self.observed:
            raise ValueError("no frame has data: the masks are False everywhere.")
        self.network, self.smaps = network, smaps
        self.masks, self.data = masks, torch.where(masks.unsqueeze(1), data, 0)
        self.energy = _energy(float(self.data.abs().double().square().sum()))

    def forward(self, frames: Tensor, drawn: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Give the misfit of some frames and the images of some; by default of the same."""
        needed = self._needed(frames, drawn)
        kspace = self.network.kspace(times=_moments(self.network)[needed])
        place = {k: i for i, k in enumerate(needed)}
        # Frames without data are in place only where they are drawn.
        looked = [k for k in frames.tolist() if k in place]
        masks = self.masks[looked].unsqueeze(1).to(kspace.device)
        error = (kspace[[place[k] for k in looked]] - self.data[looked].to(kspace.device)) * masks
        images = ifft2c(kspace if drawn is None else kspace[[place[k] for k in drawn.tolist()]])
        image = root_sum_of_squares(images) if self.smaps is None else combine(images, self.smaps)
        return error.abs().square().sum() / self.energy, image


class RadialKSpaceFilm(FilmModel):
    """A k-space network over moments and frequencies (row 000-M4), for samples on a trajectory of each frame's own.

    The network is asked where samples were taken: no Fourier transform stands in the misfit. Images are made of its
    values on the grid, zero outside the unit disc.

    Parameters
    ----------
    network
        `KSpaceINR` with times.
    ktrajs
        For each frame its trajectory ``(2, samples)`` in rad/voxel; None: no data.
    data
        For each frame its samples ``(coil, samples)``; None: no data.
    weights
        For each frame what its samples count, ``(samples,)``, such as their density compensation; None: all alike. The
        energy of the data, of which the misfit is a share, has the same weights.
    smaps
        Coil sensitivities, by which coil images are combined; None: root of the sum of squares, without a phase.

    Raises
    ------
    TypeError, ValueError
        If the lists do not fit the frames or one another, no frame has data, or the data are zero or not finite, or
        weights negative.
    """

    def __init__(
        self,
        network: KSpaceINR,
        ktrajs: Sequence[Tensor | None],
        data: Sequence[Tensor | None],
        *,
        weights: Sequence[Tensor | None] | None = None,
        smaps: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.count = _count(network, KSpaceINR)
        self.observed = _observed(self.count, "trajectories", ktrajs, data)
        weights = [None] * self.count if weights is None else weights
        if len(weights) != self.count:
            raise ValueError(f"{self.count} frames need as many weights, got {len(weights)}.")
        self.network, self.smaps = network, smaps
        self.places: dict[int, Tensor] = {}
        self.data: dict[int, Tensor] = {}
        self.weights: dict[int, Tensor] = {}
        for k in self.observed:
            samples, moment = _given(data[k]), _moments(network)[k : k + 1]
            check_complex(samples, f"data of frame {k}")
            self.places[k] = kspace_coordinates(_given(ktrajs[k]), times=moment)[0].to(samples.device)
            expected = (network.coils, len(self.places[k]))
            one = weights[k]
            one = samples.real.new_ones(expected[1]) if one is None else one.to(samples.real)
            if tuple(samples.shape) != expected or tuple(one.shape) != expected[1:]:
                raise ValueError(
                    f"frame {k} needs data {expected} and weights {expected[1:]}, got {tuple(samples.shape)} and "
                    f"{tuple(one.shape)}."
                )
            if not bool((one >= 0).all()):
                raise ValueError(f"weights of frame {k} must be at least 0, got {float(one.min())}.")
            self.data[k], self.weights[k] = samples, one
        energies = [float((self.weights[k] * self.data[k].abs().square()).sum()) for k in self.observed]
        self.energy = _energy(sum(energies))

    def misfit(self, frames: Tensor) -> Tensor:
        """Give the misfit of some frames, without their images."""
        asked = [k for k in frames.tolist() if k in self.places]
        if not asked:
            return torch.stack([one.sum() for one in self.network.parameters()]).sum() * 0
        predicted = self.network(torch.cat([self.places[k] for k in asked]))
        error = predicted - torch.cat([self.data[k] for k in asked], -1)
        return (torch.cat([self.weights[k] for k in asked]) * error.abs().square()).sum() / self.energy

    def forward(self, frames: Tensor, drawn: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Give the misfit of some frames and the images of some; by default of the same."""
        moments = _moments(self.network)[frames if drawn is None else drawn]
        return self.misfit(frames), self.network.image(self.smaps, times=moments)


def _moments(network: KSpaceINR) -> Tensor:
    if network.times is None:
        raise RuntimeError("the network has lost its times.")
    return network.times


def _count(network: ImageINR | KSpaceINR, kind: type[ImageINR] | type[KSpaceINR]) -> int:
    if not isinstance(network, kind):
        raise TypeError(f"network must be of class {kind.__name__}, got {type(network).__name__}.")
    if network.times is None:
        raise ValueError("the network is an image, without time: give it times=frame_times(...).")
    return len(network.times)


def _energy(energy: float) -> float:
    if not 0 < energy < math.inf:
        raise ValueError("the data are all zero, or not finite: there is nothing to fit.")
    return energy


def _observed(count: int, name: str, scans: Sequence[object], data: Sequence[Tensor | None]) -> tuple[int, ...]:
    if not len(scans) == len(data) == count:
        raise ValueError(f"{count} frames need as many {name} and data, got {len(scans)} and {len(data)}.")
    for k, (scan, samples) in enumerate(zip(scans, data, strict=True)):
        if (scan is None) != (samples is None):
            raise ValueError(f"frame {k} has one of {name} and data and not the other: give both, or None for both.")
    return check_frames("frames with data", [k for k, one in enumerate(data) if one is not None], count)


def _given(value: T | None) -> T:
    if value is None:
        raise RuntimeError("a frame without data was asked for its data.")
    return value
