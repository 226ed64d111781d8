"""A Gaussian as a measure, and the linear algebra of covariances that may be singular."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from otrecon.ot.geometry import Grid

__all__ = ["Gaussian", "eigenvalues", "root"]


@dataclass(frozen=True, eq=False, init=False)
class Gaussian:
    """A Gaussian measure, of any mass; without width in some direction, or in all of them, it is flat, or a point.

    Parameters
    ----------
    mean
        ``(d,)``, a length in the unit of the grid's ``spacing``, axes ordered as the grid's: ``(y, x)`` for an image. A
        number is a point on the line.
    covariance
        ``(d, d)``, length squared, symmetric, no negative eigenvalue. A number is the variance along every axis.
    mass
        Total mass, positive.

    Attributes
    ----------
    mean, covariance : Tensor
        Float64, ``(d,)`` and ``(d, d)``.
    mass : float

    Raises
    ------
    ValueError
        If the shapes do not fit, the covariance is none, or a number is not finite.
    """

    mean: Tensor
    covariance: Tensor
    mass: float

    def __init__(
        self,
        mean: Tensor | Sequence[float] | float,
        covariance: Tensor | Sequence[Sequence[float]] | float,
        mass: float = 1.0,
    ) -> None:
        m = torch.atleast_1d(torch.as_tensor(mean, dtype=torch.float64))
        c = torch.as_tensor(covariance, dtype=torch.float64)
        if c.ndim == 0:
            c = c * torch.eye(m.numel(), dtype=torch.float64)
        if m.ndim != 1 or c.shape != (m.numel(), m.numel()):
            raise ValueError(
                f"mean must be (d,) and covariance (d, d) or a number, got {tuple(m.shape)} and {tuple(c.shape)}."
            )
        if not (torch.isfinite(m).all() and torch.isfinite(c).all()):
            raise ValueError("mean and covariance must be finite.")
        size = float(c.abs().max())
        if float((c - c.mT).abs().max()) > 1e-9 * size or float(torch.linalg.eigvalsh(c)[0]) < -1e-9 * size:
            raise ValueError(f"covariance must be symmetric without negative eigenvalues, got {c.tolist()}.")
        if not (math.isfinite(mass) and mass > 0):
            raise ValueError(f"mass must be a positive number, got {mass}.")
        object.__setattr__(self, "mean", m)
        object.__setattr__(self, "covariance", (c + c.mT) / 2)
        object.__setattr__(self, "mass", float(mass))

    @property
    def ndim(self) -> int:
        """Number of axes d."""
        return self.mean.numel()

    def on(self, grid: Grid) -> Tensor:
        """Sample the density at the points of a grid and scale it to the mass.

        Two errors come with it, and both fall steeply. Between the points: moments of the samples differ from those of
        the Gaussian by about ``exp(-2 (pi width / spacing)**2)``, 1e-2 at a width of half a pixel, 3e-9 at one pixel.
        Beyond the border: what lies outside is cut off, on each side half of ``erfc(distance / (width sqrt(2)))``, 3e-7
        at five widths.

        Parameters
        ----------
        grid
            With as many axes as the Gaussian.

        Returns
        -------
        Tensor
            Float64, shape of the grid, the sum is the mass.

        Raises
        ------
        ValueError
            If the number of axes differs, the Gaussian is flat or a point, or none of it falls on the grid.
        """
        points = grid.coordinates()
        if points.shape[-1] != self.ndim:
            raise ValueError(
                f"a Gaussian in {self.ndim}-D needs a grid of as many axes, got shape {tuple(grid.shape)}."
            )
        factor, info = torch.linalg.cholesky_ex(self.covariance)
        if int(info):
            raise ValueError(
                "the covariance is singular, so there is no density to sample; put the mass on the pixels yourself, or "
                "give it some width."
            )
        offset = (points - self.mean.to(points.device)).reshape(-1, self.ndim).mT
        white = torch.linalg.solve_triangular(factor.to(points.device), offset, upper=False)
        exponent = white.square().sum(0) / 2
        density = torch.exp(-exponent).reshape(points.shape[:-1])
        total = density.sum()
        if not float(total) > 0:
            raise ValueError(
                f"none of the Gaussian falls on the grid: mean {self.mean.tolist()}, and the grid spans "
                f"{points.flatten(0, -2)[0].tolist()} to {points.flatten(0, -2)[-1].tolist()} with nothing of it near."
            )
        return density * (self.mass / total)


def eigenvalues(matrix: Tensor) -> Tensor:
    """Eigenvalues of a symmetric matrix without negative ones (up to rounding)."""
    return torch.linalg.eigvalsh((matrix + matrix.mT) / 2).clamp(min=0)


def root(matrix: Tensor) -> Tensor:
    """Symmetric root of a symmetric matrix without negative eigenvalues (up to rounding)."""
    values, vectors = torch.linalg.eigh((matrix + matrix.mT) / 2)
    return (vectors * torch.sqrt(values.clamp(min=0))) @ vectors.mT
