"""The exact non-uniform discrete Fourier transform: slow, short, and the oracle of every fast one."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from otrecon.grid import check_im_size, check_ktraj
from otrecon.mri.multicoil import MultiCoil

__all__ = ["NDFT"]


class NDFT(MultiCoil):
    """Sum over every pixel for every sample, exactly: image ``(..., y, x)`` to ``(..., coil, samples)``.

    Sample ``s`` of the image ``f`` is the sum over ``(y, x)`` of
    ``f[y, x] exp(-i (ky[s] (y - Y//2) + kx[s] (x - X//2))) / sqrt(Y X)``. The exponential is a product of one factor
    in ``y`` and one in ``x``, so two small matrices are kept instead of the large one.

    Parameters
    ----------
    ktraj
        Trajectory ``(2, samples)`` in rad/voxel.
    im_size
        Image size ``(y, x)``.
    smaps
        Complex coil sensitivities ``(coil, y, x)``. None: a single coil of uniform sensitivity 1.

    Raises
    ------
    TypeError, ValueError
        See :func:`~otrecon.grid.check_ktraj`; also if the maps do not fit the image.

    Notes
    -----
    Time and memory grow as ``samples * y * x`` and ``samples * (y + x)`` per coil: meant for small problems. On the
    Cartesian grid it equals :func:`~otrecon.fourier.fft2c`.
    """

    ktraj: Tensor
    along_y: Tensor
    along_x: Tensor

    def __init__(self, ktraj: Tensor, im_size: Sequence[int], smaps: Tensor | None = None) -> None:
        check_ktraj(ktraj)
        im_size = check_im_size(im_size)
        super().__init__(im_size, ktraj.shape[1:], smaps)
        self.register_buffer("ktraj", ktraj)
        for name, k, n in zip(("along_y", "along_x"), ktraj.double(), im_size, strict=True):
            pixel = torch.arange(n, dtype=torch.float64, device=ktraj.device) - n // 2
            phase = k[:, None] * pixel
            self.register_buffer(name, torch.polar(torch.full_like(phase, 1 / math.sqrt(n)), -phase))

    def matrix(self) -> Tensor:
        """Single-coil transform as a dense complex128 matrix ``(samples, y * x)``."""
        return (self.along_y[:, :, None] * self.along_x[:, None, :]).flatten(1)

    def _transform(self, coils: Tensor) -> Tensor:
        rows = coils @ self.along_x.to(coils.dtype).mT
        return (self.along_y.to(coils.dtype).mT * rows).sum(-2)

    def _transform_adjoint(self, data: Tensor) -> Tensor:
        rows = self.along_y.to(data.dtype).mH * data.unsqueeze(-2)
        return rows @ self.along_x.to(data.dtype).conj()
