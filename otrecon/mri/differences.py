"""The gradient of an image, and of a film, by forward differences."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from otrecon.checks import check_count
from otrecon.grid import check_im_size
from otrecon.operators import LinearOperator

__all__ = ["FilmDifference", "FiniteDifference"]


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


class FilmDifference(LinearOperator):
    """Forward differences of a film ``(..., t, y, x)``, in time and, if wanted, in space.

    The result is ``(..., 1, t, y, x)`` with ``film[t + 1] - film[t]``, or ``(..., 3, t, y, x)`` with the differences
    along y and x after it, those of :class:`FiniteDifference`. The last frame has no successor and the difference zero,
    unless the film is periodic: then its successor is the first.

    Parameters
    ----------
    film_size
        ``(t, y, x)``.
    space
        Whether to take the differences along y and x, too.
    periodic
        Whether the first frame follows the last, as in a film of one heartbeat.

    Attributes
    ----------
    norm_bound : float
        An upper bound of the norm: 2 in time alone, the root of 12 with space.

    Raises
    ------
    ValueError
        If the size is not three positive integers.
    """

    def __init__(self, film_size: Sequence[int], *, space: bool = False, periodic: bool = False) -> None:
        if len(film_size) != 3:
            raise ValueError(f"film_size must be three positive integers (t, y, x), got {tuple(film_size)}.")
        film_size = (check_count("frames", film_size[0]), *check_im_size(tuple(film_size[1:])))
        super().__init__(film_size, (3 if space else 1, *film_size))
        self.space, self.periodic = space, periodic
        self.norm_bound = 12**0.5 if space else 2.0
        self.spatial = FiniteDifference(film_size[1:])

    def _forward(self, x: Tensor) -> Tensor:
        difference = x.new_zeros((*x.shape[:-3], *self.range))
        in_time = difference[..., 0, :, :, :]
        in_time[..., :-1, :, :] = x[..., 1:, :, :] - x[..., :-1, :, :]
        if self.periodic:
            in_time[..., -1, :, :] = x[..., 0, :, :] - x[..., -1, :, :]
        if self.space:
            difference[..., 1:, :, :, :] = self.spatial._forward(x).transpose(-4, -3)
        return difference

    def _adjoint(self, y: Tensor) -> Tensor:
        in_time = y[..., 0, :, :, :]
        film = self.spatial._adjoint(y[..., 1:, :, :, :].transpose(-4, -3)) if self.space else torch.zeros_like(in_time)
        film[..., 1:, :, :] += in_time[..., :-1, :, :]
        film[..., :-1, :, :] -= in_time[..., :-1, :, :]
        if self.periodic:
            film[..., 0, :, :] += in_time[..., -1, :, :]
            film[..., -1, :, :] -= in_time[..., -1, :, :]
        return film
