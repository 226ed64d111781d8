"""Films with a prior that sets in late: what the experiments share, from first weights to the seconds that it took."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from otrecon.checks import check_count, check_device, check_positive
from otrecon.dynamic import FilmFit, FilmModel, fit_film
from otrecon.inr import Fit, Siren, cosine

__all__ = [
    "Clock",
    "LateFit",
    "Recipe",
    "check_recipe",
    "draws",
    "fit_late",
    "onset",
    "restarted",
    "siren",
    "steps_of_targets",
]


class Recipe(Protocol):
    """What the settings of every such experiment have."""

    @property
    def seed(self) -> int:
        """Of the first weights, and of what is drawn while a network is fitted."""

    @property
    def steps(self) -> int:
        """Of the fit."""

    @property
    def lr(self) -> float:
        """Learning rate of the first step."""

    @property
    def batch(self) -> int | None:
        """Frames with data a step, until a prior needs all; those that one aims at come along. None: all."""

    @property
    def refresh(self) -> int:
        """How often targets are made."""

    @property
    def width(self) -> int:
        """Of the network."""

    @property
    def hidden_layers(self) -> int:
        """Beyond the first."""

    @property
    def begin(self) -> float | None:
        """Share of the steps after which a prior sets in. None: as was chosen for it."""

    @property
    def held_out(self) -> float:
        """Share of the data that is kept from the fit."""

    @property
    def device(self) -> str:
        """Where it runs."""


def check_recipe(recipe: Recipe) -> None:
    """Raise a ValueError, or a TypeError, where a recipe has a setting that cannot be."""
    for name in ("steps", "width", "refresh"):
        check_count(name, getattr(recipe, name))
    for name in ("seed", "hidden_layers"):
        check_count(name, getattr(recipe, name), 0)
    check_positive("lr", recipe.lr)
    if not 0 <= recipe.held_out < 1:
        raise ValueError(f"held_out must be a share of the data, from 0 to below 1, got {recipe.held_out}.")
    if recipe.begin is not None and not 0 <= recipe.begin < 1:
        raise ValueError(f"begin must be a share of the steps, from 0 to below 1, got {recipe.begin}.")
    if recipe.batch is not None:
        check_count("batch", recipe.batch)
    check_device(recipe.device)


@dataclass(frozen=True, eq=False)
class LateFit:
    """What `fit_late` did.

    Attributes
    ----------
    done
        The account of the fit.
    seconds, prior_seconds
        That it took, and the prior of these; where a fit went on from a checkpoint, since then. On a GPU, whose work is
        waited for here and there, the prior's share is a rough one.
    """

    done: Fit
    seconds: float
    prior_seconds: float


def siren(recipe: Recipe, outputs: int, omega_0: float) -> Siren:
    """Draw the network from a moment and a place to some numbers."""
    generator = torch.Generator().manual_seed(recipe.seed)
    return Siren(3, recipe.width, recipe.hidden_layers, outputs, omega_0=omega_0, generator=generator)


def draws(recipe: Recipe) -> torch.Generator:
    """Make the source of mini-batches and of random triplets: one, as a checkpoint holds the state of one."""
    return torch.Generator().manual_seed(7000 + recipe.seed)


def onset(recipe: Recipe, share: float) -> int:
    """Step at which a prior sets in, after a share of the steps: it has at least one."""
    return min(recipe.steps - 1, round(recipe.steps * share))


def steps_of_targets(recipe: Recipe, start: int) -> int:
    """Count the steps from one making of the targets to the next, for ``refresh`` makings from ``start`` on."""
    return max(1, math.ceil((recipe.steps - start) / recipe.refresh))


def restarted(start: float) -> Callable[[float], float]:
    """Learning rate that falls along half a cosine until ``start``, a share of the steps, and again from then on.

    A rate that has come down to nothing would leave a late prior without effect.
    """
    return lambda done: cosine(done / start if done < start else (done - start) / (1 - start))


def fit_late(
    model: FilmModel,
    prior: nn.Module | None,
    recipe: Recipe,
    generator: torch.Generator,
    *,
    start: int,
    weight: float,
    scale: float = 1.0,
    restart: bool = True,
    folder: Path,
    progress: bool,
) -> LateFit:
    """Fit a film, with a prior from the step ``start`` on, where the learning rate may start again.

    Parameters
    ----------
    model, prior, weight, scale, start
        As of `FilmFit`; without a prior ``start`` does not matter.
    recipe
        Steps, learning rate and mini-batches.
    generator
        From `draws`.
    restart
        Whether the learning rate starts again with the prior. Where it still has some way to go it need not, and a rate
        at its full height can ruin a network that is not sure of its film.
    folder
        For the checkpoint.
    progress
        Whether to say how far it is.
    """
    late = prior is not None
    problem = FilmFit(model, prior, weight=weight, scale=scale, start=start if late else 0).to(recipe.device)
    clock, begun = Clock(prior), time.perf_counter()
    done = fit_film(
        problem,
        recipe.steps,
        lr=recipe.lr,
        schedule=restarted(start / recipe.steps) if late and restart else cosine,
        batch=None if recipe.batch is None else min(recipe.batch, len(problem.pool)),
        generator=generator,
        checkpoint=folder / "fit.pt",
        checkpoint_every=max(1, recipe.steps // 10),
        progress=progress,
    )
    return LateFit(done, round(time.perf_counter() - begun, 2), round(clock.seconds, 2))


class Clock:
    """Seconds that a prior takes: forward, and making its targets; its way back is a few products."""

    def __init__(self, prior: nn.Module | None) -> None:
        self.seconds = 0.0
        for name in ("forward", "prepare"):
            if hasattr(prior, name):
                setattr(prior, name, self._timed(getattr(prior, name)))

    def _timed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any) -> Any:
            begun = time.perf_counter()
            result = function(*arguments)
            self.seconds += time.perf_counter() - begun
            return result

        return timed
