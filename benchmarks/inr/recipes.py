"""Ways to fit a network to an image: the plain one of the authors' code, and what might be quicker.

A recipe makes a :class:`Racer`, which takes one step at a time, so that many can take turns. Images are scaled to
[-1, 1] and coordinates are in [-1, 1], as in the public code of SIREN (github.com/vsitzmann/siren).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from otrecon.inr import Siren, constant, cosine, pixel_coordinates
from otrecon.phantoms import random_ellipses

__all__ = ["Adam", "Lbfgs", "Racer", "Recipe", "Separable", "reptile"]


@dataclass
class Racer:
    """A fit under way.

    Attributes
    ----------
    step : callable
        Take a step; give the mean squared error before it where that comes for free, else None.
    error : callable
        Mean squared error of the whole image, now.
    parameters : int
        Numbers that are learned.
    every : int
        Steps between two looks at the error, where the step does not give it.
    """

    step: Callable[[], float | None]
    error: Callable[[], float]
    parameters: int
    every: int = 1


Recipe = Callable[[Tensor, int], Racer]
"""Makes a racer for an image ``(y, x)`` within [-1, 1] and a seed."""


class Separable(nn.Module):
    """``f(y, x) = sum_r g_r(y) h_r(x)``: two small networks that are asked along the axes only.

    An image of n x n places costs 2 n evaluations. It cannot be asked about scattered places any cheaper than another
    network, its edges lie along the axes or cost rank, and no image is better than its best approximation of that rank.
    """

    def __init__(self, width: int, layers: int, rank: int, omega_0: float, generator: torch.Generator) -> None:
        super().__init__()
        self.factors = nn.ModuleList(
            Siren(1, width, layers, rank, omega_0=omega_0, check_range=False, generator=generator) for _ in range(2)
        )

    def forward(self, y: Tensor, x: Tensor) -> Tensor:
        """Image ``(y, x)`` from places ``(y, 1)`` and ``(x, 1)``."""
        rows, columns = self.factors
        result: Tensor = rows(y) @ columns(x).mT
        return result


@dataclass(frozen=True)
class Adam:
    """Adam on a SIREN; the defaults are the plain recipe.

    Attributes
    ----------
    width, layers, omega_0
        Of the `Siren`: ``layers`` is its ``hidden_layers``.
    lr : float
        First learning rate.
    steps : int or None
        Length of the schedule, a cosine; None: the learning rate stays.
    share : int
        A mini-batch is this part of the places: 4 means a quarter.
    rank : int or None
        Make it separable, of this rank.
    start : dict or None
        Weights to start from.
    """

    width: int = 256
    layers: int = 3
    omega_0: float = 30.0
    lr: float = 1e-4
    steps: int | None = None
    share: int = 1
    rank: int | None = None
    start: dict[str, Tensor] | None = None

    def __call__(self, image: Tensor, seed: int) -> Racer:
        """Make the racer."""
        generator = torch.Generator().manual_seed(seed)
        network, predict = self.network(image, generator)
        truth, places = image.flatten(), image.numel()
        optimiser = torch.optim.Adam(network.parameters(), lr=self.lr)
        batch, done = places // self.share, 0
        left = torch.empty(0, dtype=torch.int64)

        def step() -> float | None:
            nonlocal done, left
            chosen = None
            if self.share > 1:
                if len(left) < batch:
                    left = torch.randperm(places, generator=generator)
                chosen, left = left[:batch], left[batch:]
            rate = constant(0) if self.steps is None else cosine(min(1.0, done / self.steps))
            for group in optimiser.param_groups:
                group["lr"] = self.lr * rate
            done += 1
            optimiser.zero_grad(set_to_none=True)
            loss = (predict(chosen) - (truth if chosen is None else truth[chosen])).square().mean()
            loss.backward()
            optimiser.step()
            return float(loss.detach()) if chosen is None else None

        return Racer(step, _error(predict, truth), _count(network), every=2 * self.share if self.share > 1 else 1)

    def network(self, image: Tensor, generator: torch.Generator) -> tuple[nn.Module, Callable[[Tensor | None], Tensor]]:
        """Network, and what it says about chosen places, or all of them for None."""
        ny, nx = image.shape
        if self.rank is not None:
            separable = Separable(self.width, self.layers, self.rank, self.omega_0, generator)
            y, x = pixel_coordinates((ny,)), pixel_coordinates((nx,))
            return separable, lambda chosen: _chosen(separable(y, x).flatten(), chosen)
        siren = Siren(2, self.width, self.layers, 1, omega_0=self.omega_0, check_range=False, generator=generator)
        if self.start is not None:
            siren.load_state_dict(self.start)
        coordinates = pixel_coordinates((ny, nx)).flatten(0, 1)
        return siren, lambda chosen: siren(_chosen(coordinates, chosen)).squeeze(-1)


@dataclass(frozen=True)
class Lbfgs:
    """L-BFGS on all places, after some steps of Adam.

    Attributes
    ----------
    adam : Adam
        What comes first.
    after : int
        Its steps; 0: L-BFGS from the start.
    inner : int
        Iterations of L-BFGS that count as one step, between two looks at the error.
    history : int
        Pairs of differences that it remembers.
    """

    adam: Adam
    after: int
    inner: int = 5
    history: int = 30

    def __call__(self, image: Tensor, seed: int) -> Racer:
        """Make the racer."""
        generator = torch.Generator().manual_seed(seed)
        network, predict = self.adam.network(image, generator)
        truth = image.flatten()
        adam = torch.optim.Adam(network.parameters(), lr=self.adam.lr)
        lbfgs = torch.optim.LBFGS(
            network.parameters(),
            max_iter=self.inner,
            history_size=self.history,
            line_search_fn="strong_wolfe",
            tolerance_grad=0,
            tolerance_change=0,
        )
        done = 0

        def loss() -> Tensor:
            lbfgs.zero_grad(set_to_none=True)
            value = (predict(None) - truth).square().mean()
            value.backward()
            return value

        def step() -> float:
            nonlocal done
            done += 1
            if done > self.after:
                return float(lbfgs.step(loss).detach())
            value = loss()
            adam.step()
            return float(value.detach())

        return Racer(step, _error(predict, truth), _count(network))


def reptile(
    recipe: Adam, *, tasks: int = 100, inner: int = 16, rate: float = 0.5, size: int = 64, seed: int = 1000
) -> tuple[dict[str, Tensor], float]:
    """Weights from which random ellipses are quickly learned (Nichol et al. 2018; Tancik et al. 2021), and the seconds.

    For each phantom of `random_ellipses` the network takes ``inner`` steps of Adam; then the start moves towards where
    they ended, by ``rate`` times the way, falling to zero. Phantoms are scaled to [-1, 1] as the image of the race.
    """
    begin = time.perf_counter()
    generator = torch.Generator().manual_seed(seed)
    blank = torch.zeros(size, size)
    network, predict = recipe.network(blank, generator)
    start = {name: value.clone() for name, value in network.state_dict().items()}
    for task in range(tasks):
        picture = random_ellipses(generator).image((size, size))
        truth = (2 * (picture - picture.min()) / (picture.max() - picture.min()).clamp_min(1e-6) - 1).flatten()
        network.load_state_dict(start)
        optimiser = torch.optim.Adam(network.parameters(), lr=recipe.lr)
        for _ in range(inner):
            optimiser.zero_grad(set_to_none=True)
            (predict(None) - truth).square().mean().backward()
            optimiser.step()
        share = rate * (1 - task / tasks)
        for name, value in network.state_dict().items():
            start[name].lerp_(value, share)
    return start, time.perf_counter() - begin


def _chosen(values: Tensor, chosen: Tensor | None) -> Tensor:
    return values if chosen is None else values[chosen]


def _error(predict: Callable[[Tensor | None], Tensor], truth: Tensor) -> Callable[[], float]:
    @torch.no_grad()
    def error() -> float:
        found = float((predict(None) - truth).square().mean())
        return found if math.isfinite(found) else math.inf

    return error


def _count(network: nn.Module) -> int:
    return sum(value.numel() for value in network.parameters())
