"""A film fitted to its data, with a prior that sets in late."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from otrecon.checks import check_count, check_positive
from otrecon.dynamic.models import FilmModel
from otrecon.inr import Fit, fit

__all__ = ["FilmFit", "fit_film"]


class FilmFit(nn.Module):
    """A film and its prior: the loss of a step, with a prior that sets in late.

    ``loss = scale * misfit + weight * ramp * prior``, where ``ramp`` is 0 before the step ``start`` and then rises to 1
    in ``ramp_steps + 1`` equal steps. While it is 0 the prior is not computed.

    Parameters
    ----------
    model
        Its parameters are fitted; its misfit is a share of the energy of all data.
    prior
        ``prior(images, frames)`` gives a real scalar for the images ``(n, y, x)`` of some frames: `WassersteinPath`,
        `BarycenterPrior`, `TransportTargets`, or any module. Where it has an attribute ``by_frames`` that is true it is
        content with the frames of a mini-batch, as a sum over them; it must list the frames that it wants to see as
        ``aimed``, and those without data come along, some with each that has data. Where it has a method
        ``wanted(count)`` it is asked once a step which frames of so many it wants to see, and gets these. Others get
        all, in order. None: data alone.
    weight
        Of the prior, at least 0, in units of the data term per unit of the prior: each says what its own unit is.
    scale
        Of the misfit, where another unit than the share of the energy is wanted.
    start
        Step at which the prior sets in.
    ramp_steps
        Steps that it takes at a lower weight, before those at its full one.
    keep_batches
        Whether data are looked at by mini-batches, where there are some, even after a prior that is not by frames has
        set in; otherwise all of them are then. It makes these steps cheaper and their data term noisier. Frames that
        only the prior is to see are drawn either way.

    Attributes
    ----------
    brought
        Frames without data that each frame with data brings along into a mini-batch, for a prior that aims at them.
        They are dealt out in turn, beginning with the frame in the middle of those with data, so that few come with a
        neighbour: two neighbours in one batch pull the network the same way, which costs decibels.
    """

    step: Tensor

    def __init__(
        self,
        model: FilmModel,
        prior: nn.Module | None = None,
        *,
        weight: float = 1.0,
        scale: float = 1.0,
        start: int = 0,
        ramp_steps: int = 0,
        keep_batches: bool = False,
    ) -> None:
        super().__init__()
        if not 0 <= weight < math.inf:
            raise ValueError(f"weight must be at least 0, and finite, got {weight}.")
        self.model, self.prior = model, prior
        self.weight, self.scale = float(weight), check_positive("scale", scale)
        self.start, self.ramp_steps = check_count("start", start, 0), check_count("ramp_steps", ramp_steps, 0)
        self.keep_batches = keep_batches
        if prior is not None and self.by_frames:
            aimed = getattr(prior, "aimed", None)
            if aimed is None or not {*aimed} <= {*range(model.count)}:
                raise ValueError(
                    f"a prior by frames must list as aimed the frames that it wants to see, of 0 to {model.count - 1}, "
                    f"got {aimed}."
                )
        self.brought = self._dealt()
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))

    @property
    def by_frames(self) -> bool:
        """Whether the prior, if there is one, is a sum over frames."""
        return self.prior is None or bool(getattr(self.prior, "by_frames", False))

    @property
    def pool(self) -> tuple[int, ...]:
        """Frames that mini-batches are drawn from: those with data, so that no step goes without any."""
        return self.model.observed

    def _dealt(self) -> dict[int, tuple[int, ...]]:
        aimed: tuple[int, ...] = getattr(self.prior, "aimed", ()) if self.by_frames else ()
        count = len(self.pool)
        brought: dict[int, list[int]] = {k: [] for k in self.pool}
        for place, k in enumerate(sorted({*aimed} - {*self.pool})):
            brought[self.pool[(place + count // 2) % count]].append(k)
        return {seen: tuple(along) for seen, along in brought.items()}

    @property
    def settled(self) -> int:
        """Step from which the prior has its full weight: weights from before are not compared with later ones."""
        return 0 if self.prior is None else self.start + self.ramp_steps

    def forward(self, chosen: Tensor | None = None) -> Tensor:
        """Give the loss of the step at hand, and count it.

        Parameters
        ----------
        chosen
            Places in `pool` of the frames that are looked at, with those that they bring along: sums over them then
            stand for those over all. None: all.
        """
        step, prior = int(self.step), self.prior
        self.step += 1
        late = prior is not None and step >= self.start
        whole = late and not self.by_frames and not self.keep_batches
        pool = torch.tensor(self.pool)
        frames = pool if chosen is None or whole else pool[chosen]
        share = len(frames) / len(pool)
        if prior is None or not late:
            return self.scale * self.model.misfit(frames) / share
        prepare = getattr(prior, "prepare", None)
        if callable(prepare):
            prepare(self.model.render)
        ramp = min(1.0, (step - self.start + 1) / (self.ramp_steps + 1))
        if self.by_frames:
            drawn = self._with_those_along(frames)
            misfit, images = self.model(drawn)
            return (self.scale * misfit + self.weight * ramp * prior(images, drawn)) / share
        drawn = self._drawn()
        misfit, images = self.model(frames, drawn)
        loss: Tensor = self.scale * misfit / share + self.weight * ramp * prior(images, drawn)
        return loss

    def _with_those_along(self, frames: Tensor) -> Tensor:
        return torch.tensor(sorted(k for seen in frames.tolist() for k in (seen, *self.brought[seen])))

    def _drawn(self) -> Tensor:
        """List the frames that a prior which is not by frames gets to see."""
        wanted = getattr(self.prior, "wanted", None)
        chosen: Tensor = wanted(self.model.count) if callable(wanted) else torch.arange(self.model.count)
        return chosen

    def extra_repr(self) -> str:
        """Show the settings: a checkpoint tells fits apart by them."""
        shown = f"weight={self.weight}, scale={self.scale}, start={self.start}, ramp_steps={self.ramp_steps}"
        return f"{shown}, keep_batches=True" if self.keep_batches else shown


def fit_film(
    problem: FilmFit,
    steps: int,
    *,
    lr: float = 1e-3,
    batch: int | None = None,
    checkpoint: Path | str | None = None,
    judge_from: int | None = None,
    **settings: Any,
) -> Fit:
    """Fit a film: :func:`otrecon.inr.fit`, which leaves a film that has a prior with its last weights.

    Parameters
    ----------
    problem
        The film and its losses.
    steps
        Steps in all; more than it takes the prior to set in.
    lr, checkpoint, settings
        As of :func:`otrecon.inr.fit`. A prior that draws, such as a `BarycenterPrior` with random triplets, must have
        the same generator, if there is a checkpoint: it holds the state of one.
    batch
        Frames with data a step; None: all. Those that a prior aims at come along (`FilmFit.brought`). A prior that
        needs all frames gets all of them, and then all data are looked at, unless the problem says ``keep_batches``.
    judge_from
        Step from which the weights of least loss are kept, at least `FilmFit.settled`. None: with a prior the last
        weights, as losses of different steps cannot be compared where the learning rate starts again, targets are made
        anew, or some random triplets cost more than others: what seems least may be from just after such a change,
        before it had any effect. Without a prior, the best of all.

    Raises
    ------
    ValueError
        If the prior would not reach its full weight, or draws from another generator than the checkpoint holds, or the
        problem has counted steps of another fit; if ``judge_from`` is out of range.
    """
    if steps <= problem.settled:
        raise ValueError(f"the prior has its full weight after {problem.settled} steps; take more than {steps}.")
    if judge_from is None:
        judge_from = 0 if problem.prior is None else steps
    if not problem.settled <= judge_from <= steps:
        raise ValueError(f"judge_from must be from {problem.settled} to {steps}, got {judge_from}.")
    drawing = getattr(problem.prior, "generator", None)
    if checkpoint is not None and drawing is not None and drawing is not settings.get("generator"):
        raise ValueError("the prior draws from a generator of its own, which no checkpoint holds: give both the same.")
    if int(problem.step) and (checkpoint is None or not Path(checkpoint).exists()):
        raise ValueError(
            f"this problem has counted {int(problem.step)} steps already, and its prior would set in too early: make "
            "another FilmFit."
        )
    if batch is not None:
        settings |= {"places": len(problem.pool), "batch": batch}
    return fit(problem, problem, steps, lr=lr, checkpoint=checkpoint, judge_from=judge_from, **settings)
