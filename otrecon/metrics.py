"""How far is an image from its reference: PSNR, SSIM and relative errors, with nothing assumed in silence.

The trailing two axes are the image; leading axes are a batch. Every metric returns a float64 tensor with the shape of
the batch (0-d for a single image, so ``float(psnr(...))`` is a number), computed in float64 and differentiable.

Images are real. A complex image has many real ones (magnitude, real part, ...), and scores differ between them: take
``image.abs()`` yourself. Anything NaN or infinite is an error, and so is a mask that selects no pixel.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor

__all__ = ["SSIMTerms", "mse", "nmse", "nrmse", "psnr", "ssim", "ssim_map", "ssim_terms"]


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
    image, reference, mask = _checked(image, reference, mask)
    return _mean((image - reference) ** 2, mask)


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
    image, reference, mask = _checked(image, reference, mask)
    energy = _mean(reference**2, mask)
    if bool((energy == 0).any()):
        raise ValueError("A reference is zero on all its pixels: an error relative to nothing has no value. Use mse.")
    return _mean((image - reference) ** 2, mask) / energy


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
    image, reference, mask = _checked(image, reference, mask)
    span = _span(data_range, image, "psnr")
    return 10 * torch.log10(span**2 / _mean((image - reference) ** 2, mask))


def ssim(
    image: Tensor,
    reference: Tensor,
    *,
    data_range: float | Tensor | None = None,
    mask: Tensor | None = None,
    weights: Literal["uniform", "gaussian"] = "uniform",
    window: int | None = None,
    k1: float = 0.01,
    k2: float = 0.03,
) -> Tensor:
    """Structural similarity: the mean of :func:`ssim_map` over the pixels whose window lies within the image.

    Parameters
    ----------
    image, reference
        Real, shape ``(..., y, x)``.
    data_range
        Required. The span of values that the images may take, positive; a tensor with the shape of the batch gives
        each image its own.
    mask
        Boolean, shape ``(y, x)`` or that of the images; the mean runs over its true pixels among those above. Windows
        at its rim still see the pixels beyond.
    weights
        ``"uniform"``: box window and sample covariance, scikit-image's default and fastMRI's choice; ``"gaussian"``:
        Gaussian window of standard deviation 1.5 pixels and population covariance, as Wang et al. (scikit-image's
        ``gaussian_weights=True, use_sample_covariance=False``).
    window
        Odd side of the window in pixels; 7 for uniform and 11 for Gaussian weights when omitted.
    k1, k2
        Constants of the luminance and of the contrast-structure term, relative to ``data_range``.

    Returns
    -------
    Tensor
        Shape of the batch; 1 for identical images, at most 1.

    Raises
    ------
    TypeError
        If ``data_range`` is missing; otherwise as :func:`mse`.
    ValueError
        If the window is even, smaller than 3 or larger than the image, a constant is not positive, or no masked pixel
        has its window within the image; otherwise as :func:`psnr`.

    References
    ----------
    Wang et al., Image quality assessment: from error visibility to structural similarity, IEEE Trans. Image Process.
    13 (2004), 600-612. Seed 000, section 4.1.2 prints C1 for C2 in the contrast term and a factor 2 in the structure
    term; this is the formula of Wang et al.
    """
    local = ssim_map(image, reference, data_range=data_range, weights=weights, window=window, k1=k1, k2=k2)
    _, _, mask = _checked(image, reference, mask)
    rim = _side(weights, window) // 2
    ny, nx = local.shape[-2:]
    local = local[..., rim : ny - rim, rim : nx - rim]
    if mask is not None:
        mask = mask[..., rim : ny - rim, rim : nx - rim]
        if not bool(mask.any(-1).any(-1).all()):
            raise ValueError(f"The mask selects no pixel further than {rim} pixels from the edge of the image.")
    return _mean(local, mask)


def ssim_map(
    image: Tensor,
    reference: Tensor,
    *,
    data_range: float | Tensor | None = None,
    weights: Literal["uniform", "gaussian"] = "uniform",
    window: int | None = None,
    k1: float = 0.01,
    k2: float = 0.03,
) -> Tensor:
    """Local structural similarity around every pixel; the images are mirrored beyond their edges.

    Parameters
    ----------
    image, reference, data_range, weights, window, k1, k2
        As for :func:`ssim`.

    Returns
    -------
    Tensor
        Float64, shape of the images.

    Raises
    ------
    TypeError, ValueError
        As :func:`ssim`.
    """
    moments = _moments(image, reference, data_range, weights, window, k1, k2)
    luminance = (2 * moments.mean_x * moments.mean_r + moments.c1) / (
        moments.mean_x**2 + moments.mean_r**2 + moments.c1
    )
    return luminance * (2 * moments.covariance + moments.c2) / (moments.variance_x + moments.variance_r + moments.c2)


class SSIMTerms(NamedTuple):
    """The three maps whose product is the SSIM map, each of the images' shape and at most 1."""

    luminance: Tensor
    contrast: Tensor
    structure: Tensor


def ssim_terms(
    image: Tensor,
    reference: Tensor,
    *,
    data_range: float | Tensor | None = None,
    weights: Literal["uniform", "gaussian"] = "uniform",
    window: int | None = None,
    k1: float = 0.01,
    k2: float = 0.03,
) -> SSIMTerms:
    """Return what :func:`ssim_map` multiplies: agreement of local brightness, of local contrast and of local pattern.

    Parameters
    ----------
    image, reference, data_range, weights, window, k1, k2
        As for :func:`ssim`.

    Returns
    -------
    SSIMTerms
        Luminance ``(2 m_x m_r + C1) / (m_x^2 + m_r^2 + C1)``, contrast ``(2 s_x s_r + C2) / (s_x^2 + s_r^2 + C2)`` and
        structure ``(s_xr + C3) / (s_x s_r + C3)`` with ``C3 = C2 / 2``, where m, s and s_xr are the local means,
        standard deviations and covariance. To look at, not to train with: standard deviations have no derivative at 0.

    Raises
    ------
    TypeError, ValueError
        As :func:`ssim`.

    References
    ----------
    Wang et al. (2004), see :func:`ssim`; seed row 000-E9.
    """
    moments = _moments(image, reference, data_range, weights, window, k1, k2)
    spread_x, spread_r = moments.variance_x.clamp_min(0).sqrt(), moments.variance_r.clamp_min(0).sqrt()
    c3 = moments.c2 / 2
    return SSIMTerms(
        (2 * moments.mean_x * moments.mean_r + moments.c1) / (moments.mean_x**2 + moments.mean_r**2 + moments.c1),
        (2 * spread_x * spread_r + moments.c2) / (moments.variance_x + moments.variance_r + moments.c2),
        (moments.covariance + c3) / (spread_x * spread_r + c3),
    )


class _Moments(NamedTuple):
    """Local means, variances and covariance of two images, and the constants of SSIM."""

    mean_x: Tensor
    mean_r: Tensor
    variance_x: Tensor
    variance_r: Tensor
    covariance: Tensor
    c1: Tensor
    c2: Tensor


def _moments(
    image: Tensor,
    reference: Tensor,
    data_range: float | Tensor | None,
    weights: str,
    window: int | None,
    k1: float,
    k2: float,
) -> _Moments:
    image, reference, _ = _checked(image, reference, None)
    span = _span(data_range, image, "ssim")[..., None, None]
    side = _side(weights, window)
    if side > min(image.shape[-2:]):
        raise ValueError(f"A window of {side} pixels does not fit an image of {tuple(image.shape[-2:])}; set window.")
    if not (k1 > 0 and k2 > 0):
        raise ValueError(f"k1 and k2 must be positive, got {k1} and {k2}.")
    offsets = torch.arange(side, dtype=torch.float64, device=image.device) - side // 2
    profile = torch.ones_like(offsets) if weights == "uniform" else torch.exp(-(offsets**2) / (2 * 1.5**2))
    profile = profile / profile.sum()
    unbias = side**2 / (side**2 - 1) if weights == "uniform" else 1.0

    mean_x, mean_r = _smooth(image, profile), _smooth(reference, profile)
    variance_x = unbias * (_smooth(image**2, profile) - mean_x**2)
    variance_r = unbias * (_smooth(reference**2, profile) - mean_r**2)
    covariance = unbias * (_smooth(image * reference, profile) - mean_x * mean_r)
    return _Moments(mean_x, mean_r, variance_x, variance_r, covariance, (k1 * span) ** 2, (k2 * span) ** 2)


def _side(weights: str, window: int | None) -> int:
    if weights not in ("uniform", "gaussian"):
        raise ValueError(f'weights must be "uniform" or "gaussian", got {weights!r}.')
    side = window if window is not None else {"uniform": 7, "gaussian": 11}[weights]
    if isinstance(side, bool) or not isinstance(side, int) or side < 3 or side % 2 == 0:
        raise ValueError(f"window must be an odd number of pixels, 3 or more, got {side!r}.")
    return side


def _smooth(image: Tensor, profile: Tensor) -> Tensor:
    """Separable weighted mean with mirrored edges (the edge pixel itself repeated), shape kept."""
    rim = len(profile) // 2
    for _ in range(2):
        head, tail = image[..., :rim].flip(-1), image[..., image.shape[-1] - rim :].flip(-1)
        windows = torch.cat([head, image, tail], dim=-1).unfold(-1, len(profile), 1)
        image = (windows @ profile).transpose(-1, -2)
    return image


def _mean(values: Tensor, mask: Tensor | None) -> Tensor:
    if mask is None:
        return values.mean((-2, -1))
    return torch.where(mask, values, 0.0).sum((-2, -1)) / mask.sum((-2, -1))


def _span(data_range: float | Tensor | None, image: Tensor, name: str) -> Tensor:
    if data_range is None:
        raise TypeError(
            f"{name} needs data_range, the span of values that the images may take: a range guessed from one image or "
            f"from its dtype makes scores that cannot be compared. Say, for example, data_range=float(reference.max())."
        )
    span = torch.as_tensor(data_range, dtype=torch.float64, device=image.device)
    if not bool((torch.isfinite(span) & (span > 0)).all()):
        raise ValueError(f"data_range must be positive and finite, got {data_range}.")
    if span.ndim and span.shape != image.shape[:-2]:
        raise ValueError(
            f"data_range must be a number or have the shape of the batch {tuple(image.shape[:-2])}, "
            f"got shape {tuple(span.shape)}."
        )
    return span


def _checked(image: Tensor, reference: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor, Tensor | None]:
    for name, value in (("image", image), ("reference", reference)):
        if not isinstance(value, Tensor):
            raise TypeError(f"{name} must be a torch tensor, got {type(value).__name__}: convert it first.")
        if value.is_complex():
            raise TypeError(f"{name} is complex: metrics compare real images. Take the magnitude first, {name}.abs().")
        if not value.is_floating_point():
            raise TypeError(f"{name} has dtype {value.dtype}: convert both images to floating point first.")
    if image.shape != reference.shape:
        raise ValueError(
            f"image has shape {tuple(image.shape)} and reference {tuple(reference.shape)}; make them equal."
        )
    if image.ndim < 2 or 0 in image.shape:
        raise ValueError(f"Images must have shape (..., y, x) with at least one pixel, got {tuple(image.shape)}.")
    if image.device != reference.device:
        raise ValueError(f"image is on {image.device} and reference on {reference.device}; move one.")
    for name, value in (("image", image), ("reference", reference)):
        bad = int((~torch.isfinite(value)).sum())
        if bad:
            raise ValueError(f"{name} holds {bad} NaN or infinite values; no metric is defined for them.")
    if mask is not None:
        if not isinstance(mask, Tensor) or mask.dtype != torch.bool:
            kind = mask.dtype if isinstance(mask, Tensor) else type(mask).__name__
            raise TypeError(f"mask must be a boolean tensor, got {kind}: say for example reference > threshold.")
        if mask.shape not in (image.shape, image.shape[-2:]):
            raise ValueError(
                f"mask must have shape {tuple(image.shape[-2:])} or {tuple(image.shape)}, got {tuple(mask.shape)}."
            )
        if mask.device != image.device:
            raise ValueError(f"mask is on {mask.device} and the images on {image.device}; move one.")
        if not bool(mask.any(-1).any(-1).all()):
            raise ValueError("mask selects no pixel of some image: there is nothing to average.")
    return image.to(torch.float64), reference.to(torch.float64), mask
