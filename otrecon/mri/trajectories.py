"""Where k-space is sampled: radial trajectories, their undersampling, and their order.

A trajectory ``ktraj`` has shape ``(2, samples)`` and is in radians per voxel: row 0 is ky, row 1 is kx, and the Nyquist
frequency is pi. Radial trajectories are spoke-major: the samples of one readout follow one another.
"""

from __future__ import annotations

import math
from typing import Literal, get_args

import torch
from torch import Tensor

from otrecon.grid import cartesian_trajectory

__all__ = [
    "GOLDEN_ANGLE",
    "TINY_GOLDEN_ANGLE",
    "cartesian_trajectory",
    "interleaved_spokes",
    "largest_angular_gap",
    "radial_trajectory",
    "select_spokes",
    "spoke_angles",
]

Scheme = Literal["golden", "tiny-golden", "uniform"]

GOLDEN_ANGLE = math.pi * (math.sqrt(5) - 1) / 2
"""111.246 degrees: pi divided by the golden ratio."""

TINY_GOLDEN_ANGLE = math.pi / ((1 + math.sqrt(5)) / 2 + 6)
"""23.628 degrees, the seventh tiny golden angle: as even a cover, with smaller gradient steps (fewer eddy currents)."""


def spoke_angles(spokes: int, scheme: Scheme = "golden", *, first_spoke: int = 0) -> Tensor:
    """Angles of successive spokes, in radians.

    Parameters
    ----------
    spokes
        Number of spokes.
    scheme
        "golden": steps of 111.246 degrees, any number of consecutive spokes covers the disc nearly evenly;
        "tiny-golden": steps of 23.628 degrees; "uniform": steps of ``pi / spokes``.
    first_spoke
        Index of the first spoke in the endless sequence. Frame ``t`` of a golden-angle acquisition that never stops
        starts at ``t * spokes``.

    Returns
    -------
    Tensor
        float64 ``(spokes,)``; 0 is along kx, pi/2 along ky.

    Raises
    ------
    ValueError
        If ``spokes`` is not positive, ``first_spoke`` is negative, or the scheme is unknown.

    References
    ----------
    S. Winkelmann et al., IEEE Trans. Med. Imaging 26 (2007); S. Wundrak et al., Magn. Reson. Med. 75 (2016).
    """
    if scheme not in get_args(Scheme):
        raise ValueError(f"Unknown scheme {scheme!r}: choose from {', '.join(get_args(Scheme))}.")
    if spokes < 1 or first_spoke < 0:
        raise ValueError(f"spokes must be positive and first_spoke not negative, got {spokes} and {first_spoke}.")
    step = {"golden": GOLDEN_ANGLE, "tiny-golden": TINY_GOLDEN_ANGLE, "uniform": math.pi / spokes}[scheme]
    return step * torch.arange(first_spoke, first_spoke + spokes, dtype=torch.float64)


def largest_angular_gap(angles: Tensor) -> float:
    """Largest angle between neighbouring spokes, in radians: how large a wedge of k-space they leave empty.

    Parameters
    ----------
    angles
        ``(spokes,)`` in radians, in any order. Spokes are diameters: angles count modulo pi.

    Returns
    -------
    float
        ``pi / spokes`` where the spokes are evenly spread, more elsewhere.

    Raises
    ------
    TypeError
        If the angles are not a floating tensor.
    ValueError
        If they are not of shape ``(spokes,)``, there is none, or one is not finite.
    """
    if not isinstance(angles, Tensor) or not angles.is_floating_point():
        raise TypeError("angles must be a floating tensor of radians.")
    if angles.ndim != 1 or angles.numel() == 0 or not torch.isfinite(angles).all():
        raise ValueError(f"angles must be finite and of shape (spokes,), got {tuple(angles.shape)}.")
    ordered = torch.sort(torch.remainder(angles.double(), math.pi)).values
    return float(torch.diff(ordered, append=ordered[:1] + math.pi).max())


def radial_trajectory(
    spokes: int,
    samples: int,
    *,
    angles: Scheme | Tensor = "golden",
    first_spoke: int = 0,
    oversampling: int = 1,
) -> Tensor:
    """Diametral spokes through the centre of k-space.

    Parameters
    ----------
    spokes
        Number of spokes.
    samples
        Readout samples that the resolution asks for: the image size (the larger side).
    angles
        A scheme of :func:`spoke_angles`, or the angles themselves, ``(spokes,)`` in radians.
    first_spoke
        See :func:`spoke_angles`; only for a scheme.
    oversampling
        Readout oversampling: each spoke gets ``oversampling * samples`` points over the same extent.

    Returns
    -------
    Tensor
        float64 ``(2, spokes * oversampling * samples)``, spoke-major, in rad/voxel, on the device of given angles. With
        ``n`` points a spoke, point ``j`` is at radius ``2 pi (j - n // 2) / n``: the centre of k-space is point
        ``n // 2``.

    Raises
    ------
    TypeError
        If given angles are not a floating tensor.
    ValueError
        If a count is too small, or given angles are not finite or not of shape ``(spokes,)``.
    """
    if samples < 2 or oversampling < 1:
        raise ValueError(f"samples must be at least 2 and oversampling at least 1, got {samples} and {oversampling}.")
    if isinstance(angles, str):
        angles = spoke_angles(spokes, angles, first_spoke=first_spoke)
    elif not isinstance(angles, Tensor) or not angles.is_floating_point():
        raise TypeError("angles must be the name of a scheme or a floating tensor of radians.")
    elif tuple(angles.shape) != (spokes,) or not torch.isfinite(angles).all():
        raise ValueError(f"angles must be finite and of shape ({spokes},), got {tuple(angles.shape)}.")
    elif first_spoke != 0:
        raise ValueError("first_spoke shifts a scheme; for given angles, choose the angles.")
    points = oversampling * samples
    radius = 2 * math.pi / points * (torch.arange(points, dtype=torch.float64, device=angles.device) - points // 2)
    directions = torch.stack([torch.sin(angles), torch.cos(angles)]).to(radius)
    return (directions[:, :, None] * radius).reshape(2, -1)


def interleaved_spokes(spokes: int, factor: int, frame: int) -> Tensor:
    """Choose the spokes that frame ``frame`` keeps: every ``factor``-th one, offset by one spoke per frame.

    Frame ``t`` keeps spokes ``t mod factor, t mod factor + factor, ...``; ``factor`` successive frames together have
    every spoke exactly once. Where ``factor`` does not divide ``spokes``, frames differ by one spoke: 196 spokes and
    factor 5 give 40, 39, 39, 39, 39.

    Parameters
    ----------
    spokes
        Number of spokes of the full acquisition.
    factor
        Undersampling factor.
    frame
        Number of the frame, from 0.

    Returns
    -------
    Tensor
        int64 indices, increasing.

    Raises
    ------
    ValueError
        If the factor is not between 1 and ``spokes``, or the frame is negative.

    References
    ----------
    Seed row 000-S3 and erratum 20.
    """
    if not 1 <= factor <= spokes:
        raise ValueError(f"factor must lie between 1 and the number of spokes {spokes}, got {factor}.")
    if frame < 0:
        raise ValueError(f"frame must not be negative, got {frame}.")
    return torch.arange(frame % factor, spokes, factor)


def select_spokes(x: Tensor, index: Tensor, *, samples: int) -> Tensor:
    """Keep some spokes of a spoke-major tensor: a trajectory, k-space data, or density weights.

    Parameters
    ----------
    x
        Tensor whose last axis is ``spokes * samples`` long: ``ktraj``, ``kdata`` or ``dcomp``.
    index
        int64 indices of the spokes to keep, in the order wanted.
    samples
        Points per spoke (oversampling included).

    Returns
    -------
    Tensor
        Last axis ``len(index) * samples`` long.

    Raises
    ------
    ValueError
        If ``samples`` does not divide the last axis, or an index is out of range.
    """
    if samples < 1 or x.shape[-1] % samples != 0:
        raise ValueError(f"samples={samples} does not divide the last axis of length {x.shape[-1]}.")
    spokes = x.shape[-1] // samples
    if index.numel() == 0 or int(index.min()) < 0 or int(index.max()) >= spokes:
        raise ValueError(f"index must hold spokes between 0 and {spokes - 1}, got {index.tolist()}.")
    return x.unflatten(-1, (spokes, samples)).index_select(-2, index.to(x.device)).flatten(-2)
