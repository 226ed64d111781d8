"""The networks, and their priors."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from otrecon.dynamic import BarycenterPrior, FilmModel, ImageFilm, PriorSum, SpatialTV, TransportTargets
from otrecon.inr import ImageINR, KSpaceINR, Siren, frame_times
from otrecon.lab.heart.choices import KSPACE_STEPS, OMEGA_0, onset_share, spatial_weight_of, time_end, weight_of
from otrecon.lab.heart.scan import Scan
from otrecon.lab.heart.settings import HeartSettings
from otrecon.lab.late import draws, fit_late, onset, siren, steps_of_targets

__all__ = ["network"]


def network(config: HeartSettings, scan: Scan, folder: Path, *, progress: bool) -> tuple[Tensor, dict[str, Any]]:
    """Make the film ``(t, y, x)`` by a network, and say how its fit went."""
    kind, *priors = config.method.split(" + ")
    if kind == "k-space":
        config = dataclasses.replace(config, steps=KSPACE_STEPS * config.steps)
    model = (_image if kind == "image" else _kspace)(config, scan)
    generator, start = draws(config), onset(config, onset_share(config))
    prior = _prior(priors[0], config, scan, start, generator) if priors else None
    weight = 1.0 if prior is None else weight_of(config)
    spatial = spatial_weight_of(config) if "TV" in priors else None
    if prior is not None and spatial is not None:
        prior = PriorSum((prior, SpatialTV(len(scan.reference))), (weight, spatial))
    fitted = fit_late(
        model,
        prior,
        config,
        generator,
        start=start,
        weight=weight if spatial is None else 1.0,
        # The seed's sets in while a quarter of the way is left; started again, k-space networks never came back.
        restart="barycenter" not in priors,
        folder=folder,
        progress=progress,
    )
    return model.render(), {
        "weight_used": None if prior is None else weight,
        "spatial_weight_used": spatial,
        "fit_seconds": fitted.seconds,
        "prior_seconds": fitted.prior_seconds,
        "iterations": config.steps,
        "best_step": fitted.done.best_step,
        "best_loss": fitted.done.best_loss,
    }


def _siren(config: HeartSettings, kind: str, outputs: int) -> Siren:
    return siren(config, outputs, OMEGA_0[kind] if config.omega_0 is None else config.omega_0)


def _times(config: HeartSettings, kind: str, frames: int) -> Tensor:
    return frame_times(frames, end=time_end(config, kind))


def _image(config: HeartSettings, scan: Scan) -> FilmModel:
    frames, size = len(scan.reference), (int(scan.smaps.shape[-2]), int(scan.smaps.shape[-1]))
    inr = ImageINR(_siren(config, "image", 2), size, times=_times(config, "image", frames))
    return ImageFilm(inr.to(config.device), *scan.samples.single(scan.smaps))


def _kspace(config: HeartSettings, scan: Scan) -> FilmModel:
    frames, (coils, *size) = len(scan.reference), scan.smaps.shape
    inr = KSpaceINR(
        _siren(config, "k-space", 2 * coils),
        size,
        coils,
        times=_times(config, "k-space", frames),
        magnitude=scan.samples.largest,
        disc=scan.samples.disc,
    )
    return scan.samples.kspace_film(inr.to(config.device), scan.smaps if config.combination == "maps" else None)


def _prior(name: str, config: HeartSettings, scan: Scan, start: int, triplets: torch.Generator) -> nn.Module:
    if name == "barycenter":
        # Of frames that are still wrong it need not be exact: with the usual limits it takes most of the time.
        return BarycenterPrior(generator=triplets, tol=1e-2, max_iterations=20)
    return TransportTargets(
        len(scan.reference),
        (int(scan.smaps.shape[-2]), int(scan.smaps.shape[-1])),
        scan.observed,
        refresh=steps_of_targets(config, start),
        also_observed=not scan.missing,
        moves="edges" if name == "edges" else "mass",
        reach=config.reach,
    )
