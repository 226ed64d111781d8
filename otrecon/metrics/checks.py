"""What all metrics ask of their arguments, and the mean that they share."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["check_data_range", "check_images", "masked_mean"]


def masked_mean(values: Tensor, mask: Tensor | None) -> Tensor:
    """Mean over the last two axes, of the true pixels of the mask where there is one."""
    if mask is None:
        return values.mean((-2, -1))
    return torch.where(mask, values, 0.0).sum((-2, -1)) / mask.sum((-2, -1))


def check_data_range(data_range: float | Tensor | None, image: Tensor, name: str) -> Tensor:
    """Return the range as a float64 tensor, one number or one for each image; raise TypeError or ValueError."""
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


def check_images(image: Tensor, reference: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor, Tensor | None]:
    """Return two images in float64 and their mask; raise TypeError or ValueError where they do not fit each other."""
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
