"""Movies of finished runs: each film beside what it is compared with."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from otrecon.lab.experiments import Experiment, Plan
from otrecon.lab.runs import arrays, read
from otrecon.movie import save_movie

__all__ = ["movies"]


def movies(experiment: Experiment, home: Path, *, only: Mapping[str, Any], seconds: float) -> Iterator[dict[str, Any]]:
    """Write a movie beside the record of each finished run that has a tensor ``film``; give its name and the settings.

    On its right, where there is one of the same shape, stands ``reference``, whose largest value is white for both.

    Parameters
    ----------
    experiment
        Of the runs. What its plans vary names the movies, with the scale and the beginning of the record's name.
    home
        Folder with ``results/NAME/``.
    only
        Settings that the runs must have, as JSON holds them.
    seconds
        Length of a movie.

    Raises
    ------
    ValueError
        If a record is damaged, or a film cannot be shown.
    """
    varied = dict.fromkeys(name for plan in experiment.plans.values() for name in plan.over)
    for path in sorted((home / "results" / experiment.name).glob("*.json")):
        found = read(path)
        if found is None or any(found["config"].get(name) != value for name, value in only.items()):
            continue
        tensors = arrays(path)
        if "film" not in tensors:
            continue
        words = [str(found["config"].get(name)) for name in varied]
        words += [_scale(experiment, found["config"], varied), path.stem[:6]]
        name = "-".join(re.sub(r"[^\w.]+", "-", word) for word in words)
        film, white = _beside(tensors["film"].abs(), tensors.get("reference"))
        made = save_movie(film, path.with_name(f"{name}.gif"), seconds=seconds, vmax=white)
        yield {"movie": made.relative_to(home).as_posix(), **found["config"]}


def _scale(experiment: Experiment, config: Mapping[str, Any], varied: Collection[str]) -> str:
    """Name the scale whose plan a run is nearest to, ``-changed`` where it differs by more than what plans vary."""

    def differences(plan: Plan) -> int:
        usual = json.loads(json.dumps(dataclasses.asdict(plan.config)))
        return sum(config.get(name) != value for name, value in usual.items() if name not in varied)

    by_scale = {scale: differences(plan) for scale, plan in experiment.plans.items()}
    nearest = min(by_scale, key=lambda scale: by_scale[scale])
    return f"{nearest}-changed" if by_scale[nearest] else nearest


def _beside(film: Tensor, reference: Tensor | None) -> tuple[Tensor, float | None]:
    """Set a film beside its reference, with a white line between them, and say what is white."""
    if reference is None or reference.shape != film.shape:
        return film, None
    shown = reference.abs().to(film)
    white = shown.max()
    line = white.expand(*film.shape[:-1], max(1, film.shape[-1] // 48))
    return torch.cat((film, line, shown), -1), float(white) or None
