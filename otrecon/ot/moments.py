"""Mass, mean and covariance of measures on a grid: what every claim about a transported image is checked with."""

from __future__ import annotations

import torch
from torch import Tensor

from otrecon.ot.checks import check_measure
from otrecon.ot.geometry import Grid

__all__ = ["covariance", "mass", "mean"]


def mass(a: Tensor, geometry: Grid) -> Tensor:
    """Total mass.

    Parameters
    ----------
    a
        ``(..., *geometry.shape)``, real, floating-point.
    geometry
        The grid that the trailing axes lie on.

    Returns
    -------
    Tensor
        ``(...,)``, dtype and device of ``a``; summed in float64 and differentiable, as are the others.

    Raises
    ------
    TypeError, ValueError
        If ``a`` is not a real tensor whose trailing axes fit the grid, has a value that is negative or not finite, or
        holds no mass.
    """
    return _flat(a, geometry).sum(-1).to(a.dtype)


def mean(a: Tensor, geometry: Grid) -> Tensor:
    """Centre of mass.

    Parameters
    ----------
    a, geometry
        As in `mass`.

    Returns
    -------
    Tensor
        ``(..., d)`` in the unit of ``spacing``, axes ordered as the grid's, origin at the pixel of index 0.

    Raises
    ------
    TypeError, ValueError
        As in `mass`.
    """
    share, points = _shares(a, geometry)
    return (share @ points).to(a.dtype)


def covariance(a: Tensor, geometry: Grid) -> Tensor:
    """Covariance of where the mass lies; its diagonal are the squared widths along the axes.

    Parameters
    ----------
    a, geometry
        As in `mass`.

    Returns
    -------
    Tensor
        ``(..., d, d)``, in the unit of ``spacing`` squared, divided by the mass.

    Raises
    ------
    TypeError, ValueError
        As in `mass`.
    """
    share, points = _shares(a, geometry)
    # Around the middle of the grid, so that the square of a far origin does not swallow a small width.
    points = points - points.mean(0)
    first = share @ points
    second = share @ (points[:, :, None] * points[:, None, :]).flatten(1)
    return (second.unflatten(-1, (points.shape[-1],) * 2) - first[..., :, None] * first[..., None, :]).to(a.dtype)


def _shares(a: Tensor, geometry: Grid) -> tuple[Tensor, Tensor]:
    """Shares of the mass ``(..., n)`` and the points ``(n, d)``, both float64."""
    flat = _flat(a, geometry)
    return flat / flat.sum(-1, keepdim=True), geometry.coordinates().to(flat).flatten(0, -2)


def _flat(a: Tensor, geometry: Grid) -> Tensor:
    """Return the measures as float64 ``(..., n)``, or raise."""
    check_measure("a", a, geometry.shape)
    return a.to(torch.float64).flatten(a.ndim - len(geometry.shape))
