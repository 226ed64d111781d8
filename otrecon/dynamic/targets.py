"""Our own prior: every frame without data is drawn towards what transport puts between its observed neighbours."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from otrecon.checks import check_count, check_positive
from otrecon.dynamic.checks import check_film, check_frames
from otrecon.dynamic.classical import barycentric_frames

__all__ = ["TransportTargets"]


class TransportTargets(nn.Module):
    """Squared distance of frames from targets that are moved mass, relative to the energy of the targets.

    Where the barycenter prior of the source asks for a mean position between two frames that are themselves unknown,
    this one asks the *observed* frames, whatever the gap, with weights by time; it carries intensity along; and its
    targets are made anew only every ``refresh`` steps, from the film as it is then, so that they become better as the
    fit does and cost little. Without unit: a weight of 1 counts a target as much as data of the same energy.

    Parameters
    ----------
    frames, im_size
        Of the film ``(t, y, x)``.
    observed
        Frames that have data; the others get targets.
    refresh
        Steps between two makings of the targets.
    also_observed
        Whether observed frames get targets too, each from the observed ones before and after it: for data that are
        thin in every frame.
    blur
        In pixels.
    reach
        In pixels: mass farther apart fades out and in rather than travels. None: all of it travels.

    Notes
    -----
    The targets are a buffer, and so is the number of steps: a checkpoint holds them, and a fit that was interrupted
    between two makings goes on with the same.
    """

    targets: Tensor
    steps: Tensor

    def __init__(
        self,
        frames: int,
        im_size: Sequence[int],
        observed: Sequence[int],
        *,
        refresh: int = 25,
        also_observed: bool = False,
        blur: float = 0.7,
        reach: float | None = None,
        dtype: torch.dtype = torch.complex64,
    ) -> None:
        super().__init__()
        self.observed = check_frames("observed", observed, check_count("frames", frames, 3), least=2)
        self.refresh, self.also_observed = check_count("refresh", refresh), also_observed
        self.blur = check_positive("blur", blur)
        self.reach = None if reach is None else check_positive("reach", reach)
        inner = self.observed[1:-1] if also_observed else ()
        missing = (k for k in range(self.observed[0] + 1, self.observed[-1]) if k not in self.observed)
        self.aimed = tuple(sorted([*missing, *inner]))
        if not self.aimed:
            raise ValueError("no frame lies between two observed ones: say also_observed=True, or leave the prior out.")
        self.register_buffer("targets", torch.zeros((len(self.aimed), *im_size), dtype=dtype))
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    def forward(self, film: Tensor) -> Tensor:
        """Give the penalty of a film ``(t, y, x)``, a real scalar; counts the steps."""
        film = check_film(film, least=3)
        if int(self.steps) % self.refresh == 0:
            self.targets.copy_(self.make(film.detach()))
        self.steps += 1
        error = (film[list(self.aimed)] - self.targets).abs().square().sum()
        return error / self.targets.abs().square().sum().clamp_min(torch.finfo(error.dtype).tiny)

    def make(self, film: Tensor) -> Tensor:
        """Make the targets of a film."""
        settings = {"blur": self.blur, "reach": self.reach}
        filled = barycentric_frames(film, self.observed, **settings)
        if self.also_observed:
            # Each from the observed frames around it: every second one is asked about the others.
            for odd in (0, 1):
                asked = sorted({self.observed[0], *self.observed[odd::2], self.observed[-1]})
                between = barycentric_frames(film, asked, **settings)
                for k in self.observed[1:-1]:
                    if k not in asked:
                        filled[k] = between[k]
        return filled[list(self.aimed)]

    def extra_repr(self) -> str:
        """Show the settings: a checkpoint tells priors apart by them."""
        return (
            f"observed={self.observed}, refresh={self.refresh}, also_observed={self.also_observed}, blur={self.blur}, "
            f"reach={self.reach}"
        )
