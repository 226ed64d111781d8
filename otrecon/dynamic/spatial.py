"""Few edges in every frame."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from otrecon.dynamic.checks import check_film

__all__ = ["SpatialTV"]


class SpatialTV(nn.Module):
    """Mean over pixels and frames of the length of the difference to the next pixels, divided by the mean modulus.

    Without unit: twice the film has the same penalty. Its gradient holds the mean modulus fixed: it is that of total
    variation alone, which pulls at the contrast, too. The root is rounded off below a thousandth of the mean modulus.
    """

    def forward(self, film: Tensor, frames: Tensor | None = None) -> Tensor:
        """Give the penalty of a film ``(t, y, x)``, real or complex: a real scalar."""
        del frames
        film = check_film(film, least=1)
        scale = film.detach().abs().mean().clamp_min(torch.finfo(film.real.dtype).tiny)
        down = film[:, 1:, :-1] - film[:, :-1, :-1]
        right = film[:, :-1, 1:] - film[:, :-1, :-1]
        squared = down.abs().square() + right.abs().square()
        length = (squared / scale**2 + 1e-6).sqrt() - 1e-3
        return length.mean()
