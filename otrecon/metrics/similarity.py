"""Structural similarity: the score, its map, and the three maps that it is made of."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor

from otrecon.metrics.checks import check_data_range, check_images, masked_mean

__all__ = ["SSIMTerms", "ssim", "ssim_map", "ssim_terms"]


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
        If ``data_range`` is missing; otherwise as :func:`~otrecon.metrics.mse`.
    ValueError
        If the window is even, smaller than 3 or larger than the image, a constant is not positive, or no masked pixel
        has its window within the image; otherwise as :func:`~otrecon.metrics.psnr`.

    References
    ----------
    Wang et al., Image quality assessment: from error visibility to structural similarity, IEEE Trans. Image Process.
    13 (2004), 600-612. Seed 000, section 4.1.2 prints C1 for C2 in the contrast term and a factor 2 in the structure
    term; this is the formula of Wang et al.
    """
    local = ssim_map(image, reference, data_range=data_range, weights=weights, window=window, k1=k1, k2=k2)
    _, _, mask = check_images(image, reference, mask)
    rim = _side(weights, window) // 2
    ny, nx = local.shape[-2:]
    local = local[..., rim : ny - rim, rim : nx - rim]
    if mask is not None:
        mask = mask[..., rim : ny - rim, rim : nx - rim]
        if not bool(mask.any(-1).any(-1).all()):
            raise ValueError(f"The mask selects no pixel further than {rim} pixels from the edge of the image.")
    return masked_mean(local, mask)


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
    image, reference, _ = check_images(image, reference, None)
    span = check_data_range(data_range, image, "ssim")[..., None, None]
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
