"""The moving blob: one smooth bump that crosses the image from left to right, growing, then shrinking."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from otrecon.grid import check_im_size
from otrecon.phantoms.checks import check_count

__all__ = ["Blob", "blob_path", "moving_blob"]


@dataclass(frozen=True)
class Blob:
    r"""A Gaussian cut off on a circle and lowered so that it reaches zero there: 1 at the centre, no step at the rim.

    With :math:`\rho` the distance from the centre in radii and s the sharpness, the value is
    :math:`(e^{-s\rho^2/2} - e^{-s/2}) / (1 - e^{-s/2})` for :math:`\rho < 1` and 0 beyond.

    Parameters
    ----------
    centre
        ``(y, x)`` in pixels from the pixel with index ``n // 2``.
    radius
        Radius of the support in pixels.
    sharpness
        Squared ratio of the radius to the Gaussian's standard deviation.

    Raises
    ------
    ValueError
        If ``centre`` is not a finite pair, or ``radius`` or ``sharpness`` is not positive and finite.

    Notes
    -----
    Two blobs of one sharpness differ by a translation and a dilation, so optimal transport between them is known:
    scaled to equal mass, the squared 2-Wasserstein distance is ``|c1 - c2|^2 + (spread1 - spread2)^2``, and the
    displacement interpolant at time t is the blob whose centre and radius are interpolated linearly.
    """

    centre: tuple[float, float]
    radius: float
    sharpness: float = 6.0

    def __post_init__(self) -> None:
        if len(self.centre) != 2 or not all(map(math.isfinite, self.centre)):
            raise ValueError(f"centre must be two finite numbers (y, x), got {self.centre}.")
        for name, value in (("radius", self.radius), ("sharpness", self.sharpness)):
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name} must be positive and finite, got {value}.")

    @property
    def mass(self) -> float:
        """Integral over the plane, in units of intensity times squared pixels."""
        rim = math.exp(-self.sharpness / 2)
        return math.pi * self.radius**2 * (2 / self.sharpness - rim / (1 - rim))

    @property
    def spread(self) -> float:
        """Root mean squared distance of the mass from the centre, in pixels."""
        s, rim = self.sharpness, math.exp(-self.sharpness / 2)
        moment = (8 / s**2) * (1 - rim * (1 + s / 2)) / 2 - rim / 2
        return self.radius * math.sqrt(moment * math.pi * self.radius**2 / ((1 - rim) * self.mass))

    def image(
        self, im_size: Sequence[int], *, supersample: int = 4, dtype: torch.dtype = torch.float32, device: Any = None
    ) -> Tensor:
        """Mean value over each pixel.

        Parameters
        ----------
        im_size
            ``(ny, nx)``.
        supersample
            Samples a pixel along each axis; 1 takes the value at the pixel's centre.
        dtype
            Floating-point type of the result.
        device
            Device of the result.

        Returns
        -------
        Tensor
            Shape ``(ny, nx)``, within [0, 1].

        Raises
        ------
        TypeError
            If ``dtype`` is not a real floating-point type.
        """
        size = check_im_size(im_size)
        check_count("supersample", supersample, least=1)
        if not dtype.is_floating_point:
            raise TypeError(f"dtype must be a real floating-point type, got {dtype}.")
        y, x = (
            (torch.arange(n * supersample, dtype=torch.float64, device=device) + 0.5) / supersample - 0.5 - n // 2 - c
            for n, c in zip(size, self.centre, strict=True)
        )
        rho2 = (y[:, None] ** 2 + x[None, :] ** 2) / self.radius**2
        rim = math.exp(-self.sharpness / 2)
        values = ((torch.exp(-self.sharpness / 2 * rho2) - rim) / (1 - rim)).clamp_min(0)
        return values.unflatten(0, (-1, supersample)).unflatten(-1, (-1, supersample)).mean((1, 3)).to(dtype)


def blob_path(frames: int = 10, im_size: Sequence[int] = (32, 32), *, sharpness: float = 6.0) -> list[Blob]:
    """Blobs of a sequence in which one moves left to right at constant speed and breathes once.

    Parameters
    ----------
    frames
        Number of frames, at least 2.
    im_size
        ``(ny, nx)``, which sets the scale of lengths: the centre travels from -0.28 to 0.28 of ``nx``, and the radius
        grows from 0.14 to 0.26 of the shorter side at half time and shrinks back along half a sine.
    sharpness
        Of every :class:`Blob`.

    Returns
    -------
    list of Blob
        One a frame; frame t at time ``t / (frames - 1)``.

    References
    ----------
    Seed row 000-D1 (section 4.2, figure 6): 10 frames of 32 by 32 pixels. The figure states no sizes; these are ours.
    """
    check_count("frames", frames, least=2)
    size = check_im_size(im_size)
    times = [frame / (frames - 1) for frame in range(frames)]
    return [
        Blob(
            centre=(0.0, 0.56 * (time - 0.5) * size[1]),
            radius=(0.14 + 0.12 * math.sin(math.pi * time)) * min(size),
            sharpness=sharpness,
        )
        for time in times
    ]


def moving_blob(
    frames: int = 10,
    im_size: Sequence[int] = (32, 32),
    *,
    sharpness: float = 6.0,
    supersample: int = 4,
    dtype: torch.dtype = torch.float32,
    device: Any = None,
) -> Tensor:
    """Image sequence of :func:`blob_path`.

    Parameters
    ----------
    frames, im_size, sharpness
        As for :func:`blob_path`.
    supersample, dtype, device
        As for :meth:`Blob.image`.

    Returns
    -------
    Tensor
        Shape ``(frames, ny, nx)``, within [0, 1]. The peak is the same in every frame and the mass is not: it follows
        the squared radius.

    References
    ----------
    Seed row 000-D1.
    """
    path = blob_path(frames, im_size, sharpness=sharpness)
    return torch.stack([blob.image(im_size, supersample=supersample, dtype=dtype, device=device) for blob in path])
