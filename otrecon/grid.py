"""Where pixels and samples lie: the one convention that images, masks, trajectories and analytic k-space share.

The centre of an axis of ``n`` pixels is index ``n // 2``, in the image and in k-space, for even and odd ``n`` alike.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

__all__ = ["cartesian_trajectory", "check_im_size", "normalised_coordinates"]


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
    ny, nx = check_im_size(im_size)
    y, x = (2 * (torch.arange(n, dtype=torch.float64, device=device) - n // 2) / n for n in (ny, nx))
    return y[:, None], x[None, :]
