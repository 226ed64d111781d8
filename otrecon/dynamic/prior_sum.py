"""Several priors as one."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

__all__ = ["PriorSum"]


class PriorSum(nn.Module):
    """Weighted sum of priors that are themselves sums over frames, such as `TransportTargets` and `SpatialTV`.

    Parameters
    ----------
    priors
        Each with an attribute ``by_frames`` that is true, content with the frames of a mini-batch, and with the frames
        that it wants to see as ``aimed``.
    weights
        One of each, at least 0, in the unit of its prior.

    Raises
    ------
    ValueError
        If there are none, or not as many weights, a weight is negative or not finite, a prior is no sum over frames, or
        two draw from different generators.

    Attributes
    ----------
    generator
        That which priors of your own draw from, so that a checkpoint can hold its state; None where none of them draws.
    """

    by_frames = True

    def __init__(self, priors: Sequence[nn.Module], weights: Sequence[float]) -> None:
        super().__init__()
        if not priors or len(priors) != len(weights):
            raise ValueError(f"priors and weights must be as many, at least one, got {len(priors)} and {len(weights)}.")
        if not all(0 <= weight < math.inf for weight in weights):
            raise ValueError(f"weights must be at least 0, and finite, got {list(weights)}.")
        for prior in priors:
            if not getattr(prior, "by_frames", False):
                raise ValueError(
                    f"{type(prior).__name__} is no sum over frames as it is: leave it out, or make it one, as "
                    "SpatialTV(frames) is."
                )
        drawing = {id(one): one for prior in priors if (one := getattr(prior, "generator", None)) is not None}
        if len(drawing) > 1:
            raise ValueError("priors draw from different generators, and a checkpoint holds one: give all the same.")
        self.generator = next(iter(drawing.values()), None)
        self.priors, self.weights = nn.ModuleList(priors), tuple(map(float, weights))

    @property
    def aimed(self) -> tuple[int, ...]:
        """Frames that at least one of them wants to see."""
        return tuple(sorted({k for prior in self.priors for k in getattr(prior, "aimed", ())}))

    def prepare(self, render: Callable[[], Tensor]) -> None:
        """Let each do what it does before a step, with the film that ``render`` draws."""
        for prior in self.priors:
            prepare = getattr(prior, "prepare", None)
            if callable(prepare):
                prepare(render)

    def forward(self, images: Tensor, frames: Tensor) -> Tensor:
        """Give the penalty of the images ``(n, y, x)`` of some frames ``(n,)``: a real scalar, part of the sum."""
        parts = [w * prior(images, frames) for w, prior in zip(self.weights, self.priors, strict=True)]
        return torch.stack(parts).sum()

    def extra_repr(self) -> str:
        """Show the weights: a checkpoint tells priors apart by them."""
        return f"weights={self.weights}"
