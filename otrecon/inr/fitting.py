"""One loop that fits every network: it keeps the best weights, shows progress, and goes on where it was interrupted."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from otrecon.checks import check_count, check_positive
from otrecon.inr.checkpoint import Checkpoint
from otrecon.inr.interruption import Interruption
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
        Number of steps after which the network had the weights that it has now.
    best_loss
        Their loss; with mini-batches, the mean over the last pass through the places, as far as weights were judged.
    """

    history: list[float] = field(repr=False)
    best_step: int
    best_loss: float


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
    judge_from: int = 0,
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
        Draw ``batch`` of ``places`` indices for each step, none twice within a pass; what is left over at the end of a
        pass is not drawn. None: all places, every time. For a loss that is a mean over places, a sixteenth of them at
        lr 1e-3 and width 128 draws an image several times sooner than the full batches of SIREN's public code
        (``python -m benchmarks.inr race``).
    generator
        Source of all randomness: of the mini-batches, and of an objective that draws; its state is in the checkpoint.
    callback
        Called after each step with its number, from 0, and the loss from before it.
    checkpoint
        File to write every ``checkpoint_every`` steps, at the end, and on interruption. Where it exists the run goes on
        from it, to the same result bit by bit on one processor; it stays when the run is finished, so that a second
        call returns at once. It knows the network and these settings, not the data: each problem needs its own.
    judge_from
        Number of steps before which weights are not judged, but replaced by later ones: for an objective that changes
        until then, such as one with a penalty that sets in late. ``steps``: the last weights are kept; with
        mini-batches, those before the last step.
    progress
        Show a bar on a terminal, a line every tenth of the steps elsewhere, on the error stream.

    Returns
    -------
    Fit
        The account. Full batches are judged at every step and after the last one.

    Raises
    ------
    TypeError, ValueError
        If a setting is out of range; if the objective does not return a real scalar that depends on the network; if the
        checkpoint cannot be read or belongs to another run.
    FloatingPointError
        If the loss or its gradient is not finite, naming the step.
    KeyboardInterrupt
        After the step at hand, with a checkpoint written; a second interruption is obeyed at once. However the run
        ends, the network has the best weights seen by then.

    Examples
    --------
    >>> import torch
    >>> from otrecon.inr import Siren, fit, pixel_coordinates
    >>> from otrecon.phantoms import shepp_logan
    >>> image = shepp_logan().image((24, 32))
    >>> network = Siren(2, 32, 1, 1, generator=torch.Generator().manual_seed(0))
    >>> places = pixel_coordinates(image.shape)  # (y, x, 2); the network makes (y, x, 1) of it
    >>> result = fit(network, lambda _: (network(places)[..., 0] - image).square().mean(), 30)
    >>> result.best_loss < result.history[0] / 2
    True
    """
    steps, checkpoint_every = check_count("steps", steps), check_count("checkpoint_every", checkpoint_every)
    if not callable(schedule):
        raise TypeError(f"schedule must be a function, such as cosine or constant, got {schedule!r}.")
    optimiser = torch.optim.Adam(network.parameters(), lr=check_positive("lr", lr))
    draw = _draw(places, batch, generator)
    best = _Best(network, 1 if draw is None else draw.steps_of_a_pass, check_count("judge_from", judge_from, 0))
    history: list[float] = []
    store = None
    if checkpoint is not None:
        settings = {
            "network": repr(network),
            "generator": generator is not None,
            "steps": steps,
            "lr": float(lr),
            "schedule": [float(schedule(k / 8)) for k in range(9)],
            "places": places,
            "batch": batch,
            "judge_from": judge_from,
        }
        store = Checkpoint(Path(checkpoint), settings, network, optimiser, generator, draw, best, history)
        store.load()
        if progress and history:
            left = "nothing is left to do" if len(history) >= steps else "going on from there"
            sys.stderr.write(f"{checkpoint} holds {len(history)} of {steps} steps: {left}.\n")
    advance, close = _bar(len(history), steps, show=progress)
    between_steps = True
    try:
        with Interruption() as interruption:
            while len(history) < steps:
                step, between_steps = len(history), False
                rate = lr * schedule(step / steps)
                if not (math.isfinite(rate) and rate >= 0):
                    raise ValueError(f"the schedule must give a number from 0 on; at step {step} the rate is {rate}.")
                for group in optimiser.param_groups:
                    group["lr"] = rate
                value = _step(network, objective, None if draw is None else draw(), optimiser, step, best)
                history.append(value)
                if len(history) == steps and draw is None:
                    best.see(steps, float(objective(None).detach()))
                if store is not None and (
                    len(history) % checkpoint_every == 0 or len(history) == steps or interruption.asked
                ):
                    store.save()
                between_steps = True
                advance(value)
                if callback is not None:
                    callback(step, value)
                interruption.obey()
    except KeyboardInterrupt:
        # Raised between two steps, by a callback: the state is whole. From within one, the file before it stands.
        if store is not None and between_steps:
            store.save()
        raise
    finally:
        best.restore()
        close()
    return Fit(history, best.step, best.loss)


def _step(
    network: nn.Module,
    objective: Objective,
    indices: Tensor | None,
    optimiser: torch.optim.Optimizer,
    step: int,
    best: _Best,
) -> float:
    """Take one step; give the loss from before it."""
    optimiser.zero_grad(set_to_none=True)
    loss = objective(indices)
    if not isinstance(loss, Tensor) or loss.numel() != 1 or loss.is_complex() or not loss.requires_grad:
        kind = f"a tensor {tuple(loss.shape)}, {loss.dtype}" if isinstance(loss, Tensor) else type(loss).__name__
        raise TypeError(f"the objective must return a real scalar that depends on the network, got {kind}.")
    value = float(loss.detach())
    loss.backward()
    gradients = [one.grad for one in network.parameters() if one.grad is not None]
    if not gradients:
        raise ValueError("the objective does not depend on the parameters of this network: give it the same network.")
    if not (math.isfinite(value) and bool(torch.stack([one.isfinite().all() for one in gradients]).all())):
        what = f"the loss is {value}" if not math.isfinite(value) else "the gradient is not finite"
        fix = "lower lr, or look for a division by zero in the objective" if step else "look for NaN in the data"
        raise FloatingPointError(
            f"{what} at step {step}: {fix}. The network has the best weights so far, those after {best.step} steps."
        )
    best.see(step, value)
    optimiser.step()
    return value


class _Best:
    """The best weights so far, judged by the mean loss over one pass through the places."""

    def __init__(self, network: nn.Module, window: int, first: int) -> None:
        self.network, self.window, self.first = network, window, first
        self.step, self.loss = 0, math.inf
        self.recent: list[float] = []
        self.weights = self._copy()

    def see(self, step: int, loss: float) -> None:
        """Judge the weights after a number of steps; until a pass is full, the latest are the best."""
        earlier = [] if step <= self.first else self.recent
        self.recent = [*earlier, loss][-self.window :]
        mean = sum(self.recent) / len(self.recent)
        if step < self.first + self.window or mean < self.loss:
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
        self.steps_of_a_pass = places // batch
        self.left = torch.empty(0, dtype=torch.int64)

    def __call__(self) -> Tensor:
        if len(self.left) < self.batch:
            self.left = torch.randperm(self.places, generator=self.generator, device=self.generator.device)
        now, self.left = self.left[: self.batch], self.left[self.batch :]
        return now


def _draw(places: int | None, batch: int | None, generator: torch.Generator | None) -> _Draw | None:
    if generator is not None:
        check_generator(generator)
    if places is None and batch is None:
        return None
    if places is None or batch is None:
        raise ValueError("places and batch go together: how many places there are, and how many to take at a time.")
    if check_count("batch", batch) > check_count("places", places):
        raise ValueError(f"batch must be at most the {places} places, got {batch}.")
    return _Draw(places, batch, check_generator(generator))


def _bar(done: int, steps: int, *, show: bool) -> tuple[Callable[[float], None], Callable[[], None]]:
    if not show:
        return lambda _loss: None, lambda: None
    from tqdm import tqdm

    terminal = sys.stderr.isatty()
    bar = tqdm(total=steps, initial=done, disable=not terminal, leave=False)
    count = done

    def advance(loss: float) -> None:
        nonlocal count
        count += 1
        bar.update()
        bar.set_postfix_str(f"loss {loss:.3g}", refresh=False)
        if not terminal and count * 10 // steps > (count - 1) * 10 // steps:
            sys.stderr.write(f"step {count} of {steps}, loss {loss:.3g}\n")
            sys.stderr.flush()

    return advance, bar.close
