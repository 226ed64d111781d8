"""Where pixels and samples lie: the one convention that images, masks, trajectories and analytic k-space share.

The centre of an axis of ``n`` pixels is index ``n // 2``, in the image and in k-space, for even and odd ``n`` alike.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

__all__ = ["cartesian_trajectory", "check_im_size", "check_ktraj", "normalised_axis", "normalised_coordinates"]

_CYCLES = (0.4, math.sqrt(0.5))
"""How far from k = 0 a full trajectory ends when it is in cycles/voxel: a readout of 5 samples, and the corner of the
square."""


def check_im_size(im_size: Sequence[int]) -> tuple[int, int]:
    """Return ``im_size`` as ``(y, x)``, or raise TypeError or ValueError."""
    if isinstance(im_size, Tensor) or not isinstance(im_size, Sequence) or isinstance(im_size, str):
        what = f"a tensor of shape {tuple(im_size.shape)}" if isinstance(im_size, Tensor) else type(im_size).__name__
        raise TypeError(f"im_size must be two integers (y, x), such as (128, 96), got {what}.")
    sizes = tuple(im_size)
    if len(sizes) != 2 or any(int(n) != n or n < 1 for n in sizes):
        raise ValueError(f"im_size must be two positive integers (y, x), got {sizes}.")
    return int(sizes[0]), int(sizes[1])


def cartesian_trajectory(im_size: Sequence[int], *, device: Any = None) -> Tensor:
    """List the Cartesian grid as a trajectory: a non-uniform transform on it must equal the centred FFT.

    Parameters
    ----------
    im_size
        Image size ``(y, x)``.
    device
        Device of the result.

    Returns
    -------
    Tensor
        Float64, shape ``(2, ny * nx)``, rad/voxel, x running fastest: sample ``p * nx + q`` is entry ``[p, q]`` of
        centred k-space, zero frequency at index ``n // 2`` of each axis.
    """
    axes = [
        2 * math.pi * (torch.arange(n, dtype=torch.float64, device=device) - n // 2) / n for n in check_im_size(im_size)
    ]
    return torch.stack([axis.flatten() for axis in torch.meshgrid(*axes, indexing="ij")])


def check_ktraj(ktraj: Tensor, *, limit: float = math.pi) -> Tensor:
    """Return ``ktraj`` if it is a trajectory in radians per voxel; raise otherwise.

    Checked are kind, shape, that all places are finite and within the limit, and the unit, as far as numbers can tell
    it. A trajectory through all of k-space ends at least pi from its centre in rad/voxel, and between 0.4 (a readout of
    five samples) and 0.71 (the corner of the square) in cycles/voxel: what ends there is refused. What ends nearer to
    the centre or farther from it is taken at its word, so a few samples around k = 0 pass, in either unit.

    Parameters
    ----------
    ktraj
        Trajectory ``(2, samples)``, rad/voxel, row 0 ky and row 1 kx.
    limit
        Largest ``|ky|`` and ``|kx|``: pi, the Nyquist frequency, where an image is a sum over voxels and so periodic in
        k-space; infinity where it has a formula.

    Raises
    ------
    TypeError
        If it is not a tensor of a real floating dtype.
    ValueError
        If its shape is not ``(2, samples)``, it is empty or not finite, exceeds the limit, or ends where one in
        cycles/voxel would.
    """
    if not isinstance(ktraj, Tensor):
        raise TypeError(f"ktraj must be a torch tensor, got {type(ktraj).__name__}: convert it first.")
    if not ktraj.is_floating_point():
        raise TypeError(f"ktraj must have a real floating dtype, in rad/voxel, got {ktraj.dtype}.")
    if ktraj.ndim != 2 or ktraj.shape[0] != 2 or ktraj.shape[1] == 0:
        raise ValueError(f"ktraj must have shape (2, samples), row 0 ky and row 1 kx, got {tuple(ktraj.shape)}.")
    if not torch.isfinite(ktraj).all():
        raise ValueError("ktraj contains NaN or infinity: every sample needs a finite place in k-space.")
    largest = float(ktraj.abs().max())
    if largest > limit * (1 + 1e-5):
        raise ValueError(f"ktraj must lie within [-pi, pi] rad/voxel, its largest entry is {largest:.4g}: rescale it.")
    depth = float(torch.linalg.vector_norm(ktraj.double(), dim=0).max())
    if _CYCLES[0] * (1 - 1e-5) <= depth <= _CYCLES[1] * (1 + 1e-5):
        raise ValueError(
            f"ktraj ends {depth:.3g} from k = 0, where one in cycles/voxel ends: multiply it by 2*pi to get rad/voxel. "
            "If it is in rad/voxel, its voxels are far smaller than it resolves: use a smaller im_size, and multiply "
            "ktraj by as much."
        )
    return ktraj


def normalised_axis(n: int, *, device: Any = None) -> Tensor:
    """Pixel centres of one axis in units of half the field of view: ``2 (i - n // 2) / n``, float64 ``(n,)``."""
    return 2 * (torch.arange(n, dtype=torch.float64, device=device) - n // 2) / n


def normalised_coordinates(im_size: Sequence[int], *, device: Any = None) -> tuple[Tensor, Tensor]:
    """Pixel centres in units of half the field of view: ``2 (i - n // 2) / n`` along each axis.

    Parameters
    ----------
    im_size
        Image size ``(y, x)``.
    device
        Device of the result.

    Returns
    -------
    tuple of Tensor
        ``y`` of shape ``(ny, 1)`` and ``x`` of shape ``(1, nx)``, float64, within [-1, 1], ready to broadcast.
    """
    y, x = (normalised_axis(n, device=device) for n in check_im_size(im_size))
    return y[:, None], x[None, :]
