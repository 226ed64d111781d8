"""A beating heart on spokes: a file of the Harvard collection, the user's own or a simulated one."""

from __future__ import annotations

import functools
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from otrecon.coil_images import combine, root_sum_of_squares
from otrecon.data import RadialCine, load_radial_cine, radial_cine_trajectory, save_radial_cine
from otrecon.dynamic import FilmModel, RadialKSpaceFilm
from otrecon.fourier import fft2c, ifft2c
from otrecon.grid import normalised_coordinates
from otrecon.inr import KSpaceINR
from otrecon.lab.heart.scan import Samples, Scan, full
from otrecon.lab.heart.settings import HeartSettings
from otrecon.mri import (
    NUFFT,
    RadialFilm,
    RadialMRI,
    add_noise,
    compress_coils,
    espirit,
    interleaved_spokes,
    pipe_density,
    radial_density,
)
from otrecon.operators import LinearOperator
from otrecon.phantoms import cardiac_phantom, ring_coils

__all__ = ["RadialSamples", "radial_scan", "simulate"]

# The phantom's spokes agree to 1.00, and to 0.00 where spokes and coils are mistaken for each other.
_AGREEMENT = 0.25


@dataclass(frozen=True, eq=False)
class RadialSamples(Samples):
    """Spokes of the frames: for each its trajectory, samples as measured, and density; None where it has none."""

    ktrajs: list[Tensor | None]
    kdata: list[Tensor | None]
    dcomp: list[Tensor | None]

    @classmethod
    def of(cls, cine: RadialCine, spokes: Sequence[Tensor | None]) -> RadialSamples:
        """Take some spokes of each frame."""
        readout = cine.kdata.shape[-1]
        everything = cine.ktraj.unflatten(1, (-1, readout))
        ktrajs = [None if one is None else everything[:, one].flatten(1) for one in spokes]
        kdata = [None if one is None else cine.kdata[k][:, one].flatten(1) for k, one in enumerate(spokes)]
        return cls(ktrajs, kdata, [None if one is None else density(one, cine) for one in ktrajs])

    def film(self, smaps: Tensor) -> tuple[LinearOperator, Tensor]:
        """Operator of all frames, weighed by density, and what it should give."""
        size = (int(smaps.shape[-2]), int(smaps.shape[-1]))
        film = RadialFilm(self.ktrajs, size, smaps, dcomp=self.dcomp)
        weighted = film.density_weighted()
        return weighted, weighted.weigh(film.join(self.kdata))

    def single(self, smaps: Tensor) -> tuple[list[LinearOperator | None], list[Tensor | None]]:
        """Give the same, frame by frame."""
        size = (int(smaps.shape[-2]), int(smaps.shape[-1]))
        operators: list[LinearOperator | None] = []
        data: list[Tensor | None] = []
        for ktraj, kdata, dcomp in zip(self.ktrajs, self.kdata, self.dcomp, strict=True):
            if ktraj is None or kdata is None:
                operators.append(None)
                data.append(None)
            else:
                weighted = RadialMRI(ktraj, size, smaps, dcomp=dcomp).density_weighted()
                operators.append(weighted)
                data.append(weighted.weigh(kdata))
        return operators, data

    @property
    def largest(self) -> float:
        """The largest modulus."""
        return max(float(one.abs().max()) for one in self.kdata if one is not None)

    def some(self, frames: Sequence[int]) -> RadialSamples:
        """Leave out all frames but these."""
        return RadialSamples(*([each[k] for k in frames] for each in (self.ktrajs, self.kdata, self.dcomp)))

    def kspace_film(self, network: KSpaceINR, smaps: Tensor | None) -> FilmModel:
        """Make a network of k-space a film with these samples, which count by the area that they stand for."""
        return RadialKSpaceFilm(network, self.ktrajs, self.kdata, weights=self.dcomp, smaps=smaps)

    def on(self, device: torch.device) -> RadialSamples:
        """Move everything to a device."""
        lists = (self.ktrajs, self.kdata, self.dcomp)
        return RadialSamples(*([None if one is None else one.to(device) for one in each] for each in lists))


def radial_scan(config: HeartSettings, folder: Path, *, progress: bool = False) -> Scan:
    """Read a file, the user's or a simulated one, and leave out spokes and frames.

    Raises
    ------
    ValueError
        If there is no such file or it cannot be read, has too few frames or spokes, or axes in another order.
    """
    if config.file is None:
        # The file of this very scan, from before an interruption: its name tells it from others in the folder.
        facts = (config.size, config.frames, config.spokes, config.coils, f"{config.snr:g}", config.seed)
        path = folder / f"phantom-{'-'.join(map(str, facts))}.mat"
        if not path.exists():
            save_radial_cine(path, simulate(config))
    else:
        path = Path(config.file).expanduser()
    cine = load_radial_cine(path)
    frames, coils, spokes, _ = cine.kdata.shape
    if progress or config.file is not None:
        height, width = cine.im_size
        sys.stderr.write(f"{path.name}: {frames} frames of {spokes} spokes, {coils} coils, {height} x {width} pixels\n")
    if (agreement := _agreement(cine)) < _AGREEMENT:
        raise ValueError(
            f"the {spokes} spokes of a frame of {path} have {agreement:.0%} of the energy at the centre of k-space in "
            "common, where all of them should measure the same: the axes of data are in another order than (1, frame, "
            "readout, spoke, coil, 2), or k = 0 is not in the middle of the readout."
        )
    if frames < 3 or spokes < 2 * config.acceleration:
        raise ValueError(
            f"{path} has {frames} frames of {spokes} spokes: at least 3 frames and {2 * config.acceleration} spokes "
            f"are needed at acceleration={config.acceleration}; acceleration=1 takes all spokes."
        )
    if coils > config.coils:
        cine = _with(cine, compress_coils(cine.kdata, config.coils).kdata)
    step = 1 if config.sampling == "every frame" else 2
    observed = list(range(0, frames, step))
    kept: list[Tensor | None] = [None] * frames
    held: list[Tensor | None] = [None] * frames
    generator = torch.Generator().manual_seed(11000 + config.seed)
    for k in observed:
        chosen = interleaved_spokes(spokes, config.acceleration, k)
        share = max(1, round(config.held_out * len(chosen))) if config.held_out else 0
        order = torch.randperm(len(chosen), generator=generator)
        held[k] = chosen[order[:share].sort().values] if share else None
        kept[k] = chosen[order[share:].sort().values]
    mean, shared = _mean_frame(cine, kept)
    smaps, peak = _maps(mean, shared, cine)
    cine = _with(cine, cine.kdata / peak)
    device = torch.device(config.device)
    smaps = smaps.to(device)
    every = RadialSamples.of(cine, [torch.arange(spokes)] * frames).on(device)
    if config.file is None:
        reference = _reference(config.size, config.frames, config.coils) / peak
    else:
        reference = full(every, smaps).abs()
    return Scan(
        reference,
        observed,
        [k for k in range(observed[-1]) if k not in observed],
        smaps,
        RadialSamples.of(cine, kept).on(device),
        RadialSamples.of(cine, held).on(device) if config.held_out else None,
        every,
    )


def _agreement(cine: RadialCine) -> float:
    """Share of the energy at k = 0 that the spokes of a frame have in common, as all of them pass there."""
    center = cine.kdata[..., cine.center]
    return float(center.mean(-1).abs().square().sum() / center.abs().square().mean(-1).sum())


def simulate(config: HeartSettings) -> Tensor:
    """K-space ``(frame, coil, spoke, readout)`` of the phantom by its formula, with noise: no grid was involved."""
    exact = _exact(config.size, config.frames, config.spokes, config.coils)
    generator = torch.Generator().manual_seed(9000 + config.seed)
    noisy = add_noise(exact, snr=config.snr, signal=1.0, generator=generator)
    return noisy.unflatten(-1, (config.spokes, 2 * config.size))


@functools.lru_cache(maxsize=1)
def _exact(n: int, frames: int, spokes: int, coils: int) -> Tensor:
    """K-space without noise, kept for the next run of a plan: it is the same, and takes longer than many a method."""
    ktraj, _ = radial_cine_trajectory(spokes, n, 3 * n - 1, center=2 * n, grid=2 * n)
    return cardiac_phantom(frames).kspace(ktraj, (n, n), coils=ring_coils(coils))


def density(ktraj: Tensor, cine: RadialCine) -> Tensor:
    """Density of the spokes of a frame: the ramp, or for an asymmetric echo, which has no formula, iterated."""
    readout = cine.kdata.shape[-1]
    if readout % 2 == 0 and cine.center == readout // 2:
        return radial_density(ktraj, cine.im_size, samples=readout).float()
    return pipe_density(ktraj, cine.im_size).dcomp.float()


def _with(cine: RadialCine, kdata: Tensor) -> RadialCine:
    return RadialCine(**{**vars(cine), "kdata": kdata})


def _mean_frame(cine: RadialCine, kept: Sequence[Tensor | None]) -> tuple[Tensor, Tensor]:
    """Mean over time of each spoke that a frame has, and which spokes these are."""
    spokes = cine.kdata.shape[2]
    total = torch.zeros_like(cine.kdata[0])
    count = torch.zeros(spokes)
    for k, chosen in enumerate(kept):
        if chosen is not None:
            total[:, chosen] += cine.kdata[k][:, chosen]
            count[chosen] += 1
    shared = count.nonzero()[:, 0]
    return total[:, shared] / count[shared, None], shared


def _maps(mean: Tensor, shared: Tensor, cine: RadialCine) -> tuple[Tensor, float]:
    """Coil sensitivities from the gridded mean frame, and the peak of its image."""
    readout = cine.kdata.shape[-1]
    ktraj = cine.ktraj.unflatten(1, (-1, readout))[:, shared].flatten(1)
    images = NUFFT(ktraj, cine.im_size).adjoint(density(ktraj, cine) * mean.flatten(1))
    center = max(8, min(24, min(cine.im_size) // 3))
    smaps = espirit(fft2c(images), calibration=center, crop=0.0)
    return smaps, float(combine(images, smaps).abs().max())


@functools.lru_cache(maxsize=1)
def _reference(n: int, frames: int, coil_count: int) -> Tensor:
    """Show the phantom by all of k-space within the disc of the spokes, without noise.

    Coils are combined so that noise is the same everywhere: the phantom times the root of the sum of their squares,
    which is what maps of unit norm lead to.
    """
    size = (n, n)
    coils = ring_coils(coil_count)
    y, x = normalised_coordinates(size)
    kspace = cardiac_phantom(frames).cartesian_kspace(size, coils=coils) * (y**2 + x**2 <= 1)
    smaps = coils.maps(size)
    return combine(ifft2c(kspace), smaps / root_sum_of_squares(smaps)).abs()
