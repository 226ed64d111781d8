"""The non-uniform fast Fourier transform, in the unitary scaling of the house, and its Toeplitz shortcut."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from otrecon.checks import check_complex
from otrecon.grid import check_im_size, check_ktraj
from otrecon.operators import LinearOperator

__all__ = ["NUFFT", "apply_toeplitz", "toeplitz_kernel"]

_NEIGHBOURS = 6


class NUFFT(LinearOperator):
    """Fast approximation of the exact transform: image ``(..., y, x)`` to samples ``(..., samples)``.

    An FFT on a grid of twice the size, then interpolation from the six neighbours an axis of each sample, with the
    Kaiser-Bessel kernel that torchkbnufft designs. The scaling is that of the orthonormal FFT: on the Cartesian grid
    the operator equals :func:`~otrecon.fourier.fft2c`.

    Parameters
    ----------
    ktraj
        Trajectory ``(2, samples)`` in rad/voxel.
    im_size
        Image size ``(y, x)``, at least 3 pixels an axis.

    Raises
    ------
    TypeError, ValueError
        If the trajectory is not in rad/voxel, or the image is smaller.

    Notes
    -----
    It computes in the precision of its input. Forward and adjoint are adjoint to rounding; both differ from the
    exact transform by about 1e-5 relative. The interpolation is done here, not by torchkbnufft, whose rounding to the
    nearest entry of a table costs two digits, and whose TorchScript forks abort some interpreters at exit.

    References
    ----------
    J. A. Fessler and B. P. Sutton, IEEE Trans. Signal Process. 51 (2003). M. J. Muckley et al., torchkbnufft (2020).
    """

    ktraj: Tensor
    scaling: Tensor
    index_y: Tensor
    index_x: Tensor
    weight_y: Tensor
    weight_x: Tensor

    def __init__(self, ktraj: Tensor, im_size: Sequence[int]) -> None:
        import torchkbnufft

        check_ktraj(ktraj)
        im_size = check_im_size(im_size)
        if 2 * min(im_size) < _NEIGHBOURS:
            raise ValueError(f"A NUFFT needs at least 3 pixels an axis, got {im_size}: use NDFT for smaller images.")
        super().__init__(im_size, ktraj.shape[1:])
        self.grid_size = (2 * im_size[0], 2 * im_size[1])
        design = torchkbnufft.KbNufft(im_size, self.grid_size, dtype=torch.complex128, device=ktraj.device)
        self.register_buffer("ktraj", ktraj)
        self.register_buffer("scaling", design.scaling_coef / math.sqrt(math.prod(im_size)))
        for axis, (name, n, grid) in enumerate(zip("yx", im_size, self.grid_size, strict=True)):
            index, weight = _neighbours(ktraj[axis].double(), n, grid, getattr(design, f"table_{axis}"))
            self.register_buffer(f"index_{name}", index)
            self.register_buffer(f"weight_{name}", weight)

    def _forward(self, x: Tensor) -> Tensor:
        check_complex(x, "image")
        batch = x.shape[:-2]
        grid = torch.fft.fft2(self.scaling.to(x.dtype) * x, s=self.grid_size)
        grid = grid.reshape(-1, math.prod(self.grid_size)).T.contiguous()  # the batch last: a gather reads it in a run
        weight_y, weight_x = self.weight_y.to(x.dtype), self.weight_x.to(x.dtype)
        samples = grid.new_zeros(self.range[0], grid.shape[1])
        for row, wy in zip(self.index_y * self.grid_size[1], weight_y, strict=True):
            for column, wx in zip(self.index_x, weight_x, strict=True):
                samples.addcmul_((wy * wx).unsqueeze(1), grid.index_select(0, row + column))
        return samples.T.reshape(*batch, -1)

    def _adjoint(self, y: Tensor) -> Tensor:
        check_complex(y, "kdata")
        batch = y.shape[:-1]
        samples = y.reshape(-1, self.range[0]).T.contiguous()
        weight_y, weight_x = self.weight_y.to(y.dtype).conj(), self.weight_x.to(y.dtype).conj()
        grid = samples.new_zeros(math.prod(self.grid_size), samples.shape[1])
        grid_parts = torch.view_as_real(grid).flatten(1)  # real and imaginary parts side by side accumulate faster
        for row, wy in zip(self.index_y * self.grid_size[1], weight_y, strict=True):
            for column, wx in zip(self.index_x, weight_x, strict=True):
                parts = torch.view_as_real((wy * wx).unsqueeze(1) * samples).flatten(1)
                grid_parts.index_add_(0, row + column, parts)
        image = torch.fft.ifft2(grid.T.reshape(*batch, *self.grid_size), norm="forward")
        return self.scaling.to(y.dtype).conj() * image[..., : self.domain[0], : self.domain[1]]


def _neighbours(k: Tensor, n: int, grid: int, table: Tensor) -> tuple[Tensor, Tensor]:
    """Find the grid points next to the frequencies ``k`` of one axis: indices and weights, each ``(6, samples)``.

    ``table`` samples the kernel on ``[-3, 3]``; between its entries the weight is linear.
    """
    entries = (table.numel() - 1) // _NEIGHBOURS
    position = k * (grid / (2 * math.pi))
    first = torch.floor(position - _NEIGHBOURS / 2).long() + 1
    index = first + torch.arange(_NEIGHBOURS, device=k.device).unsqueeze(1)
    entry = (position - index + _NEIGHBOURS / 2) * entries
    below = entry.floor().long().clamp(0, table.numel() - 2)
    weight = torch.lerp(table[below], table[below + 1], (entry - below).to(table.dtype))
    # The FFT counts pixels from the corner, the image from its centre n // 2: a phase makes up for it.
    phase = k * (n // 2)
    return torch.remainder(index, grid), weight * torch.polar(torch.ones_like(phase), phase)


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
    columns, rows = kernel.shape[1], kernel.shape[0]
    kernel = kernel.to(image.real.dtype).T.contiguous()
    # One padded image at a time stays in the cache, in one place. Half the lines that a padded transform would go
    # through are zero on the way in, and thrown away on the way out: one axis at a time leaves them out, and turned,
    # each is read in a run.
    convolved = image.new_empty((image.shape[:-2].numel(), y, x))
    wide, padded, back = (image.new_zeros(size) for size in ((y, columns), (columns, rows), (y, columns)))
    for each, result in zip(image.reshape(-1, y, x), convolved, strict=True):
        wide[:, :x] = each
        padded[:, :y] = torch.fft.fft(wide).T
        back.copy_(torch.fft.ifft(torch.fft.fft(padded).mul_(kernel))[:, :y].T)
        result.copy_(torch.fft.ifft(back)[:, :x])
    return convolved.reshape(image.shape)
