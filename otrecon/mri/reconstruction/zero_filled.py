"""Zero-filled reconstruction and gridding: one adjoint."""

from __future__ import annotations

import torch
from torch import Tensor

from otrecon.checks import check_complex
from otrecon.mri.reconstruction.result import Reconstruction, data_term
from otrecon.operators import LinearOperator

__all__ = ["zero_filled"]


@torch.no_grad()
def zero_filled(operator: LinearOperator, kdata: Tensor, *, dcomp: Tensor | None = None) -> Reconstruction:
    """Apply the adjoint: what was not measured is taken to be zero.

    Parameters
    ----------
    operator
        A, such as ``CartesianMRI`` or ``RadialMRI``, on images ``(..., y, x)``.
    kdata
        Complex data ``(..., *operator.range)``.
    dcomp
        Density compensation, real and not negative, broadcastable against ``kdata``; the data are multiplied by it, in
        their own precision, which makes the adjoint of a non-Cartesian transform gridding.

    Returns
    -------
    Reconstruction
        The image; direct, so that there is no iteration to converge.

    Raises
    ------
    TypeError
        If the data are not complex, or the compensation is not a tensor.
    ValueError
        If shapes do not fit, or the data or the compensation contain NaN or infinity, or the latter is negative.

    References
    ----------
    Seed rows 000-M1 and, with ``dcomp``, 000-M2 (its starting image).
    """
    check_complex(kdata, "kdata")
    if dcomp is not None:
        if not isinstance(dcomp, Tensor):
            raise TypeError(f"dcomp must be a torch tensor, got {type(dcomp).__name__}: convert it first.")
        if dcomp.is_complex() or not torch.isfinite(dcomp).all() or bool((dcomp < 0).any()):
            raise ValueError("dcomp must be real, finite and not negative.")
        if kdata.shape != torch.broadcast_shapes(kdata.shape, dcomp.shape):
            raise ValueError(f"dcomp of shape {tuple(dcomp.shape)} does not fit kdata of shape {tuple(kdata.shape)}.")
        kdata = kdata * dcomp.to(kdata.real.dtype)
    return Reconstruction(data_term(operator, kdata).rhs)
