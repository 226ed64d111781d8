"""A rat's heart on Cartesian lines: motion and blood flow that no phantom has, and a data crime."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from otrecon.data import fetch, load_rat_cine
from otrecon.dynamic import FilmModel, KSpaceFilm
from otrecon.fourier import fft2c, ifft2c
from otrecon.inr import KSpaceINR
from otrecon.lab.heart.scan import Samples, Scan
from otrecon.lab.heart.settings import HeartSettings
from otrecon.mri import CartesianFilm, CartesianMRI, variable_density_lines
from otrecon.operators import LinearOperator

__all__ = ["LineSamples", "line_scan", "rat_scan"]


@dataclass(frozen=True, eq=False)
class LineSamples(Samples):
    """Samples ``(t, coil, y, x)`` on the grid, and where they are, bool ``(t, y, x)``."""

    masks: Tensor
    kdata: Tensor
    disc: bool = False

    @property
    def largest(self) -> float:
        """The largest modulus."""
        return float((self.kdata * self.masks.unsqueeze(1)).abs().max())

    def film(self, smaps: Tensor) -> tuple[LinearOperator, Tensor]:
        """Operator of all frames, and what it should give."""
        return CartesianFilm(self.masks, smaps), self.kdata * self.masks.unsqueeze(1)

    def single(self, smaps: Tensor) -> tuple[list[LinearOperator | None], list[Tensor | None]]:
        """Give the same, frame by frame."""
        some = [bool(mask.any()) for mask in self.masks]
        operators: list[LinearOperator | None] = [
            CartesianMRI(mask, smaps) if there else None for mask, there in zip(self.masks, some, strict=True)
        ]
        return operators, [
            kdata * mask if there else None for kdata, mask, there in zip(self.kdata, self.masks, some, strict=True)
        ]

    def some(self, frames: Sequence[int]) -> LineSamples:
        """Leave out all frames but these."""
        return LineSamples(self.masks[list(frames)], self.kdata[list(frames)])

    def kspace_film(self, network: KSpaceINR, smaps: Tensor | None) -> FilmModel:
        """Make a network of k-space a film with these samples."""
        return KSpaceFilm(network, self.masks, self.kdata, smaps=smaps)


def rat_scan(config: HeartSettings, folder: Path) -> Scan:
    """Take lines of k-space that is made of the magnitude images of ``rat-cine``.

    Raises
    ------
    DataUnavailableError
        If they are not here and cannot be had.
    """
    del folder
    return line_scan(config, _rat())


def line_scan(config: HeartSettings, images: Tensor) -> Scan:
    """Leave out lines and frames of a film of magnitudes ``(t, y, x)``, at the resolution of ``config.size`` pixels."""
    frames, height, width = images.shape
    size = min(config.size, height, width)
    top, left = height // 2 - size // 2, width // 2 - size // 2
    kdata = fft2c(images.to(torch.complex64))[:, None, top : top + size, left : left + size]
    kdata = kdata / ifft2c(kdata).abs().max()
    step = 1 if config.sampling == "every frame" else 2
    observed = list(range(0, frames, step))
    generator = torch.Generator().manual_seed(9000 + config.seed)
    kept = torch.zeros((frames, size, size), dtype=torch.bool)
    held = torch.zeros_like(kept)
    for k in observed:
        kept[k] = variable_density_lines((size, size), config.acceleration, generator=generator, axis="y").mask
        lines = kept[k, :, 0].nonzero()[:, 0]
        # The centre stays: without the mean of a frame nothing can be predicted.
        outer = lines[(lines - size // 2).abs() > 2]
        share = max(1, round(config.held_out * len(lines))) if config.held_out else 0
        held[k, outer[torch.randperm(len(outer), generator=generator)[:share]]] = True
    kept &= ~held
    device = torch.device(config.device)
    kdata = kdata.to(device)
    return Scan(
        ifft2c(kdata)[:, 0].abs().cpu(),
        observed,
        [k for k in range(observed[-1]) if k not in observed],
        torch.ones((1, size, size), dtype=torch.complex64, device=device),
        LineSamples(kept.to(device), kdata),
        LineSamples(held.to(device), kdata) if config.held_out else None,
        LineSamples(torch.ones_like(kept).to(device), kdata),
    )


@functools.lru_cache(maxsize=1)
def _rat() -> Tensor:
    return load_rat_cine(fetch("rat-cine", "dataCine8fr.mat"))
