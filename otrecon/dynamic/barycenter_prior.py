"""A frame lies half way between its neighbours: the barycenter prior of seed 000 (row 000-M5)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from otrecon.checks import check_count, check_positive
from otrecon.dynamic.checks import check_film, check_one_of, exact_measure
from otrecon.ot import Grid, barycenter
from otrecon.ot.appendix_b import appendix_b_barycenter
from otrecon.randomness import check_generator

__all__ = ["BarycenterPrior"]


class BarycenterPrior(nn.Module):
    """Squared distance of each frame, scaled to mass 1, from the barycenter of its two neighbours, held fixed.

    The barycenter is a constant of the step: it pulls at the frame between, not at the neighbours that it is made of
    (erratum 18). Frames are images of mass 1, whose values are of the order of one over the number of pixels, so that
    the penalty is small and useful weights are large: with the sums of the source, a weight of 1 does next to nothing.

    Parameters
    ----------
    triplets
        ``"random"``: one triplet of successive frames a step, chosen anew (the source's section 3.3.1), so that a step
        needs no other frames; ``"odd"``: those around frames 1, 3, 5, ... (its section 4.2.1); ``"all"``.
    solver
        ``"converged"``: :func:`otrecon.ot.barycenter`; ``"appendix B"``: the source's listing, whose mass falls short
        of 1 (erratum 17), on square images alone.
    blur
        In pixels, of the converged solver.
    reduction
        ``"sum"`` over pixels and triplets, or ``"mean"``. A random triplet stands for itself, not for all of them: in
        a sum it pulls as hard as it would among all, once in as many steps as there are triplets.
    tol, max_iterations
        Of each barycenter of the converged solver.
    generator
        Source of the random triplets. Give :func:`fit_film` the same: its state is in the checkpoint.

    Source: row 000-M5, errata 7, 9, 12, 17 and 18.
    """

    def __init__(
        self,
        *,
        triplets: str = "random",
        solver: str = "converged",
        blur: float = 0.7,
        reduction: str = "sum",
        tol: float = 1e-3,
        max_iterations: int = 200,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.triplets = check_one_of("triplets", triplets, ("random", "odd", "all"))
        self.solver = check_one_of("solver", solver, ("converged", "appendix B"))
        self.blur, self.reduction = check_positive("blur", blur), check_one_of("reduction", reduction, ("sum", "mean"))
        self.tol, self.max_iterations = tol, max_iterations
        if triplets == "random" and generator is None:
            raise ValueError("random triplets need a generator: torch.Generator().manual_seed(0), or triplets='all'.")
        self.generator = None if generator is None else check_generator(generator)

    def wanted(self, count: int) -> Tensor:
        """Choose the frames of ``count`` that a step needs: those of one triplet, or all; int64 ``(n,)``."""
        if self.triplets != "random" or self.generator is None:
            return torch.arange(count)
        choices = check_count("frames", count, 3) - 2
        first = int(torch.randint(choices, (1,), generator=self.generator, device=self.generator.device))
        return torch.arange(first, first + 3)

    def forward(self, film: Tensor, frames: Tensor | None = None) -> Tensor:
        """Give the penalty of a film, a real scalar; of complex frames the modulus is the mass.

        Parameters
        ----------
        film
            ``(t, y, x)``.
        frames
            Which frames of a longer film these are, as `wanted` chose them, int64 ``(t,)``. None: they are the film,
            and the triplets are chosen here.
        """
        film = check_film(film, least=3)
        if frames is None:
            film = film[self.wanted(len(film))]
        else:
            self._check_frames([int(k) for k in frames], len(film))
        middle = torch.arange(1, len(film) - 1, 2 if self.triplets == "odd" else 1)
        before, between, after = (exact_measure(film[middle + step]) for step in (-1, 0, 1))
        error = (between - self.targets(torch.stack([before, after], 1).detach())).square()
        return (error.sum() if self.reduction == "sum" else error.mean()).to(film.real.dtype)

    @torch.no_grad()
    def targets(self, pairs: Tensor) -> Tensor:
        """Barycenters ``(n, y, x)`` of pairs ``(n, 2, y, x)`` of measures."""
        if self.solver == "appendix B":
            return torch.stack([appendix_b_barycenter(pair) for pair in pairs])
        size = (int(pairs.shape[-2]), int(pairs.shape[-1]))
        return barycenter(pairs, Grid(size), blur=self.blur, tol=self.tol, max_iterations=self.max_iterations).measure

    def _check_frames(self, frames: list[int], images: int) -> None:
        random = self.triplets == "random"
        first = frames[0] if random and frames else 0
        if frames != list(range(first, first + images)) or (random and images != 3):
            asked = "three successive ones" if random else "all of them, in order"
            raise ValueError(
                f"frames must be what wanted() chose, {asked}, got {frames} for {images} images: leave frames out "
                "where these are the whole film."
            )

    def extra_repr(self) -> str:
        """Show the settings: a checkpoint tells priors apart by them."""
        return (
            f"triplets={self.triplets}, solver={self.solver}, blur={self.blur}, reduction={self.reduction}, "
            f"tol={self.tol}, max_iterations={self.max_iterations}"
        )
