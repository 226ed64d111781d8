"""What every forward model of MRI shares: the image is weighted by each coil, then one transform acts coil by coil."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

from otrecon.checks import check_complex
from otrecon.coil_images import check_smaps
from otrecon.grid import check_im_size
from otrecon.operators import LinearOperator

__all__ = ["MultiCoil", "point_spread"]


class MultiCoil(LinearOperator):
    """Coil sensitivities followed by a transform of every coil image; subclasses write the transform.

    Parameters
    ----------
    im_size
        Image size ``(y, x)``: the domain.
    data_size
        Shape of the data of one coil; the range is ``(coil, *data_size)``.
    smaps
        Complex coil sensitivities ``(coil, y, x)``. None: a single coil of uniform sensitivity 1.

    Notes
    -----
    The operator computes in the precision of its input; the maps follow it.
    """

    smaps: Tensor | None

    def __init__(self, im_size: Sequence[int], data_size: Sequence[int], smaps: Tensor | None) -> None:
        im_size = check_im_size(im_size)
        if smaps is not None:
            check_smaps(smaps, im_size)
        super().__init__(im_size, (1 if smaps is None else smaps.shape[0], *data_size))
        self.register_buffer("smaps", smaps)

    @abstractmethod
    def _transform(self, coils: Tensor) -> Tensor:
        """Coil images ``(..., coil, y, x)`` to data ``(..., coil, *data_size)``."""

    @abstractmethod
    def _transform_adjoint(self, data: Tensor) -> Tensor: ...

    def _transform_gram(self, coils: Tensor) -> Tensor:
        return self._transform_adjoint(self._transform(coils))

    def _forward(self, x: Tensor) -> Tensor:
        return self._transform(self._to_coils(x))

    def _adjoint(self, y: Tensor) -> Tensor:
        check_complex(y, "kdata")
        return self._from_coils(self._transform_adjoint(y))

    def _gram(self, x: Tensor) -> Tensor:
        return self._from_coils(self._transform_gram(self._to_coils(x)))

    def _to_coils(self, x: Tensor) -> Tensor:
        check_complex(x, "image")
        coils = x.unsqueeze(-3)
        return coils if self.smaps is None else self.smaps.to(x.dtype) * coils

    def _from_coils(self, coils: Tensor) -> Tensor:
        if self.smaps is None:
            return coils.squeeze(-3)
        return (self.smaps.to(coils.dtype).conj() * coils).sum(-3)


def point_spread(operator: LinearOperator, *, dtype: torch.dtype = torch.complex64) -> Tensor:
    """Image that the gram makes of a point at the centre of the image: the aliasing pattern of the sampling.

    Parameters
    ----------
    operator
        Operator whose domain is an image ``(y, x)``.
    dtype
        Complex dtype of the result.

    Returns
    -------
    Tensor
        Complex ``(y, x)``; the point was at ``(y // 2, x // 2)``.

    Raises
    ------
    ValueError
        If the domain of the operator is not an image.
    """
    if len(operator.domain) != 2:
        raise ValueError(f"point_spread needs an operator on images (y, x), got one on {operator.domain}.")
    device = next(operator.buffers(), torch.empty(0)).device
    point = torch.zeros(operator.domain, dtype=dtype, device=device)
    point[operator.domain[0] // 2, operator.domain[1] // 2] = 1
    return operator.gram(point)
