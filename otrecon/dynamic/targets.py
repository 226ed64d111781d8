"""Our own prior: every frame without data is drawn towards what transport puts between its observed neighbours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from otrecon.checks import check_count, check_positive
from otrecon.dynamic.checks import check_film, check_frames, check_one_of
from otrecon.dynamic.classical import barycentric_frames, neighbours
from otrecon.dynamic.warping import warped_frames
from otrecon.grid import check_im_size

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
        Steps from one making of the targets to the next, 1 or more.
    also_observed
        Whether observed frames get targets too, each from the observed ones before and after it: for data that are
        thin in every frame.
    moves
        ``"mass"``: brightness travels, as :func:`barycentric_frames` has it; ``"edges"``: edges do, and pictures are
        warped along, as :func:`warped_frames` has it, for films in which brightness comes and goes.
    blur
        In pixels.
    reach
        In pixels: mass farther apart fades out and in rather than travels. None: all of it travels; edges then have
        that of :func:`warped_frames`.
    tol
        Of each transport. Targets of a film that is still wrong need not be exact.
    dtype
        Of the targets, that of the film.

    Notes
    -----
    The targets are a buffer, and so is the number of steps: a checkpoint holds them, and a fit that was interrupted
    between two makings goes on with the same.
    """

    by_frames = True
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
        moves: str = "mass",
        blur: float = 0.7,
        reach: float | None = None,
        tol: float = 1e-2,
        dtype: torch.dtype = torch.complex64,
    ) -> None:
        super().__init__()
        self.observed = check_frames("observed", observed, check_count("frames", frames, 3), least=2)
        self.film_size = (frames, *check_im_size(im_size))
        self.refresh, self.also_observed = check_count("refresh", refresh), also_observed
        self.moves = check_one_of("moves", moves, ("mass", "edges"))
        self.blur = check_positive("blur", blur)
        self.tol = check_positive("tol", tol)
        self.reach = None if reach is None else check_positive("reach", reach)
        self.aimed = tuple(k for k, *_ in neighbours(self.observed, frames, also_observed=also_observed))
        if not self.aimed:
            also = "" if also_observed else "say also_observed=True, or "
            raise ValueError(f"no frame lies between two observed ones: {also}leave the prior out.")
        self.register_buffer("targets", torch.zeros((len(self.aimed), *self.film_size[1:]), dtype=dtype))
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    def prepare(self, render: Callable[[], Tensor]) -> None:
        """Count a step, and make the targets anew where it is time, of the film that ``render`` draws."""
        if int(self.steps) % self.refresh == 0:
            self.targets.copy_(self.make(render()))
        self.steps += 1

    def forward(self, images: Tensor, frames: Tensor) -> Tensor:
        """Give the penalty of the images ``(n, y, x)`` of some frames ``(n,)``: a real scalar, part of the sum."""
        check_film(images, len(frames), least=1)
        place = {k: i for i, k in enumerate(self.aimed)}
        asked = [(i, place[k]) for i, k in enumerate(frames.tolist()) if k in place]
        energy = self.targets.abs().square().sum()
        if int(self.steps) == 0:
            raise RuntimeError("there are no targets yet: call prepare before the first step.")
        if not energy > 0:
            raise RuntimeError(
                "the targets are zero or not finite, as the film has gone out: take a lower rate or weight."
            )
        if not asked:
            return images.real.sum() * 0
        mine, theirs = (list(one) for one in zip(*asked, strict=True))
        return (images[mine] - self.targets[theirs]).abs().square().sum() / energy

    def make(self, film: Tensor) -> Tensor:
        """Make the targets of a film, of the size that was announced; complex ones want a complex ``dtype``."""
        film = check_film(film, self.film_size[0])
        if tuple(film.shape) != self.film_size or (film.is_complex() and not self.targets.is_complex()):
            raise ValueError(
                f"the targets are {self.targets.dtype}, of a film {self.film_size}; this one is {film.dtype}, of shape "
                f"{tuple(film.shape)}: say dtype= and im_size= accordingly."
            )
        settings: dict[str, Any] = {"blur": self.blur, "tol": self.tol}
        if self.reach is not None:
            settings["reach"] = self.reach
        fill = barycentric_frames if self.moves == "mass" else warped_frames
        return fill(film, self.observed, also_observed=self.also_observed, **settings)[list(self.aimed)]

    def extra_repr(self) -> str:
        """Show the settings: a checkpoint tells priors apart by them."""
        return (
            f"observed={self.observed}, refresh={self.refresh}, also_observed={self.also_observed}, "
            f"moves={self.moves}, blur={self.blur}, reach={self.reach}, tol={self.tol}"
        )
