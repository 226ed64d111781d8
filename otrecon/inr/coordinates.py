"""Where a coordinate network is asked: places in [-1, 1], moments on a scale of their own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral

import torch
from torch import Tensor

from otrecon.checks import check_count, kind
from otrecon.grid import normalised_axis

__all__ = ["check_coordinates", "check_times", "frame_times", "pixel_coordinates"]

EDGE = 1 + 1e-5
"""Largest coordinate that is taken: 1, and the rounding of float32."""


def pixel_coordinates(
    shape: Sequence[int],
    *,
    times: Tensor | None = None,
    dtype: torch.dtype = torch.float32,
    device: torch.device | None = None,
) -> Tensor:
    """Places of the pixels of an image, a volume or a film, as input of a coordinate network.

    An axis of ``n`` pixels has its places at ``2 (i - n // 2) / n``: the field of view is [-1, 1], and its centre is
    pixel ``n // 2``, as everywhere in this package. So an image, its phantom and its k-space agree where the centre is,
    and a network that was fitted on one size can be asked on another.

    Parameters
    ----------
    shape
        Pixels along each of 1 to 3 axes of space, in the order of the tensor.
    times
        Moments ``(t,)`` within [-1, 1], from `frame_times`; they become the first axis and the first coordinate.
    dtype, device
        Of the result.

    Returns
    -------
    Tensor
        ``(*shape, d)``, or ``(t, *shape, 1 + d)``.

    Raises
    ------
    TypeError, ValueError
        If the shape is not 1 to 3 positive integers, or the times are not a list of moments in range.

    Examples
    --------
    >>> pixel_coordinates((4,))[:, 0]
    tensor([-1.0000, -0.5000,  0.0000,  0.5000])
    """
    sizes = tuple(shape) if isinstance(shape, Sequence) and not isinstance(shape, str) else ()
    if not 1 <= len(sizes) <= 3 or any(isinstance(n, bool) or not isinstance(n, Integral) or n < 1 for n in sizes):
        raise ValueError(f"shape must be 1 to 3 positive integers, such as (64, 64), got {shape!r}.")
    axes = [normalised_axis(n) for n in sizes]
    if times is not None:
        check_times(times)
        axes.insert(0, times.detach().to("cpu", torch.float64))
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).to(device, dtype)


def frame_times(frames: int, *, end: float = 1.0, start: float = 0.0) -> Tensor:
    """Moments of the frames of a film, equally spaced, from ``start`` to ``end``.

    The scale of time is a prior: what a network puts between two frames varies as fast as the frequency of its first
    layer times the distance between their moments. Halving ``end`` makes time pass half as fast.

    Parameters
    ----------
    frames
        Their number, at least 1.
    end, start
        Moments of the last and of the first, within [-1, 1] and different.

    Returns
    -------
    Tensor
        ``(frames,)``, float64.

    Raises
    ------
    ValueError
        If the numbers are out of range.
    """
    frames = check_count("frames", frames)
    if not (-1 <= start <= 1 and -1 <= end <= 1 and start != end):
        raise ValueError(f"start and end must be two different moments within [-1, 1], got {start} and {end}.")
    return torch.linspace(start, end, frames, dtype=torch.float64)


def check_times(times: Tensor) -> None:
    """Raise TypeError or ValueError unless times are moments ``(t,)`` within [-1, 1]."""
    if not isinstance(times, Tensor) or times.ndim != 1 or times.numel() == 0:
        raise TypeError(f"times must be a tensor of moments, (t,), got {kind(times)}: frame_times makes one.")
    check_coordinates(times, "times")


def check_coordinates(coordinates: Tensor, name: str = "coordinates") -> None:
    """Raise TypeError or ValueError unless coordinates are real floating point and within [-1, 1]."""
    if not isinstance(coordinates, Tensor) or not coordinates.is_floating_point():
        came = coordinates.dtype if isinstance(coordinates, Tensor) else kind(coordinates)
        raise TypeError(f"{name} must be a real floating-point tensor, got {came}.")
    largest = float(coordinates.detach().abs().max()) if coordinates.numel() else 0.0
    if math.isnan(largest):
        raise ValueError(f"{name} contain NaN.")
    if not largest <= EDGE:
        raise ValueError(
            f"{name} must lie within [-1, 1], the largest is {largest:.4g}: pixel_coordinates and frame_times make "
            "them; a network that is asked about [0, 255] sees 128 times its frequency."
        )
