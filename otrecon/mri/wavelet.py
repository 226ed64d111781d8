"""An orthogonal wavelet transform of images of any size."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from otrecon.grid import check_im_size
from otrecon.operators import LinearOperator

__all__ = ["Wavelet"]


class Wavelet(LinearOperator):
    """Two-dimensional orthogonal discrete wavelet transform with periodic boundary.

    Coefficients come in one array of the size of the image, in Mallat's order: the approximation in the top left
    corner, the details of the coarsest level around it, those of the finest in the outer three quarters. The transform
    is unitary for every size: its adjoint is its inverse and the energy of the coefficients is that of the image.

    Parameters
    ----------
    im_size
        Image size ``(y, x)``.
    wavelet
        Name of an orthogonal wavelet, such as ``"haar"``, ``"db4"`` or ``"sym8"``.
    levels
        Number of levels, at least 1; the most that both axes allow, but not more than 4, when omitted. An axis allows a
        level while it is at least as long as the filter.

    Raises
    ------
    ValueError
        If the wavelet is unknown or not orthogonal, or there are more levels than the size allows.

    Notes
    -----
    A level halves an axis. Where the length is odd, the last line of pixels takes no part and is handed on to the next
    level as it is: this keeps the transform orthogonal, where padding would add coefficients. The filters enter as one
    orthogonal matrix for each axis and level, the columns of which are ptwt's transforms of the unit vectors; at the
    sizes of MRI these products are as fast as convolutions.

    References
    ----------
    S. Mallat, A Wavelet Tour of Signal Processing, chapter 7 (periodic orthogonal bases).
    """

    def __init__(self, im_size: Sequence[int], wavelet: str = "db4", levels: int | None = None) -> None:
        im_size = check_im_size(im_size)
        super().__init__(im_size, im_size)
        length = _filter_length(wavelet)
        sizes = [im_size]
        while min(sizes[-1]) >= length:
            sizes.append((-(-sizes[-1][0] // 2), -(-sizes[-1][1] // 2)))
        possible = len(sizes) - 1
        if levels is None:
            levels = min(4, possible)
        if not 1 <= levels <= possible:
            raise ValueError(
                f"levels must lie between 1 and {possible} for an image of size {im_size} and the wavelet {wavelet!r} "
                f"of length {length}, got {levels}: take fewer levels or a shorter wavelet."
            )
        self.wavelet, self.levels = wavelet, levels
        self.sizes = sizes[:levels]
        for n in {n for size in self.sizes for n in size}:
            self.register_buffer(f"level_{n}", _analysis_matrix(n, wavelet))

    def _forward(self, x: Tensor) -> Tensor:
        coefficients = x.clone()
        for rows, columns in self.sizes:
            block = coefficients[..., :rows, :columns]
            coefficients[..., :rows, :columns] = self._level(block, rows, columns, inverse=False)
        return coefficients

    def _adjoint(self, y: Tensor) -> Tensor:
        image = y.clone()
        for rows, columns in reversed(self.sizes):
            block = image[..., :rows, :columns]
            image[..., :rows, :columns] = self._level(block, rows, columns, inverse=True)
        return image

    def _gram(self, x: Tensor) -> Tensor:
        return x.clone()

    def _level(self, block: Tensor, rows: int, columns: int, *, inverse: bool) -> Tensor:
        if block.is_complex():
            # Two real products cost half of one complex one.
            real = self._level(block.real, rows, columns, inverse=inverse)
            return torch.complex(real, self._level(block.imag, rows, columns, inverse=inverse))
        left, right = (getattr(self, f"level_{n}").to(block.dtype) for n in (rows, columns))
        return left.mT @ block @ right if inverse else left @ block @ right.mT


def _filter_length(wavelet: str) -> int:
    import pywt

    if wavelet not in pywt.wavelist(kind="discrete") or not pywt.Wavelet(wavelet).orthogonal:
        families = "haar, dbN, symN, coifN"
        raise ValueError(f"wavelet must name an orthogonal wavelet ({families}; db4, for example), got {wavelet!r}.")
    return int(pywt.Wavelet(wavelet).dec_len)


def _analysis_matrix(n: int, wavelet: str) -> Tensor:
    """One level on ``n`` samples: approximation rows, the line carried over if ``n`` is odd, detail rows."""
    import ptwt

    even, half = n - n % 2, n // 2
    low, high = ptwt.wavedec(torch.eye(even, dtype=torch.float64), wavelet, mode="periodic", level=1)
    # Beyond the period the coefficients repeat; the window in the middle keeps them where the image has its features.
    start = (low.shape[-1] - half) // 2
    matrix = torch.zeros(n, n, dtype=torch.float64)
    matrix[:half, :even] = low[:, start : start + half].T
    matrix[n - half :, :even] = high[:, start : start + half].T
    if n % 2:
        matrix[half, n - 1] = 1.0
    return matrix
