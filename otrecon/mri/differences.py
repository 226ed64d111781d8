"""The gradient of an image by forward differences."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from otrecon.grid import check_im_size
from otrecon.operators import LinearOperator

__all__ = ["FiniteDifference"]


class FiniteDifference(LinearOperator):
    """Forward differences along y and x: image ``(..., y, x)`` to gradient ``(..., 2, y, x)``.

    Component 0 is ``image[y + 1, x] - image[y, x]``, component 1 the same along x. Nothing crosses the border
    (Neumann): the last row of component 0 and the last column of component 1 are zero. The adjoint is minus the
    divergence. The squared norm is below 8, which ``norm_bound`` states.

    Parameters
    ----------
    im_size
        Image size ``(y, x)``.
    """

    norm_bound = 8**0.5

    def __init__(self, im_size: Sequence[int]) -> None:
        im_size = check_im_size(im_size)
        super().__init__(im_size, (2, *im_size))

    def _forward(self, x: Tensor) -> Tensor:
        gradient = x.new_zeros((*x.shape[:-2], *self.range))
        gradient[..., 0, :-1, :] = x[..., 1:, :] - x[..., :-1, :]
        gradient[..., 1, :, :-1] = x[..., :, 1:] - x[..., :, :-1]
        return gradient

    def _adjoint(self, y: Tensor) -> Tensor:
        along_y, along_x = y[..., 0, :-1, :], y[..., 1, :, :-1]
        image = y.new_zeros((*y.shape[:-3], *self.domain))
        image[..., 1:, :] += along_y
        image[..., :-1, :] -= along_y
        image[..., :, 1:] += along_x
        image[..., :, :-1] -= along_x
        return image
