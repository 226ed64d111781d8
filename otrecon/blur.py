"""Gaussian blur: the inverse problem whose singular values are known in closed form."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from otrecon.operators import LinearOperator

__all__ = ["GaussianBlur"]


class GaussianBlur(LinearOperator):
    r"""Convolution with a Gaussian on a periodic grid; real stays real, complex stays complex.

    Waves are its singular vectors: one of frequency :math:`\nu`, in cycles per pixel, comes out of it unchanged but for
    the factor :math:`\exp(-2 \pi^2 w^2 |\nu|^2)`, w the width. These factors are the singular values. They are computed
    in float64 and positive, so that the blur can be inverted on paper however small they are (up to a width of 8 pixels
    in two dimensions; beyond it the smallest underflow to 0).

    Parameters
    ----------
    im_size
        Shape of the grid, one axis or more.
    width
        Standard deviation of the Gaussian in pixels, at least 0.

    Attributes
    ----------
    singular_values : Tensor
        Float64 of shape ``im_size``, unsorted: in the order of the frequencies of ``torch.fft.fftn``.

    Raises
    ------
    ValueError
        If the grid has no axis or an empty one, or the width is negative or not finite.
    """

    singular_values: Tensor

    def __init__(self, im_size: Sequence[int], width: float) -> None:
        super().__init__(im_size, im_size)
        if not self.domain or min(self.domain) < 1:
            raise ValueError(f"im_size must be one or more positive integers, got {tuple(im_size)}.")
        if not (math.isfinite(width) and width >= 0):
            raise ValueError(f"width must be a length in pixels of at least 0, got {width}.")
        self.width = float(width)
        self._axes = tuple(range(-len(self.domain), 0))
        axes = [torch.fft.fftfreq(n, dtype=torch.float64) ** 2 for n in self.domain]
        squared = sum(axis.reshape(-1, *(1,) * k) for k, axis in enumerate(reversed(axes)))
        self.register_buffer("singular_values", torch.exp(-2 * math.pi**2 * width**2 * squared))

    def filtered(self, data: Tensor, response: Callable[[Tensor], Tensor]) -> Tensor:
        """Multiply each component of the data by a factor that depends on its singular value.

        With ``lambda s: 1 / s`` this is the inverse; with ``lambda s: s / (s**2 + weight)``, Tikhonov's regularised
        inverse. Left and right singular vectors of the blur agree, so that data and image have the same components.

        Parameters
        ----------
        data
            ``(..., *im_size)``, floating-point or complex.
        response
            From the singular values to the factors, real and of the same shape; leading axes of theirs are one filter
            each, ``lambda s: s / (s**2 + weights[:, None, None])``.

        Returns
        -------
        Tensor
            Dtype of the data and their shape, with the leading axes of the factors broadcast against theirs.

        Raises
        ------
        TypeError, ValueError
            If the data are not a tensor of real or complex numbers, or their shape does not fit.
        """
        self._check(data, self.range, "range")
        factors = response(self.singular_values).to(data.real.dtype if data.is_complex() else data.dtype)
        result = torch.fft.ifftn(torch.fft.fftn(data, dim=self._axes) * factors, dim=self._axes)
        return result if data.is_complex() else result.real

    def _forward(self, x: Tensor) -> Tensor:
        return self.filtered(x, lambda s: s)

    def _adjoint(self, y: Tensor) -> Tensor:
        return self.filtered(y, lambda s: s)

    def _gram(self, x: Tensor) -> Tensor:
        return self.filtered(x, torch.square)
