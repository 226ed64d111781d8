"""Coil images: what the receive coils of a scanner see, and the ways to make one image of them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from otrecon.checks import check_complex

__all__ = ["check_smaps", "combine", "root_sum_of_squares"]


def root_sum_of_squares(images: Tensor, dim: int = -3) -> Tensor:
    """Combine coil images without maps: ``sqrt(sum |x_c|^2)``.

    Parameters
    ----------
    images
        Real or complex, the coil axis at ``dim``; ``(..., coil, y, x)`` by default.
    dim
        Coil axis.

    Returns
    -------
    Tensor
        Real, without the coil axis. The phase is lost; noise of standard deviation ``s`` in each of ``C`` coils raises
        the mean of the square by ``C s^2``, so that the background is not black. See :func:`combine`.

    Raises
    ------
    TypeError
        If ``images`` is no tensor of real or complex numbers.
    ValueError
        If it has no axis ``dim``.
    """
    if not isinstance(images, Tensor) or not (images.is_floating_point() or images.is_complex()):
        kind = f"a tensor of {images.dtype}" if isinstance(images, Tensor) else type(images).__name__
        raise TypeError(f"images must be a real or complex floating tensor, got {kind}: convert it first.")
    if not -images.ndim <= dim < images.ndim:
        raise ValueError(
            f"images of shape {tuple(images.shape)} have no coil axis {dim}: expected (..., coil, y, x), or name the "
            "coil axis with dim=. One image without coils needs no combination: its magnitude is images.abs()."
        )
    return torch.linalg.vector_norm(images, dim=dim)


def combine(coil_images: Tensor, smaps: Tensor) -> Tensor:
    """Combine coil images with known sensitivities, at minimum variance among the unbiased estimates.

    Parameters
    ----------
    coil_images
        Complex ``(..., coil, y, x)``.
    smaps
        Complex ``(coil, y, x)``.

    Returns
    -------
    Tensor
        ``sum_c conj(S_c) x_c / sum_c |S_c|^2``, complex ``(..., y, x)`` in the precision of the images; 0 where all
        maps are 0 and nothing is known.

    Raises
    ------
    TypeError, ValueError
        If an input is not complex or the shapes do not fit.

    Notes
    -----
    This is the MVUE of seed 003: least squares per pixel, for noise that is white and equal in all coils (prewhiten
    data and maps otherwise, see :func:`otrecon.mri.noise.prewhiten`). Dividing by ``sqrt(sum |S|^2)`` instead, as
    released code of that seed does in one place, is the same only for maps of unit norm. The image is complex and its
    noise has zero mean; the root sum of squares of the same data is real and biased upwards. Comparing one with the
    other costs SSIM even where both show "the same" image (seed row 003-E7).
    """
    check_smaps(smaps)
    check_complex(coil_images, "coil_images")
    if coil_images.ndim < 3 or coil_images.shape[-3:] != smaps.shape:
        raise ValueError(f"coil_images {tuple(coil_images.shape)} do not fit smaps (coil, y, x) {tuple(smaps.shape)}.")
    smaps = smaps.to(coil_images.dtype)
    power = smaps.abs().square().sum(0)
    weighted = (smaps.conj() * coil_images).sum(-3)
    return torch.where(power > 0, weighted / torch.where(power > 0, power, 1), 0)


def check_smaps(smaps: Tensor, im_size: Sequence[int] | None = None) -> None:
    """Raise unless ``smaps`` are finite complex sensitivity maps of shape ``(coil, *im_size)``."""
    check_complex(smaps, "smaps")
    if smaps.ndim != 3 or 0 in smaps.shape:
        raise ValueError(f"smaps must have shape (coil, y, x), got {tuple(smaps.shape)}.")
    if im_size is not None and tuple(smaps.shape[1:]) != tuple(im_size):
        raise ValueError(
            f"smaps of shape {tuple(smaps.shape)} do not fit an image of size {tuple(im_size)}: "
            f"expected (coil, {im_size[0]}, {im_size[1]})."
        )
    if not torch.isfinite(smaps).all():
        raise ValueError("smaps contain NaN or infinity: replace them (by 0 outside the object) first.")
