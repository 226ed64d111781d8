"""Films whose network is one of k-space: samples on the grid, or where a trajectory has them (row 000-M4)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from otrecon.checks import check_complex
from otrecon.coil_images import combine, root_sum_of_squares
from otrecon.dynamic.models import FilmModel, check_energy, count_frames, given, observed_frames
from otrecon.fourier import ifft2c
from otrecon.inr import KSpaceINR, kspace_coordinates

__all__ = ["KSpaceFilm", "RadialKSpaceFilm"]


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
        self.count = count_frames(network, KSpaceINR)
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
        self.energy = check_energy(float(self.data.abs().double().square().sum()))

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
        self.count = count_frames(network, KSpaceINR)
        self.observed = observed_frames(self.count, "trajectories", ktrajs, data)
        weights = [None] * self.count if weights is None else weights
        if len(weights) != self.count:
            raise ValueError(f"{self.count} frames need as many weights, got {len(weights)}.")
        self.network, self.smaps = network, smaps
        self.places: dict[int, Tensor] = {}
        self.data: dict[int, Tensor] = {}
        self.weights: dict[int, Tensor] = {}
        for k in self.observed:
            samples, moment = given(data[k]), _moments(network)[k : k + 1]
            check_complex(samples, f"data of frame {k}")
            self.places[k] = kspace_coordinates(given(ktrajs[k]), times=moment)[0].to(samples.device)
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
        self.energy = check_energy(sum(energies))

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
