"""Fixed points, faster: Anderson's mixing of past iterates, with a merit that it may not spoil.

A plain fixed-point iteration forgets where it came from. Anderson's method remembers the last few iterates and what the
map changed in each, and takes the combination whose change would be smallest: near a fixed point that is GMRES, without
a derivative. Far from it the combination may be nonsense, so each mixed iterate has to pass a test; one that fails is
replaced by the plain iterate, and the memory starts again.

Where an iteration drifts, with a change that stays the same, past changes differ by rounding and say nothing: whether a
mixture of them happens to help would depend on the processor. There each step is twice as long as the one before, until
one fails the test.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["FixedPoint", "Step", "fixed_point"]

MEMORY = 20
RIDGE = 1e-10
"""Relative regularisation of the small least-squares problems: past iterates are often nearly parallel."""

DRIFT = 1e-6
"""Difference between two successive changes, relative to them, below which an iteration drifts."""

LONGEST = 2.0**40
"""Limit on the length of a step, in steps of the plain iteration."""


@dataclass(frozen=True, eq=False)
class Step:
    """What a map says about one point of each problem of a batch.

    Attributes
    ----------
    new
        Image of the point under the map, ``(batch, *state)``.
    weight
        Importance of each number of the state, at least 0; broadcasts to the state.
    error
        Distance from the fixed point ``(batch,)``, in the unit of the tolerance.
    merit
        What must not fall ``(batch,)``; NaN counts as fallen.
    slack
        How far it may fall all the same ``(batch,)``: rounding, or the freedom of a merit that is not monotone.
    """

    new: Tensor
    weight: Tensor
    error: Tensor
    merit: Tensor
    slack: Tensor


@dataclass(frozen=True, eq=False)
class FixedPoint:
    """Where the iteration stopped: point, its image, error and whether that meets the tolerance, for each problem.

    The residuals are the errors on the way, of the worst problem.
    """

    point: Tensor
    image: Tensor
    error: Tensor
    converged: Tensor
    iterations: int
    residuals: list[float]


def fixed_point(
    step: Callable[[Tensor], Step], start: Tensor, *, tol: float, max_iterations: int, memory: int = MEMORY
) -> FixedPoint:
    """Iterate a map on a batch of independent problems until each is at its fixed point.

    Parameters
    ----------
    step
        The map, with its error and merit.
    start
        First point ``(batch, *state)``.
    tol
        Error at which a problem stops moving.
    max_iterations
        Limit on the iterations; one whose mixed point is refused evaluates the map twice.
    memory
        Past iterates that are mixed; 0 is the plain iteration.
    """
    x, plain = start, start
    best = torch.full((len(start),), -math.inf, dtype=start.dtype, device=start.device)
    mixer, residuals = _Mixer(memory, start), []
    for iteration in range(1, max_iterations + 1):
        here = step(x)
        fallen = ~(here.merit >= best - here.slack)
        if bool(fallen.any()) and iteration > 1 and memory:
            # A plain step is never refused: it sets the standard for those after it.
            x = torch.where(_like(fallen, x), plain, x)
            mixer.forget(fallen)
            here = step(x)
            best = torch.where(fallen, here.merit, best)
        done = here.error <= tol
        residuals.append(float(here.error.max()))
        if bool(done.all()) or iteration == max_iterations:
            break
        best = torch.maximum(best, here.merit)
        plain = torch.where(_like(done, x), x, here.new)
        x = torch.where(_like(done, x), x, mixer.mix(x, here)) if memory else plain
    return FixedPoint(x, here.new, here.error, done, iteration, residuals)


class _Mixer:
    """Memory of how the map's image and its change moved from one iterate to the next, for each problem of a batch."""

    def __init__(self, memory: int, start: Tensor) -> None:
        batch, size = len(start), start[0].numel()
        self.images = start.new_zeros(batch, memory, size)
        self.changes = start.new_zeros(batch, memory, size)
        self.gram = start.new_zeros(batch, memory, memory)
        self.identity = torch.eye(memory, dtype=start.dtype, device=start.device)
        self.last: tuple[Tensor, Tensor] | None = None
        self.fresh = torch.zeros(batch, dtype=torch.bool, device=start.device)
        self.stretch = start.new_ones(batch)
        self.count = 0

    def forget(self, which: Tensor) -> None:
        """Clear the memory of some problems, and step by ones again; a column of zeros takes no part in a mixture."""
        self.fresh = self.fresh | which
        self.stretch = torch.where(which, 1.0, self.stretch)

    def mix(self, x: Tensor, here: Step) -> Tensor:
        """Combine the image of a point with those before it, so that the change is smallest."""
        # Where there is no mass logarithms are infinite, and nothing depends on them.
        change = torch.where(torch.isfinite(here.new - x), here.new - x, 0.0).flatten(1)
        image, root = here.new.flatten(1), here.weight.expand_as(x).sqrt().flatten(1)
        if self.last is None:
            self.last = image, change
            return here.new
        if bool(self.fresh.any()):
            forgotten = self.fresh.view(-1, 1, 1)
            for past in (self.images, self.changes, self.gram):
                past.masked_fill_(forgotten, 0.0)
            self.fresh = torch.zeros_like(self.fresh)
        slot = self.count % self.images.shape[1]
        self.count += 1
        step, turn = image - self.last[0], (change - self.last[1]) * root
        drifting = (turn.norm(dim=1) <= DRIFT * (change * root).norm(dim=1))[:, None]
        self.stretch = torch.where(drifting[:, 0], 2 * self.stretch, 1.0).clamp(max=LONGEST)
        self.images[:, slot] = torch.where(drifting | ~torch.isfinite(step), 0.0, step)
        self.changes[:, slot] = torch.where(drifting, 0.0, turn)
        self.last = image, change
        row = torch.bmm(self.changes, self.changes[:, slot, :, None])[:, :, 0]
        self.gram[:, slot, :], self.gram[:, :, slot] = row, row
        size = self.gram.diagonal(dim1=1, dim2=2).amax(1).view(-1, 1, 1)
        ridged = self.gram + torch.where(size > 0, RIDGE * size, 1.0) * self.identity
        shares = torch.linalg.solve(ridged, torch.bmm(self.changes, (change * root)[:, :, None]))
        mixed = image - torch.bmm(shares.mT, self.images)[:, 0]
        far = image + (self.stretch[:, None] - 1) * change
        return torch.where(drifting, far, mixed).view_as(x)


def _like(per_problem: Tensor, state: Tensor) -> Tensor:
    return per_problem.view(-1, *(1,) * (state.ndim - 1))
