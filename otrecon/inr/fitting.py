"""One loop that fits every network: it keeps the best weights, shows progress, and goes on where it was interrupted."""

from __future__ import annotations

import math
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from numbers import Integral
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn

from otrecon.inr.checkpoint import Checkpoint
from otrecon.randomness import check_generator

__all__ = ["Fit", "Objective", "Schedule", "constant", "cosine", "fit"]

Objective = Callable[[Tensor | None], Tensor]
"""Gives the loss of the places whose indices it gets, or of all places for None."""

Schedule = Callable[[float], float]
"""Gives the learning rate relative to the first, for the share of the steps that are done, 0 to 1."""


def constant(_done: float) -> float:
    """Keep the learning rate."""
    return 1.0


def cosine(done: float) -> float:
    """Lower the learning rate along half a cosine, to a hundredth: the spikes of a SIREN's last steps go with it."""
    return 0.01 + 0.99 * (1 + math.cos(math.pi * done)) / 2


@dataclass(frozen=True, eq=False)
class Fit:
    """What `fit` did.

    Attributes
    ----------
    history
        Loss of every step, before the step was taken; of its mini-batch, where there are some.
    best_step
        Step whose weights the network now has, counted from 0.
    best_loss
        Its loss; with mini-batches, the mean over one pass through the places.
    steps
        Steps done.
    finished
        Whether these are all; False after an interruption.
    """

    history: list[float] = field(repr=False)
    best_step: int
    best_loss: float
    steps: int
    finished: bool


def fit(
    network: nn.Module,
    objective: Objective,
    steps: int,
    *,
    lr: float = 1e-3,
    schedule: Schedule = cosine,
    places: int | None = None,
    batch: int | None = None,
    generator: torch.Generator | None = None,
    callback: Callable[[int, float], object] | None = None,
    checkpoint: Path | str | None = None,
    checkpoint_every: int = 200,
    progress: bool = False,
) -> Fit:
    """Minimise an objective over the weights of a network, by Adam, and leave it with the best weights seen.

    Parameters
    ----------
    network
        Its parameters are changed in place.
    objective
        Called with the indices of a mini-batch, int64 ``(batch,)``, or with None for all places; returns the loss, a
        real scalar. It closes over network, coordinates and data.
    steps
        Steps in all, those of an earlier, interrupted run included.
    lr
        Learning rate of the first step.
    schedule
        Learning rate relative to it, by the share of the steps that are done: `cosine`, `constant`, or any function.
    places, batch
        Draw ``batch`` of ``places`` indices without repetition for each step, pass by pass. None: all, every time.
    generator
        Source of the mini-batches; needed with ``batch``.
    callback
        Called after each step with its number, from 0, and its loss.
    checkpoint
        File to write every ``checkpoint_every`` steps and on interruption. Where it exists the run goes on from it, to
        the same result bit by bit on one processor; it stays when the run is finished, so that a second call returns at
        once.
    progress
        Show a bar on a terminal, a line every tenth of the steps elsewhere, on the error stream.

    Returns
    -------
    Fit
        An interruption by the keyboard ends the run early, and is no error: ``finished`` is False.

    Raises
    ------
    TypeError, ValueError
        If a setting is out of range, or the checkpoint belongs to another network or cannot be read.
    FloatingPointError
        If the loss is not finite, naming the step; the network has the best weights seen by then.
    """
    _check(steps, lr, places, batch, generator, checkpoint_every)
    optimiser = torch.optim.Adam(network.parameters(), lr=lr)
    draw = None if batch is None or places is None else _Draw(places, batch, check_generator(generator))
    best = _Best(network, 1 if draw is None else math.ceil(places / batch))  # type: ignore[operator]
    history: list[float] = []
    store = None if checkpoint is None else Checkpoint(Path(checkpoint), network, optimiser, draw, best, history)
    if store is not None:
        store.load()
    bar = _bar(len(history), steps, show=progress)
    between_steps = True
    with _Interruption() as interruption:
        try:
            while len(history) < steps and not interruption.asked:
                step, between_steps = len(history), False
                for group in optimiser.param_groups:
                    group["lr"] = lr * schedule(step / steps)
                indices = None if draw is None else draw()
                optimiser.zero_grad(set_to_none=True)
                loss = objective(indices)
                value = float(loss.detach())
                if not math.isfinite(value):
                    best.restore()
                    raise FloatingPointError(
                        f"the loss is {value} at step {step}: lower lr={lr:g}, or look for a division by zero in the "
                        f"objective. The network has the weights of step {best.step}, the best so far."
                    )
                best.see(step, value)
                loss.backward()
                optimiser.step()
                history.append(value)
                between_steps = True
                bar(value)
                if callback is not None:
                    callback(step, value)
                if store is not None and (len(history) % checkpoint_every == 0 or len(history) == steps):
                    store.save()
        except KeyboardInterrupt:
            # From within a step there is nothing whole to save; the checkpoint before it stands.
            pass
    if store is not None and between_steps and len(history) < steps:
        store.save()
    best.restore()
    return Fit(history, best.step, best.loss, len(history), len(history) == steps)


class _Interruption:
    """Lets a step end before the keyboard's interruption is obeyed; a second one is obeyed at once."""

    def __init__(self) -> None:
        self.asked = False
        self.before: Any = None

    def __enter__(self) -> _Interruption:
        if threading.current_thread() is threading.main_thread():
            self.before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        if self.before is not None:
            signal.signal(signal.SIGINT, self.before)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True


class _Best:
    """The best weights so far, judged by the mean loss over one pass through the places."""

    def __init__(self, network: nn.Module, window: int) -> None:
        self.network, self.window = network, window
        self.step, self.loss = 0, math.inf
        self.recent: list[float] = []
        self.weights = self._copy()

    def see(self, step: int, loss: float) -> None:
        """Judge the weights that the network has before a step."""
        self.recent = [*self.recent, loss][-self.window :]
        mean = sum(self.recent) / len(self.recent)
        if len(self.recent) == self.window and mean < self.loss:
            self.step, self.loss, self.weights = step, mean, self._copy()

    def restore(self) -> None:
        """Give the network these weights."""
        self.network.load_state_dict(self.weights)

    def _copy(self) -> dict[str, Tensor]:
        return {name: value.detach().clone() for name, value in self.network.state_dict().items()}


class _Draw:
    """Mini-batches without repetition within a pass."""

    def __init__(self, places: int, batch: int, generator: torch.Generator) -> None:
        self.places, self.batch, self.generator = places, batch, generator
        self.left = torch.empty(0, dtype=torch.int64)

    def __call__(self) -> Tensor:
        if len(self.left) < self.batch:
            self.left = torch.randperm(self.places, generator=self.generator, device=self.generator.device)
        now, self.left = self.left[: self.batch], self.left[self.batch :]
        return now


def _bar(done: int, steps: int, *, show: bool) -> Callable[[float], None]:
    if not show:
        return lambda _loss: None
    from tqdm import tqdm

    terminal = sys.stderr.isatty()
    bar = tqdm(total=steps, initial=done, disable=not terminal, leave=False)
    count = done

    def advance(loss: float) -> None:
        nonlocal count
        count += 1
        bar.update()
        bar.set_postfix_str(f"loss {loss:.3g}", refresh=False)
        if not terminal and (count % max(1, steps // 10) == 0 or count == steps):
            print(f"step {count} of {steps}, loss {loss:.3g}", file=sys.stderr, flush=True)  # noqa: T201
        if count == steps:
            bar.close()

    return advance


def _check(
    steps: int,
    lr: float,
    places: int | None,
    batch: int | None,
    generator: torch.Generator | None,
    checkpoint_every: int,
) -> None:
    for name, value in (("steps", steps), ("checkpoint_every", checkpoint_every)):
        if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
            raise ValueError(f"{name} must be a positive integer, got {value!r}.")
    if not (math.isfinite(lr) and lr > 0):
        raise ValueError(f"lr must be positive and finite, got {lr!r}.")
    if (places is None) != (batch is None):
        raise ValueError("places and batch go together: how many places there are, and how many to take at a time.")
    if batch is not None and places is not None:
        if not 1 <= batch <= places:
            raise ValueError(f"batch must lie between 1 and the {places} places, got {batch}.")
        check_generator(generator)
