"""Errors summed over pixels: mean squared, relative to the reference, and in decibels below a peak."""

from __future__ import annotations

import torch
from torch import Tensor

from otrecon.metrics.checks import check_data_range, check_images, masked_mean

__all__ = ["mse", "nmse", "nrmse", "psnr"]


def mse(image: Tensor, reference: Tensor, *, mask: Tensor | None = None) -> Tensor:
    """Mean squared error, in squared units of the image.

    Parameters
    ----------
    image, reference
        Real, shape ``(..., y, x)``.
    mask
        Boolean, shape ``(y, x)`` or that of the images; the mean runs over its true pixels. None: all pixels.

    Returns
    -------
    Tensor
        Shape of the batch.

    Raises
    ------
    TypeError
        If an image is not a real floating-point tensor, or the mask is not boolean.
    ValueError
        If shapes or devices differ, a value is not finite, or the mask is empty for some image.
    """
    image, reference, mask = check_images(image, reference, mask)
    return masked_mean((image - reference) ** 2, mask)


def nmse(image: Tensor, reference: Tensor, *, mask: Tensor | None = None) -> Tensor:
    r"""Squared error relative to the reference's energy, :math:`\|x - r\|^2 / \|r\|^2`, as in fastMRI.

    It takes no ``data_range``: the reference is its own yardstick, and the ratio does not change when both images are
    scaled. 0 is perfect, 1 is what a black image scores. Each image of a batch has its own value; fastMRI's value of
    a whole volume ``(slice, y, x)`` is that of its slices laid end to end, ``volume.flatten(0, 1)``.

    Parameters
    ----------
    image, reference
        Real, shape ``(..., y, x)``.
    mask
        Boolean, shape ``(y, x)`` or that of the images; both sums run over its true pixels. None: all pixels.

    Returns
    -------
    Tensor
        Shape of the batch.

    Raises
    ------
    TypeError, ValueError
        As :func:`mse`; also ValueError if a reference is zero on all its pixels.

    References
    ----------
    Zbontar et al., fastMRI: an open dataset and benchmarks for accelerated MRI, arXiv 1811.08839.
    """
    image, reference, mask = check_images(image, reference, mask)
    energy = masked_mean(reference**2, mask)
    if bool((energy == 0).any()):
        raise ValueError("A reference is zero on all its pixels: an error relative to nothing has no value. Use mse.")
    return masked_mean((image - reference) ** 2, mask) / energy


def nrmse(image: Tensor, reference: Tensor, *, mask: Tensor | None = None) -> Tensor:
    r"""Relative error :math:`\|x - r\| / \|r\|`, the square root of :func:`nmse`; arguments and errors as there.

    Equals scikit-image's ``normalized_root_mse`` with its default ``"euclidean"`` normalisation.
    """
    return nmse(image, reference, mask=mask).sqrt()


def psnr(
    image: Tensor, reference: Tensor, *, data_range: float | Tensor | None = None, mask: Tensor | None = None
) -> Tensor:
    """Peak signal-to-noise ratio ``10 log10(data_range^2 / mse)``, in decibels; infinite for identical images.

    Parameters
    ----------
    image, reference
        Real, shape ``(..., y, x)``.
    data_range
        Required. The span of values that the images may take, positive; a tensor with the shape of the batch gives
        each image its own.
    mask
        Boolean, shape ``(y, x)`` or that of the images; the error counts on its true pixels. None: all pixels.

    Returns
    -------
    Tensor
        Shape of the batch, dB.

    Raises
    ------
    TypeError
        If ``data_range`` is missing; otherwise as :func:`mse`.
    ValueError
        If ``data_range`` is not positive and finite or does not fit the batch; otherwise as :func:`mse`.

    References
    ----------
    Seed 000, section 4.1.1. Equals scikit-image's ``peak_signal_noise_ratio``.
    """
    image, reference, mask = check_images(image, reference, mask)
    span = check_data_range(data_range, image, "psnr")
    return 10 * torch.log10(span**2 / masked_mean((image - reference) ** 2, mask))
