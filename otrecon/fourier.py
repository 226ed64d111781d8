"""The centred, unitary two-dimensional Fourier transform.

The centre of an axis of ``n`` pixels is index ``n // 2``, in the image and in k-space, for even and odd ``n`` alike:
a point at the centre of the image has a constant spectrum, a constant image has its energy at the centre of k-space.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from otrecon.checks import check_complex
from otrecon.grid import check_im_size
from otrecon.operators import LinearOperator

__all__ = ["Fourier", "fft2c", "ifft2c"]

_AXES = (-2, -1)


def fft2c(image: Tensor) -> Tensor:
    """Image to k-space: centred orthonormal FFT over the last two axes.

    Parameters
    ----------
    image
        Complex tensor of shape ``(..., y, x)``.

    Returns
    -------
    Tensor
        k-space of the same shape and dtype. Entry ``[p, q]`` is the sum over ``(y, x)`` of ``image[y, x]`` times
        ``exp(-2 pi i ((p - Y//2)(y - Y//2)/Y + (q - X//2)(x - X//2)/X)) / sqrt(Y X)``.

    Raises
    ------
    TypeError
        If the input is not a complex tensor.
    ValueError
        If it has fewer than two axes.
    """
    _check(image, "image")
    # ifftshift brings the centre n // 2 to index 0, where the FFT expects it; fftshift brings index 0 back to n // 2.
    return torch.fft.fftshift(torch.fft.fft2(torch.fft.ifftshift(image, _AXES), norm="ortho"), _AXES)


def ifft2c(kspace: Tensor) -> Tensor:
    """K-space to image: the inverse, and adjoint, of :func:`fft2c`.

    Parameters
    ----------
    kspace
        Complex tensor of shape ``(..., y, x)``, centred.

    Returns
    -------
    Tensor
        Image of the same shape and dtype.

    Raises
    ------
    TypeError
        If the input is not a complex tensor.
    ValueError
        If it has fewer than two axes.
    """
    _check(kspace, "kspace")
    return torch.fft.fftshift(torch.fft.ifft2(torch.fft.ifftshift(kspace, _AXES), norm="ortho"), _AXES)


class Fourier(LinearOperator):
    """The centred unitary Fourier transform of images of size ``im_size``; its adjoint is its inverse.

    Parameters
    ----------
    im_size
        Image size ``(y, x)``.
    """

    def __init__(self, im_size: Sequence[int]) -> None:
        im_size = check_im_size(im_size)
        super().__init__(im_size, im_size)

    def _forward(self, x: Tensor) -> Tensor:
        return fft2c(x)

    def _adjoint(self, y: Tensor) -> Tensor:
        return ifft2c(y)

    def _gram(self, x: Tensor) -> Tensor:
        return x.clone()


def _check(x: Tensor, name: str) -> None:
    check_complex(x, name)
    if x.ndim < 2:
        raise ValueError(f"{name} must have shape (..., y, x), got {tuple(x.shape)}.")
