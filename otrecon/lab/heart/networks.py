"""The networks, and their priors."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from otrecon.dynamic import BarycenterPrior, FilmFit, FilmModel, ImageFilm, TransportTargets, fit_film
from otrecon.inr import ImageINR, KSpaceINR, Siren, cosine, frame_times
from otrecon.lab.heart.scan import Scan
from otrecon.lab.heart.settings import BEGIN, KSPACE_STEPS, OMEGA_0, TIME_END, WEIGHTS, HeartSettings
from otrecon.lab.late import Clock, restarted

__all__ = ["network"]


def network(config: HeartSettings, scan: Scan, folder: Path, *, progress: bool) -> tuple[Tensor, dict[str, Any]]:
    """Make the film ``(t, y, x)`` by a network, and say how its fit went."""
    kind, _, prior_name = config.method.partition(" + ")
    model = (_image if kind == "image" else _kspace)(config, scan)
    triplets = torch.Generator().manual_seed(7000 + config.seed)
    steps = config.steps * (KSPACE_STEPS if kind == "k-space" else 1)
    start = min(steps - 1, round(steps * _begin(config, prior_name)))
    prior = _prior(prior_name, config, scan, steps - start, triplets)
    weight = 1.0
    if prior is not None:
        weight = WEIGHTS[config.method][config.sampling] if config.weight is None else config.weight
    problem = FilmFit(model, prior, weight=weight, start=0 if prior is None else start).to(config.device)
    clock, begun = Clock(prior), time.perf_counter()
    done = fit_film(
        problem,
        steps,
        lr=config.lr,
        schedule=cosine if prior is None else restarted(start / steps),
        batch=None if config.batch is None else min(config.batch, len(problem.pool)),
        generator=triplets,
        checkpoint=folder / "fit.pt",
        checkpoint_every=max(1, steps // 10),
        progress=progress,
    )
    seconds = time.perf_counter() - begun
    return model.render(), {
        "weight_used": None if prior is None else weight,
        "fit_seconds": round(seconds, 2),
        "prior_seconds": round(clock.seconds, 2),
        "iterations": steps,
        "best_step": done.best_step,
        "best_loss": done.best_loss,
    }


def _begin(config: HeartSettings, prior: str) -> float:
    usual = BEGIN.get(prior, {}).get(config.sampling, 0.0)
    return usual if config.begin is None else config.begin


def _siren(config: HeartSettings, kind: str, outputs: int) -> Siren:
    omega_0 = OMEGA_0[kind] if config.omega_0 is None else config.omega_0
    generator = torch.Generator().manual_seed(config.seed)
    return Siren(3, config.width, config.hidden_layers, outputs, omega_0=omega_0, generator=generator)


def _times(config: HeartSettings, kind: str, frames: int) -> Tensor:
    return frame_times(frames, end=TIME_END[kind] if config.time_end is None else config.time_end)


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


def _prior(name: str, config: HeartSettings, scan: Scan, left: int, triplets: torch.Generator) -> nn.Module | None:
    if not name:
        return None
    if name == "barycenter":
        # Of frames that are still wrong it need not be exact: with the usual limits it takes most of the time.
        return BarycenterPrior(generator=triplets, tol=1e-2, max_iterations=20)
    return TransportTargets(
        len(scan.reference),
        (int(scan.smaps.shape[-2]), int(scan.smaps.shape[-1])),
        scan.observed,
        refresh=max(1, math.ceil(left / config.refresh)),
        also_observed=not scan.missing,
        moves="edges" if name == "edges" else "mass",
        reach=config.reach,
    )
