"""What was measured of a beating heart, frame by frame, and what it is compared with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from otrecon.dynamic import FilmModel
from otrecon.inr import KSpaceINR
from otrecon.mri import cg_sense
from otrecon.operators import LinearOperator

__all__ = ["Samples", "Scan", "full"]


class Samples(ABC):
    """Samples of the frames, some of which may have none, on spokes or on lines.

    Attributes
    ----------
    disc
        Whether k-space was sampled within the unit disc alone.
    """

    disc: bool = True

    @property
    @abstractmethod
    def largest(self) -> float:
        """The largest modulus."""

    @abstractmethod
    def film(self, smaps: Tensor) -> tuple[LinearOperator, Tensor]:
        """Operator of all frames, spokes weighed by density, and what it should give."""

    @abstractmethod
    def single(self, smaps: Tensor) -> tuple[list[LinearOperator | None], list[Tensor | None]]:
        """Give the same, frame by frame; None where there are no samples."""

    @abstractmethod
    def some(self, frames: Sequence[int]) -> Samples:
        """Leave out all frames but these."""

    @abstractmethod
    def kspace_film(self, network: KSpaceINR, smaps: Tensor | None) -> FilmModel:
        """Make a network of k-space a film with these samples."""


@dataclass(frozen=True, eq=False)
class Scan:
    """A film's samples.

    Attributes
    ----------
    reference
        What it is compared with: moduli ``(t, y, x)``, in the unit of the data.
    observed, missing
        Frames that have data, and those between them that have none. Those after the last with data are not judged:
        nothing says how the film goes on.
    smaps
        Coil sensitivities ``(coil, y, x)``, estimated from the data alone.
    samples
        Of all frames, without what was held out.
    held
        What was held out; None: nothing.
    every
        All samples of all frames, that one would have with more time.
    """

    reference: Tensor
    observed: list[int]
    missing: list[int]
    smaps: Tensor
    samples: Samples
    held: Samples | None
    every: Samples

    def predicted(self, film: Tensor) -> float | None:
        """Error of the samples that were held out, relative to them; None where there are none, or no phase."""
        if self.held is None or not film.is_complex():
            return None
        operator, kdata = self.held.film(self.smaps)
        return round(float((operator(film) - kdata).norm() / kdata.norm()), 6)


def full(samples: Samples, smaps: Tensor) -> Tensor:
    """Least squares of enough samples, by a few steps of conjugate gradients: a film ``(t, y, x)``."""
    operator, kdata = samples.film(smaps)
    return cg_sense(operator, kdata, tolerance=0.0, max_iterations=8).image
