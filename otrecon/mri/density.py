"""Density compensation: how much area of k-space each sample of a non-Cartesian trajectory stands for.

Weights are in units of one cell of the Cartesian grid, ``(2 pi / y) (2 pi / x)``. Then gridding,
``A^H (dcomp * kdata)`` with the unitary transform A of this room, returns the image itself with no further factor.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from otrecon.grid import check_im_size, check_ktraj

__all__ = ["DensityCompensation", "pipe_density", "radial_density"]


@dataclass(frozen=True)
class DensityCompensation:
    """Weights found by iteration, and how well they did.

    Attributes
    ----------
    dcomp : Tensor
        float64 ``(samples,)``.
    converged : bool
        Whether the last residual is within the tolerance.
    iterations : int
        Number of updates made.
    residuals : tuple of float
        Weighted mean of the deviation from 1 of the response of each sample to itself: before each update, and at
        the end.
    """

    dcomp: Tensor
    converged: bool
    iterations: int
    residuals: tuple[float, ...]


def pipe_density(
    ktraj: Tensor, im_size: Sequence[int], *, max_iterations: int = 60, tolerance: float = 5e-3
) -> DensityCompensation:
    """Density compensation by the fixed-point iteration of Pipe and Menon, for any trajectory.

    Let ``a[s]`` be row ``s`` of the non-uniform transform A, of norm 1. The weights sought make gridding exact in the
    mean at each sample: ``a[s] A^H D A a[s]^H = 1``, that is ``sum over r of w[r] |a[s] . a[r]|^2 = 1``. The kernel
    ``|a[s] . a[r]|^2`` is not negative, and the iteration ``w <- w / (kernel w)`` stays positive. It is the transform
    of a triangle of twice the image's width, so one update takes two NUFFTs.

    Parameters
    ----------
    ktraj
        Trajectory ``(2, samples)`` in rad/voxel.
    im_size
        Image size ``(y, x)``. Samples closer together than ``2 pi / n`` share their area; a sample farther than that
        from all others gets the weight 1, one Cartesian cell.
    max_iterations
        Most updates made. Spokes and grids need less than ten for the default tolerance; places drawn at random, four
        to eight a pixel, about forty.
    tolerance
        Stop when the residual (see :class:`DensityCompensation`) is within it.

    Returns
    -------
    DensityCompensation
        Weights and convergence.

    Raises
    ------
    ValueError
        If ``max_iterations`` or ``tolerance`` is not positive, or the trajectory is not one.

    Notes
    -----
    Radial readouts should be oversampled twice (``radial_trajectory(..., oversampling=2)``): without, aliasing along
    the readout spoils gridding, whatever the weights.

    References
    ----------
    J. G. Pipe and P. Menon, Magn. Reson. Med. 41 (1999).
    """
    from otrecon.mri.nufft import NUFFT

    y, x = check_im_size(im_size)
    if max_iterations < 1 or not tolerance > 0:
        raise ValueError(f"max_iterations and tolerance must be positive, got {max_iterations} and {tolerance}.")
    double = NUFFT(ktraj, (2 * y, 2 * x))
    triangles = [1 - (torch.arange(2 * n, dtype=torch.float64, device=ktraj.device) - n).abs() / n for n in (y, x)]
    window = 4 * triangles[0][:, None] * triangles[1]
    w = torch.ones(ktraj.shape[1], dtype=torch.float64, device=ktraj.device)
    residuals: list[float] = []
    with torch.no_grad():
        while True:
            response = double._forward(window * double._adjoint(w.to(torch.complex128))).real
            residuals.append(float((w * (response - 1).abs()).sum() / w.sum()))
            converged = residuals[-1] <= tolerance
            if converged or len(residuals) > max_iterations:
                return DensityCompensation(w, converged, len(residuals) - 1, tuple(residuals))
            w = w / response


def radial_density(ktraj: Tensor, im_size: Sequence[int], *, samples: int) -> Tensor:
    """Density compensation of diametral spokes in closed form: the ramp of filtered backprojection.

    A sample at radius ``k`` stands for the area ``k dk dtheta``, where ``dtheta`` is half the angle between the two
    neighbouring spokes, uniform or not. At the centre, where the ramp has its kink, ``dk^2 dtheta / 6`` makes the sum
    over a spoke equal the integral to fourth order in ``dk``.

    Parameters
    ----------
    ktraj
        Radial trajectory ``(2, spokes * samples)`` in rad/voxel, spoke-major, evenly spaced through the centre.
    im_size
        Image size ``(y, x)``.
    samples
        Points per spoke as ``ktraj`` has them, after oversampling: ``2 * n`` for
        ``radial_trajectory(spokes, n, oversampling=2)``.

    Returns
    -------
    Tensor
        float64 ``(spokes * samples,)``.

    Raises
    ------
    ValueError
        If ``samples`` does not divide the trajectory, or it is not made of such spokes.

    Notes
    -----
    With fewer spokes than the Nyquist rate the outer samples stand for more than one Cartesian cell: the ramp keeps
    the contrast of the image and amplifies streaks, where :func:`pipe_density` damps both.
    """
    check_ktraj(ktraj)
    y, x = check_im_size(im_size)
    if samples < 2 or ktraj.shape[1] % samples != 0:
        raise ValueError(
            f"samples={samples} does not divide the {ktraj.shape[1]} samples of the trajectory; it counts the points "
            "of a spoke after oversampling."
        )
    points = ktraj.double().unflatten(1, (-1, samples))
    step = (points[:, :, -1] - points[:, :, 0]) / (samples - 1)
    spacing = torch.linalg.vector_norm(step, dim=0).mean()
    position = torch.arange(samples, dtype=torch.float64, device=ktraj.device) - samples // 2
    if not torch.allclose(points, step[:, :, None] * position, rtol=0, atol=1e-3 * float(spacing)):
        raise ValueError(
            f"The trajectory does not consist of evenly spaced spokes of {samples} points with k = 0 at point "
            f"{samples // 2}. samples counts the points of a spoke after oversampling: oversampling * n of "
            "radial_trajectory. For any other trajectory, use pipe_density."
        )
    ramp = spacing * position.abs()
    ramp[samples // 2] = spacing / 6
    area = _angular_share(torch.atan2(step[0], step[1]))[:, None] * ramp * spacing
    return area.flatten() * (y * x / (2 * math.pi) ** 2)


def _angular_share(angles: Tensor) -> Tensor:
    """Half the angle between the two neighbours of each line through the centre; the shares add up to pi."""
    ordered, order = torch.sort(torch.remainder(angles, math.pi))
    gap = torch.diff(ordered, append=ordered[:1] + math.pi)
    share = torch.empty_like(gap)
    share[order] = (gap + gap.roll(1)) / 2
    return share
