"""One run on the moving blob: scan it, reconstruct it, judge it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from otrecon.dynamic import (
    BarycenterPrior,
    ImageFilm,
    KSpaceFilm,
    TransportTargets,
    WassersteinPath,
    barycentric_frames,
    linear_frames,
    nearest_observed,
)
from otrecon.inr import ImageINR, KSpaceINR, frame_times
from otrecon.lab.blob.settings import BEGIN, WEIGHTS, BlobSettings
from otrecon.lab.late import draws, fit_late, onset, siren, steps_of_targets
from otrecon.metrics import psnr, ssim
from otrecon.mri import CartesianFilm, CartesianMRI
from otrecon.phantoms import moving_blob

__all__ = ["Scan", "trial"]


class Scan:
    """A film, what was measured of it, and which frames are to be judged as observed and as missing.

    Missing frames after the last observed one are not judged: nothing says how the film goes on.
    """

    def __init__(self, config: BlobSettings) -> None:
        size = (config.size, config.size)
        self.truth = moving_blob(config.frames, size)
        self.observed = list(range(config.frames))
        if config.sampling == "lines":
            self.masks = _lines(config)
        else:
            self.observed = self.observed[:: 2 if config.sampling == "every second frame" else 3]
            self.masks = torch.zeros((config.frames, *size), dtype=torch.bool)
            self.masks[self.observed] = True
        self.held = _held_out(self.masks, config.held_out, config.seed)
        self.masks &= ~self.held
        self.missing = [k for k in range(self.observed[-1]) if k not in self.observed]
        self.operator = CartesianFilm(self.masks)
        self.data = self.operator(self.truth + 0j)

    def predicted(self, film: Tensor) -> float | None:
        """Error of the samples that were kept from the fit, relative to them; None where none were."""
        if not self.held.any():
            return None
        kept = CartesianFilm(self.held)
        truth = kept(self.truth + 0j)
        return round(float((kept(film.cpu() + 0j) - truth).norm() / truth.norm()), 6)

    def judge(self, film: Tensor) -> dict[str, float | None]:
        """PSNR and SSIM of the moduli, on observed and on missing frames: means over frames."""
        film = film.abs().cpu()
        found: dict[str, float | None] = {}
        for name, frames in (("observed", self.observed), ("missing", self.missing)):
            for metric, score in (("psnr", psnr), ("ssim", ssim)):
                values = score(film[frames], self.truth[frames], data_range=1.0) if frames else None
                found[f"{metric}_{name}"] = None if values is None else round(float(values.mean()), 4)
        return found


def trial(config: BlobSettings, *, folder: Path, progress: bool) -> dict[str, Any]:
    """Run one setting.

    Returns
    -------
    dict
        ``psnr_observed``, ``psnr_missing`` in dB and ``ssim_observed``, ``ssim_missing``, None where there is no such
        frame; ``held_out_error``, None where nothing was kept from the fit; ``fit_seconds``, and ``prior_seconds`` that
        the prior took of them; ``best_step``; and the tensor ``film``, ``(t, y, x)``.
    """
    scan = Scan(config)
    if config.model == "none":
        film = _control(config.prior, scan)
        spent = {"fit_seconds": 0.0, "prior_seconds": 0.0, "best_step": 0}
        return {**scan.judge(film), **spent, "held_out_error": scan.predicted(film), "film": film.abs()}
    model = (_image if config.model == "image" else _kspace)(config, scan)
    generator, start = draws(config), onset(config, BEGIN[config.prior] if config.begin is None else config.begin)
    fitted = fit_late(
        model,
        _prior(config, scan, start, generator),
        config,
        generator,
        start=start,
        weight=_weight(config),
        scale=1.0 if config.prior == "targets" else _half_energy(config, scan),
        folder=folder,
        progress=progress,
    )
    film = model.render().cpu()
    return {
        **scan.judge(film),
        "fit_seconds": fitted.seconds,
        "prior_seconds": fitted.prior_seconds,
        "best_step": fitted.done.best_step,
        "held_out_error": scan.predicted(film),
        "film": film.abs(),
    }


def _weight(config: BlobSettings) -> float:
    if config.weight is not None:
        return config.weight
    return WEIGHTS[config.model][config.sampling] if config.prior == "targets" else 1.0


def _image(config: BlobSettings, scan: Scan) -> ImageFilm:
    network = ImageINR(siren(config, 2, config.omega_0), (config.size, config.size), times=_times(config))
    operators = [CartesianMRI(mask).to(config.device) if mask.any() else None for mask in scan.masks]
    data = [one.to(config.device) if mask.any() else None for one, mask in zip(scan.data, scan.masks, strict=True)]
    return ImageFilm(network.to(config.device), operators, data)


def _kspace(config: BlobSettings, scan: Scan) -> KSpaceFilm:
    top, size = float(scan.data.abs().max()), (config.size, config.size)
    inside = siren(config, 2, config.omega_0)
    network = KSpaceINR(inside, size, 1, times=_times(config), magnitude=top, disc=False).to(config.device)
    one_coil = torch.ones(1, *size, dtype=torch.complex64, device=config.device)
    return KSpaceFilm(network, scan.masks, scan.data, smaps=one_coil)


def _times(config: BlobSettings) -> Tensor:
    start = -1.0 if config.time_end == 2 else 0.0
    return frame_times(config.frames, start=start, end=start + config.time_end)


def _half_energy(config: BlobSettings, scan: Scan) -> float:
    """From a share of the data's energy to the seed's unit: half of squared errors, their sum or their mean."""
    half = float(scan.data.abs().square().sum()) / 2
    return half if config.reduction == "sum" else half / int(scan.masks.sum())


def _prior(config: BlobSettings, scan: Scan, start: int, triplets: torch.Generator) -> nn.Module | None:
    if config.prior == "none":
        return None
    if config.prior == "Wasserstein":
        return WassersteinPath(reduction=config.reduction)
    if config.prior == "barycenter":
        return BarycenterPrior(reduction=config.reduction, generator=triplets)
    return TransportTargets(
        config.frames,
        (config.size, config.size),
        scan.observed,
        refresh=steps_of_targets(config, start),
        also_observed=config.sampling == "lines",
    )


def _control(name: str, scan: Scan) -> Tensor:
    frames = scan.operator.adjoint(scan.data)
    if name == "zero-filled":
        return frames
    if name == "nearest frame":
        return nearest_observed(frames, scan.observed)
    return linear_frames(frames, scan.observed) if name == "linear" else barycentric_frames(frames, scan.observed)


def _lines(config: BlobSettings) -> Tensor:
    """Central phase encodings in every frame, and others drawn for each."""
    first = config.size // 2 - config.central // 2
    central = range(first, first + config.central)
    others = torch.tensor([line for line in range(config.size) if line not in central])
    generator = torch.Generator().manual_seed(9000 + config.seed)
    masks = torch.zeros((config.frames, config.size, config.size), dtype=torch.bool)
    masks[:, first : first + config.central] = True
    for mask in masks:
        mask[others[torch.randperm(len(others), generator=generator)[: config.outer]]] = True
    return masks


def _held_out(masks: Tensor, share: float, seed: int) -> Tensor:
    """Draw single samples among those that were taken."""
    generator = torch.Generator().manual_seed(11000 + seed)
    return masks & (torch.rand(masks.shape, generator=generator) < share)
