"""The length of a film's path through the space of measures (row 000-M6)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from otrecon.checks import check_positive
from otrecon.dynamic.checks import check_film, check_frames, check_one_of, exact_measure
from otrecon.ot import Grid, sinkhorn_divergence

__all__ = ["WassersteinPath"]


class WassersteinPath(nn.Module):
    """Transport from each frame to the next, summed: ``sum_k S(u_k, u_(k+1))`` for frames scaled to mass 1.

    ``S`` is the debiased Sinkhorn divergence with cost ``|x - y|^2 / 2``, about half the squared Wasserstein distance.
    It asks that mass moves little; it does not say where to, so that frames without data tend to repeat a neighbour or
    to be anything on the way between two.

    Parameters
    ----------
    blur
        In pixels.
    squared
        Whether ``S`` itself is summed, which is smallest when a path is walked at constant speed, or ``sqrt(2 S)``,
        about the Wasserstein distance, for which all speeds are alike. The source does not say which.
    frames
        Frames among which successive pairs are taken; None: all. The source says "acquired" frames, which would say
        nothing about the others; its figures need all.
    reduction
        ``"sum"`` over pairs, or ``"mean"``.
    unit
        ``"field"``: lengths in units of the longer side of the image, as in the source; ``"pixel"``. Squared, they
        differ by the square of the number of pixels.
    tol, max_iterations
        Of each transport.

    Source: row 000-M6, errata 10 and 12.
    """

    def __init__(
        self,
        *,
        blur: float = 1.0,
        squared: bool = True,
        frames: Sequence[int] | None = None,
        reduction: str = "sum",
        unit: str = "field",
        tol: float = 1e-3,
        max_iterations: int = 200,
    ) -> None:
        super().__init__()
        self.blur, self.squared, self.frames = check_positive("blur", blur), squared, frames
        self.reduction = check_one_of("reduction", reduction, ("sum", "mean"))
        self.unit = check_one_of("unit", unit, ("field", "pixel"))
        self.tol, self.max_iterations = tol, max_iterations

    def forward(self, film: Tensor, frames: Tensor | None = None) -> Tensor:
        """Give the penalty of a film ``(t, y, x)``, a real scalar; of complex frames the modulus is the mass."""
        del frames  # all of them, in order
        film = check_film(film)
        if self.frames is not None:
            film = film[list(check_frames("frames", self.frames, len(film), least=2))]
        mass = exact_measure(film)
        size = (int(film.shape[-2]), int(film.shape[-1]))
        found = sinkhorn_divergence(
            mass[:-1], mass[1:], Grid(size), blur=self.blur, tol=self.tol, max_iterations=self.max_iterations
        )
        value = found.value / (max(size) ** 2 if self.unit == "field" else 1)
        if not self.squared:
            # At 0 the root has no slope: a floor far below any distance that matters.
            value = (2 * value.clamp_min(1e-12)).sqrt()
        total = value.sum() if self.reduction == "sum" else value.mean()
        return total.to(film.real.dtype)

    def extra_repr(self) -> str:
        """Show the settings: a checkpoint tells priors apart by them."""
        return (
            f"blur={self.blur}, squared={self.squared}, frames={self.frames}, reduction={self.reduction}, "
            f"unit={self.unit}, tol={self.tol}, max_iterations={self.max_iterations}"
        )
