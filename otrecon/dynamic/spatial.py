"""Few edges in every frame."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from otrecon.checks import check_count
from otrecon.dynamic.checks import check_film

__all__ = ["SpatialTV"]


class SpatialTV(nn.Module):
    """Mean over pixels and frames of the length of the difference to the next pixels, divided by the mean modulus.

    Without unit: twice the film has the same penalty. Its gradient holds the mean modulus fixed: it is that of total
    variation alone, which pulls at the contrast, too. The root is rounded off below a thousandth of the mean modulus.

    Parameters
    ----------
    frames
        Of the film: some of them then have their part of its mean, relative to a mean modulus of their own, so that a
        fit may look at mini-batches. None: whatever it gets is all of it.
    """

    def __init__(self, frames: int | None = None) -> None:
        super().__init__()
        self.frames = None if frames is None else check_count("frames", frames)

    @property
    def by_frames(self) -> bool:
        """Whether it is a sum over frames: nearly, where they are not equally bright."""
        return self.frames is not None

    @property
    def aimed(self) -> tuple[int, ...]:
        """Frames that it wants to see."""
        return tuple(range(self.frames or 0))

    def forward(self, film: Tensor, frames: Tensor | None = None) -> Tensor:
        """Give the penalty of a film, or of some frames of it ``(n, y, x)``, real or complex: a real scalar."""
        del frames
        film = check_film(film, least=1)
        scale = film.detach().abs().mean().clamp_min(torch.finfo(film.real.dtype).tiny)
        down = film[:, 1:, :-1] - film[:, :-1, :-1]
        right = film[:, :-1, 1:] - film[:, :-1, :-1]
        squared = down.abs().square() + right.abs().square()
        length = (squared / scale**2 + 1e-6).sqrt() - 1e-3
        return length.mean() * (1.0 if self.frames is None else len(film) / self.frames)

    def extra_repr(self) -> str:
        """Show the setting: a checkpoint tells priors apart by it."""
        return f"frames={self.frames}"
