"""What is solved, and what the truth is: Gaussians, whose divergences and barycenters have closed forms.

The closed form of the entropic value is that of Janati, Muzellec, Peyré and Cuturi (2020), for diagonal covariances
and in our convention. It is written here a second time, in numpy, so that a slip in the package cannot hide in its own
benchmark.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Answer", "Barycenter", "Divergence", "Problem", "gaussian"]

Array = NDArray[np.float64]
Answer = float | Array


def gaussian(shape: Sequence[int], mean: Sequence[float], std: Sequence[float]) -> Array:
    """Sample a Gaussian at the pixels, its mass 1."""
    density = np.ones(())
    for n, m, s in zip(shape, mean, std, strict=True):
        density = density[..., None] * np.exp(-((np.arange(n) - m) ** 2) / (2 * s**2))
    return density / density.sum()


def _entropic(m: float, s: float, n: float, t: float, eps: float) -> float:
    """Value between N(m, s^2) and N(n, t^2) on the line: cost |x - y|^2 / 2, entropy against the product."""
    root = math.sqrt(4 * s**2 * t**2 + eps**2)
    return ((m - n) ** 2 + s**2 + t**2 - root + eps * (1 - math.log(2 * eps)) + eps * math.log(root + eps)) / 2


@dataclass(frozen=True)
class Divergence:
    """Sinkhorn divergence between two Gaussians of unequal widths, a quarter of the image apart along each axis.

    Attributes
    ----------
    shape : tuple of int
        Pixels along each axis.
    blur : float
        In pixels.
    """

    shape: tuple[int, ...]
    blur: float

    kind = "divergence"

    @property
    def _places(self) -> list[tuple[float, float, float, float]]:
        # Five widths of room on every side: what is cut off is far below the accuracy asked for.
        widths = ((0.06, 0.07), (0.07, 0.05), (0.05, 0.06))
        return [(0.37 * n, s * n, 0.62 * n, t * n) for n, (s, t) in zip(self.shape, widths, strict=False)]

    @property
    def measures(self) -> tuple[Array, Array]:
        """Both images, mass 1."""
        m, s, n, t = zip(*self._places, strict=True)
        return gaussian(self.shape, m, s), gaussian(self.shape, n, t)

    @property
    def truth(self) -> float:
        """Value of the divergence, in squared pixels."""
        eps = self.blur**2
        return sum(
            _entropic(m, s, n, t, eps) - _entropic(m, s, m, s, eps) / 2 - _entropic(n, t, n, t, eps) / 2
            for m, s, n, t in self._places
        )

    def errors(self, answer: Answer) -> dict[str, float]:
        """Relative error of the value."""
        return {"error": abs(float(answer) / self.truth - 1)}

    def excess(self, errors: dict[str, float]) -> float:
        """Error in units of what is asked: a relative 1e-4 of the value. At most 1 where the problem is solved."""
        return errors["error"] / 1e-4

    def wrong(self, errors: dict[str, float]) -> bool:
        """Whether it is off by more than 1 %, so that a user has to be told."""
        return not errors["error"] <= 1e-2


@dataclass(frozen=True)
class Barycenter:
    """Debiased barycenter, equal weights, of two Gaussians of equal width: the same Gaussian, half-way, at any blur.

    Attributes
    ----------
    shape : tuple of int
        Pixels along each axis.
    blur : float
        In pixels.
    """

    shape: tuple[int, ...]
    blur: float

    kind = "barycenter"

    @property
    def _std(self) -> list[float]:
        return [n / 16 for n in self.shape]

    @property
    def measures(self) -> tuple[Array, Array]:
        """Both images, mass 1."""
        first, second = ([c * n for n in self.shape] for c in (0.37, 0.62))
        return gaussian(self.shape, first, self._std), gaussian(self.shape, second, self._std)

    def errors(self, answer: Answer) -> dict[str, float]:
        """Errors of width (relative, worst axis), of mean (pixels, worst axis) and of mass."""
        measure = np.asarray(answer, dtype=np.float64)
        mass = measure.sum()
        if not math.isfinite(mass) or mass == 0:
            return dict.fromkeys(("error", "mean_error", "mass_error"), math.nan)
        mean_error = std_error = 0.0
        for axis, (n, std) in enumerate(zip(self.shape, self._std, strict=True)):
            profile = measure.sum(tuple(k for k in range(measure.ndim) if k != axis)) / mass
            mean = (np.arange(n) * profile).sum()
            width = np.sqrt(((np.arange(n) - mean) ** 2 * profile).sum())
            mean_error, std_error = max(mean_error, abs(mean - 0.495 * n)), max(std_error, abs(width / std - 1))
        return {"error": float(std_error), "mean_error": float(mean_error), "mass_error": float(abs(mass - 1))}

    def excess(self, errors: dict[str, float]) -> float:
        """Worst error in units of what is asked: 1 % of the width, 1e-3 of the mass, 0.02 pixels of the mean."""
        parts = errors["error"] / 1e-2, errors["mass_error"] / 1e-3, errors["mean_error"] / 0.02
        return max(parts) if all(map(math.isfinite, parts)) else math.nan

    def wrong(self, errors: dict[str, float]) -> bool:
        """Whether it is off by 5 % of the width, 1 % of the mass or a pixel, so that a user has to be told."""
        return not (errors["error"] <= 0.05 and errors["mass_error"] <= 0.01 and errors["mean_error"] <= 1)


Problem = Divergence | Barycenter
