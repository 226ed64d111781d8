"""From an image to a measure, explicitly: what counts as mass, and how much of it there is."""

from __future__ import annotations

from numbers import Integral, Real

import torch
from torch import Tensor

from otrecon.ot.checks import REAL, check_measure

__all__ = ["to_measure"]


def to_measure(image: Tensor, *, ndim: int = 2, normalise: bool = True, floor: float = 0.0) -> Tensor:
    """Make a measure of an image: non-negative, by default of mass 1.

    Parameters
    ----------
    image
        Image ``(..., *space)``. Of a complex image the modulus is the mass. Real images must not be negative anywhere.
    ndim
        Number of trailing axes that are space, 1 to 3; those in front are a batch.
    normalise
        Whether each image is divided by its sum.
    floor
        Share of the mass that is spread evenly over all pixels, 0 to just below 1. A little of it keeps a plan from
        moving mass across an empty background at any price; it is part of the answer, so report it.

    Returns
    -------
    Tensor
        Real, of the shape, device and precision of the image; differentiable.

    Raises
    ------
    TypeError
        If the image is not a float or complex tensor of 32 or 64 bits a real number.
    ValueError
        If it is negative, NaN or infinite somewhere, or empty of mass; if ``ndim`` or ``floor`` is out of range.

    Examples
    --------
    >>> import torch
    >>> to_measure(torch.tensor([[3.0, 1.0], [0.0, 0.0]]))
    tensor([[0.7500, 0.2500],
            [0.0000, 0.0000]])
    """
    if not isinstance(image, Tensor):
        raise TypeError(f"image must be a tensor, got {type(image).__name__}; torch.as_tensor makes one of an array.")
    if image.dtype not in (*REAL, torch.complex64, torch.complex128):
        raise TypeError(f"image has dtype {image.dtype}; give float32, float64, or complex: image.to(torch.float64).")
    if isinstance(ndim, bool) or not isinstance(ndim, Integral) or not 1 <= ndim <= 3 or image.ndim < ndim:
        raise ValueError(f"ndim must be 1, 2 or 3 and at most the {image.ndim} axes of the image, got {ndim}.")
    if isinstance(floor, bool) or not isinstance(floor, Real) or not 0 <= floor < 1:
        raise ValueError(f"floor must be a share of the mass, at least 0 and below 1, got {floor}.")
    mass = image.abs() if image.is_complex() else image
    check_measure("image", mass, tuple(mass.shape[-ndim:]))
    space = tuple(range(-ndim, 0))
    # In float64, so that masses of float32 images agree as well as float32 allows, and no sum overflows.
    exact = mass.double()
    if normalise:
        exact = exact / exact.sum(space, keepdim=True)
    if floor > 0:
        exact = (1 - float(floor)) * exact + float(floor) * exact.mean(space, keepdim=True)
    return exact.to(mass.dtype)
