"""A film fitted to its data, with a prior that sets in late."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from otrecon.checks import check_count
from otrecon.inr import Fit, fit

__all__ = ["FilmFit", "fit_film"]


class FilmFit(nn.Module):
    """A model of a film, its data term and its prior: the loss of a step, with a prior that sets in late.

    ``loss = data + weight * ramp * prior(film)``, where ``ramp`` is 0 before the step ``start`` and then rises to 1
    in ``ramp_steps`` equal steps. While it is 0 the prior is not computed.

    Parameters
    ----------
    model
        Its parameters are fitted.
    data
        Gives the data term, a real scalar; closes over the model.
    film
        Gives the film ``(t, y, x)`` of the model, for the prior.
    prior
        From film to a real scalar: `WassersteinPath`, `BarycenterPrior`, `TransportTargets`, or any module. None: data
        alone.
    weight
        Of the prior, at least 0, in units of the data term per unit of the prior: each says what its own unit is.
    start
        Step at which the prior sets in.
    ramp_steps
        Steps over which it rises to its full weight.
    """

    step: Tensor

    def __init__(
        self,
        model: nn.Module,
        data: Callable[[], Tensor],
        film: Callable[[], Tensor],
        prior: nn.Module | None = None,
        *,
        weight: float = 1.0,
        start: int = 0,
        ramp_steps: int = 0,
    ) -> None:
        super().__init__()
        if not weight >= 0:
            raise ValueError(f"weight must be at least 0, got {weight}.")
        self.model, self.prior = model, prior
        self.data, self.film, self.weight = data, film, float(weight)
        self.start, self.ramp_steps = check_count("start", start, 0), check_count("ramp_steps", ramp_steps, 0)
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))

    def forward(self) -> Tensor:
        """Give the loss of the step at hand, and count it."""
        step = int(self.step)
        self.step += 1
        loss = self.data()
        if self.prior is None or step < self.start:
            return loss
        ramp = min(1.0, (step - self.start + 1) / (self.ramp_steps + 1))
        return loss + self.weight * ramp * self.prior(self.film())

    @property
    def settled(self) -> int:
        """Step from which the loss is the same function: weights from before are not compared with later ones."""
        return 0 if self.prior is None else self.start + self.ramp_steps

    def extra_repr(self) -> str:
        """Show the settings: a checkpoint tells fits apart by them."""
        return f"weight={self.weight}, start={self.start}, ramp_steps={self.ramp_steps}"


def fit_film(
    problem: FilmFit, steps: int, *, lr: float = 1e-3, checkpoint: Path | str | None = None, **settings: Any
) -> Fit:
    """Fit a film: :func:`otrecon.inr.fit`, which judges weights only once the prior has its full weight.

    Parameters
    ----------
    problem
        The film and its losses.
    steps
        Steps in all; more than it takes the prior to set in.
    lr, checkpoint, settings
        As of :func:`otrecon.inr.fit`.

    Raises
    ------
    ValueError
        If the prior would not reach its full weight.
    """
    if steps <= problem.settled:
        raise ValueError(f"the prior has its full weight after {problem.settled} steps; take more than {steps}.")
    return fit(
        problem, lambda _: problem(), steps, lr=lr, checkpoint=checkpoint, judge_from=problem.settled, **settings
    )
