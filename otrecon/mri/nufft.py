"""The non-uniform fast Fourier transform, in the unitary scaling of the house, and its Toeplitz shortcut."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from otrecon.mri.checks import check_complex, check_im_size
from otrecon.mri.trajectories import check_ktraj
from otrecon.operators import LinearOperator

__all__ = ["NUFFT", "apply_toeplitz", "toeplitz_kernel"]

_TABLE = 2**13
"""Entries of the interpolation table per grid cell: rounding to the nearest one limits the accuracy."""


class NUFFT(LinearOperator):
    """Fast approximation of the exact transform: image ``(..., y, x)`` to samples ``(..., samples)``.

    An oversampled FFT, then interpolation with a Kaiser-Bessel kernel of six neighbours an axis, by torchkbnufft. The
    scaling is that of the orthonormal FFT: on the Cartesian grid it equals :func:`~otrecon.mri.fourier.fft2c`.

    Parameters
    ----------
    ktraj
        Trajectory ``(2, samples)`` in rad/voxel.
    im_size
        Image size ``(y, x)``.

    Notes
    -----
    It computes in the precision of its input. Forward and adjoint are adjoint to rounding; both differ from the
    exact transform by about 1e-4 relative, the error of the tabulated kernel.

    References
    ----------
    J. A. Fessler and B. P. Sutton, IEEE Trans. Signal Process. 51 (2003). M. J. Muckley et al., torchkbnufft (2020).
    """

    ktraj: Tensor

    def __init__(self, ktraj: Tensor, im_size: Sequence[int]) -> None:
        import torchkbnufft

        check_ktraj(ktraj)
        im_size = check_im_size(im_size)
        super().__init__(im_size, ktraj.shape[1:])
        self.register_buffer("ktraj", ktraj)
        self.scale = 1 / math.sqrt(math.prod(im_size))
        # Tables are small: they are kept in double precision and follow the input.
        self.tables = torchkbnufft.KbNufft(
            im_size, table_oversamp=_TABLE, dtype=torch.complex128, device=ktraj.device
        )

    def _forward(self, x: Tensor) -> Tensor:
        from torchkbnufft.functional import kb_table_nufft

        check_complex(x, "image")
        samples = kb_table_nufft(image=x.reshape(1, -1, *self.domain), **self._plan(x))
        return self.scale * samples.reshape(*x.shape[:-2], -1)

    def _adjoint(self, y: Tensor) -> Tensor:
        from torchkbnufft.functional import kb_table_nufft_adjoint

        check_complex(y, "kdata")
        image = kb_table_nufft_adjoint(data=y.reshape(1, -1, *self.range), **self._plan(y))
        return self.scale * image.reshape(*y.shape[:-1], *self.domain)

    def _plan(self, x: Tensor) -> dict[str, Tensor | list[Tensor]]:
        tables = self.tables
        return {
            "scaling_coef": tables.scaling_coef.to(x.dtype),
            "omega": self.ktraj.to(x.real.dtype),
            "tables": [tables.table_0.to(x.dtype), tables.table_1.to(x.dtype)],
            "im_size": tables.im_size,
            "grid_size": tables.grid_size,
            "n_shift": tables.n_shift.to(x.real.dtype),
            "numpoints": tables.numpoints,
            "table_oversamp": tables.table_oversamp,
            "offsets": tables.offsets,
        }




def toeplitz_kernel(ktraj: Tensor, im_size: Sequence[int], weights: Tensor | None = None) -> Tensor:
    """Transfer function of A^H W A for a non-uniform Fourier transform A and weights W of its samples.

    A^H W A is a convolution with ``t[d] = sum over s of w[s] exp(i k[s] d) / (Y X)``. An image of ``n`` pixels meets
    the offsets ``-(n - 1) ... n - 1`` alone, so that a circular convolution of twice the size does it exactly.

    Parameters
    ----------
    ktraj
        Trajectory ``(2, samples)`` in rad/voxel.
    im_size
        Image size ``(y, x)``.
    weights
        Real ``(samples,)``. None: all 1.

    Returns
    -------
    Tensor
        float64 ``(2 y, 2 x)``, in the order of the plain FFT; for :func:`apply_toeplitz`.

    References
    ----------
    H. G. Feichtinger et al., Numer. Math. 69 (1995).
    """
    y, x = check_im_size(im_size)
    if weights is None:
        weights = torch.ones(ktraj.shape[1], device=ktraj.device)
    double = NUFFT(ktraj, (2 * y, 2 * x))
    with torch.no_grad():
        kernel = double._adjoint(weights.to(torch.complex128)) * (2 / math.sqrt(y * x))
        # The real part of the spectrum is the Hermitian part of the kernel: the exact kernel is Hermitian.
        return torch.fft.fft2(torch.fft.ifftshift(kernel, (-2, -1))).real


def apply_toeplitz(kernel: Tensor, image: Tensor) -> Tensor:
    """Convolve ``image`` ``(..., y, x)`` with the kernel of :func:`toeplitz_kernel`."""
    y, x = image.shape[-2:]
    spectrum = torch.fft.fft2(image, s=kernel.shape) * kernel.to(image.real.dtype)
    return torch.fft.ifft2(spectrum)[..., :y, :x]
