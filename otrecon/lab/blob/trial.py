"""One run on the moving blob: scan it, reconstruct it, judge it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from otrecon.dynamic import (
    BarycenterPrior,
    FilmFit,
    TransportTargets,
    WassersteinPath,
    barycentric_frames,
    fit_film,
    linear_frames,
    nearest_observed,
)
from otrecon.inr import ImageINR, KSpaceINR, LeastSquares, Siren, frame_times
from otrecon.lab.blob.settings import BlobSettings
from otrecon.metrics import psnr, ssim
from otrecon.mri import CartesianFilm
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
        self.missing = [k for k in range(self.observed[-1]) if k not in self.observed]
        self.operator = CartesianFilm(self.masks)
        self.data = self.operator(self.truth + 0j)

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
        frame; ``fit_seconds``, and ``prior_seconds`` that the prior took of them; ``best_step``; and ``film``
        ``(t, y, x)``.
    """
    scan = Scan(config)
    if config.model == "none":
        film = _control(config.prior, scan)
        return {**scan.judge(film), "fit_seconds": 0.0, "prior_seconds": 0.0, "best_step": 0, "film": film.abs()}
    model, data, film = (_image if config.model == "image" else _kspace)(config, scan)
    triplets = torch.Generator().manual_seed(7000 + config.seed)
    prior = _prior(config, scan, triplets)
    clock = _Clock(prior)
    start = 0 if prior is None else config.steps // 7 if config.prior == "targets" else config.steps - config.late
    problem = FilmFit(model, data, film, prior, weight=config.weight, start=start)
    problem.to(config.device)
    begun = time.perf_counter()
    done = fit_film(
        problem,
        config.steps,
        lr=config.lr,
        generator=triplets,
        checkpoint=folder / "fit.pt",
        checkpoint_every=max(1, config.steps // 10),
        progress=progress,
    )
    seconds = time.perf_counter() - begun
    with torch.no_grad():
        found = film().detach().cpu()
    return {
        **scan.judge(found),
        "fit_seconds": round(seconds, 2),
        "prior_seconds": round(clock.seconds, 2),
        "best_step": done.best_step,
        "film": found.abs(),
    }


Parts = tuple[nn.Module, Callable[[], Tensor], Callable[[], Tensor]]


def _image(config: BlobSettings, scan: Scan) -> Parts:
    network = _siren(config, 2)
    model = ImageINR(network, (config.size, config.size), times=_times(config)).to(config.device)
    misfit = LeastSquares(scan.operator.to(config.device), scan.data.to(config.device))
    scale = _scale(config, scan)
    return model, lambda: scale * misfit(model()), model


def _kspace(config: BlobSettings, scan: Scan) -> Parts:
    top = float(scan.data.abs().max())
    size = (config.size, config.size)
    model = KSpaceINR(_siren(config, 2), size, 1, times=_times(config), magnitude=top, disc=False).to(config.device)
    data, energy = scan.data.to(config.device), float(scan.data.abs().square().sum())
    where = scan.masks.to(config.device)
    scale = _scale(config, scan)

    def misfit() -> Tensor:
        # Frames without data need no network; lines that were left out do, as all of a frame is asked at once.
        frames = scan.observed
        samples = model.kspace(times=_times(config)[frames])[:, 0]
        error = (samples - data[frames, 0]) * where[frames]
        return scale * error.abs().square().sum() / energy

    def film() -> Tensor:
        return model.image(torch.ones(1, *size, dtype=torch.complex64, device=config.device))

    return model, misfit, film


def _siren(config: BlobSettings, outputs: int) -> Siren:
    generator = torch.Generator().manual_seed(config.seed)
    return Siren(3, config.width, config.hidden_layers, outputs, omega_0=config.omega_0, generator=generator)


def _times(config: BlobSettings) -> Tensor:
    start = -1.0 if config.time_end == 2 else 0.0
    return frame_times(config.frames, start=start, end=start + config.time_end)


def _scale(config: BlobSettings, scan: Scan) -> float:
    """From a share of the data's energy to the seed's unit; our own prior keeps the share."""
    if config.prior == "targets":
        return 1.0
    half = float(scan.data.abs().square().sum()) / 2
    return half if config.reduction == "sum" else half / int(scan.masks.sum())


def _prior(config: BlobSettings, scan: Scan, triplets: torch.Generator) -> nn.Module | None:
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
        refresh=max(1, config.steps // 12),
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


class _Clock:
    """Seconds that a prior takes, forward; its way back is a few products."""

    def __init__(self, prior: nn.Module | None) -> None:
        self.seconds = self.begun = 0.0
        if prior is not None:
            prior.register_forward_pre_hook(self._start)
            prior.register_forward_hook(self._stop)

    def _start(self, *_: object) -> None:
        self.begun = time.perf_counter()

    def _stop(self, *_: object) -> None:
        self.seconds += time.perf_counter() - self.begun
