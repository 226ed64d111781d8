"""The methods without a network."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from otrecon.dynamic import barycentric_frames, linear_frames, warped_frames
from otrecon.lab.heart.choices import low_rank_weight_of, weight_of
from otrecon.lab.heart.scan import Scan, full
from otrecon.lab.heart.settings import BETWEEN, HeartSettings
from otrecon.mri import Reconstruction, grasp, low_rank_plus_sparse, temporal_tv
from otrecon.solvers import ConvergenceWarning
from otrecon.solvers.solution import Callback

__all__ = ["classical"]


def classical(config: HeartSettings, scan: Scan, *, progress: bool = False) -> tuple[Tensor, dict[str, Any]]:
    """Make the film ``(t, y, x)`` by a classical method, and say how its iteration went."""
    method = config.method
    if method == "all spokes":
        return full(scan.every, scan.smaps), {}
    if method == "gridding":
        operator, kdata = scan.samples.film(scan.smaps)
        return operator.adjoint(kdata), {}
    weight = weight_of(config)
    from tqdm import tqdm

    with (
        warnings.catch_warnings(),
        tqdm(desc=method, leave=False, disable=None if progress else True) as bar,
    ):
        # What was not reached stands in the record.
        warnings.simplefilter("ignore", ConvergenceWarning)
        done = _iterate(config, scan, weight, lambda *_: bar.update())
    film = done.image
    if method in BETWEEN:
        sparse = torch.zeros((len(scan.reference), *film.shape[1:]), dtype=film.dtype, device=film.device)
        sparse[scan.observed] = film
        film = _between(config, sparse, scan.observed)
    return film, {
        "weight_used": weight,
        "iterations": done.iterations,
        "converged": done.converged,
        "error": done.error,
        "residuals": [float(f"{one:.4g}") for one in done.residuals],
        "objective": [float(f"{one:.7g}") for one in done.objective],
    }


def _iterate(config: HeartSettings, scan: Scan, weight: float, told: Callback) -> Reconstruction:
    limits: dict[str, Any] = {"tolerance": config.tolerance, "max_iterations": config.max_iterations, "callback": told}
    # In between, frames with data alone: their penalty is from one to the next of them.
    between = config.method in BETWEEN
    operator, kdata = (scan.samples.some(scan.observed) if between else scan.samples).film(scan.smaps)
    if config.method == "iGRASP":
        return grasp(operator, kdata, weight=weight, initial=operator.adjoint(kdata), callback=told)
    if config.method == "low rank plus sparse":
        low = low_rank_weight_of(config)
        return low_rank_plus_sparse(operator, kdata, low_rank_weight=low, sparse_weight=weight, **limits)
    return temporal_tv(operator, kdata, weight=weight, **limits)


def _between(config: HeartSettings, film: Tensor, observed: Sequence[int]) -> Tensor:
    if config.method == "linear in time":
        return linear_frames(film, observed)
    if config.method == "barycenter in time":
        return barycentric_frames(film, observed, reach=config.reach)
    return warped_frames(film, observed) if config.reach is None else warped_frames(film, observed, reach=config.reach)
