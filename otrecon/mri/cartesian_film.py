"""Multi-coil Cartesian MRI of a film, with a mask for each frame."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from otrecon.checks import kind
from otrecon.coil_images import check_smaps
from otrecon.fourier import fft2c, ifft2c
from otrecon.grid import check_im_size
from otrecon.mri.cartesian import check_masked, expand_mask
from otrecon.mri.multicoil import MultiCoil

__all__ = ["CartesianFilm"]


class CartesianFilm(MultiCoil):
    """Masked Fourier transform of every frame: film ``(..., t, y, x)`` to k-space ``(..., t, coil, y, x)``.

    Parameters
    ----------
    masks
        Boolean; True where k-space is measured, centred at ``n // 2``. ``(t, y, x)``, or ``(t, y, 1)`` or ``(t, 1, x)``
        where all columns or all rows share one pattern: they are then expanded to the image size. A frame whose mask is
        False everywhere has no data: its k-space is zero, and ``adjoint`` and ``gram`` leave it zero. What it shows is
        up to the prior.
    smaps
        Complex coil sensitivities ``(coil, y, x)``, the same for all frames. None: a single coil of sensitivity 1.
    im_size
        Image size ``(y, x)``; needed only to expand masks of one row or column where there are no maps.

    Attributes
    ----------
    mask : Tensor
        The expanded masks, bool ``(t, 1, y, x)``.
    measured : tuple of int
        Frames that have data.
    empty : tuple of int
        Frames that have none.

    Raises
    ------
    TypeError
        If the masks are no boolean tensor, or the maps or the input are not complex.
    ValueError
        If shapes do not fit, no frame has data, or the maps are not finite.

    References
    ----------
    Seed rows 000-S1 and 000-S2 (phase encodings skipped, frames skipped).
    """

    mask: Tensor

    def __init__(self, masks: Tensor, smaps: Tensor | None = None, *, im_size: Sequence[int] | None = None) -> None:
        if not isinstance(masks, Tensor):
            raise TypeError(f"masks must be a torch tensor, got {kind(masks)}: torch.stack the masks of single frames.")
        if masks.ndim != 3 or len(masks) == 0:
            raise ValueError(
                f"masks must be (t, y, x), (t, y, 1) or (t, 1, x), got {kind(masks)}: "
                "torch.stack the masks of single frames; for one image use CartesianMRI."
            )
        if im_size is not None:
            im_size = check_im_size(im_size)
        if smaps is not None:
            check_smaps(smaps, im_size)
            im_size = (int(smaps.shape[1]), int(smaps.shape[2]))
        mask = torch.stack([expand_mask(each, im_size) for each in masks])
        if not mask.any():
            raise ValueError("masks are False everywhere: no frame would be measured.")
        if smaps is not None and smaps.device != mask.device:
            raise ValueError(f"masks are on {mask.device} and smaps on {smaps.device}: move them to one device.")
        super().__init__(mask.shape[1:], mask.shape[1:], smaps)
        self.domain, self.range = tuple(mask.shape), (len(mask), *self.range)
        measured = mask.flatten(1).any(1).tolist()
        self.measured = tuple(t for t, any_data in enumerate(measured) if any_data)
        self.empty = tuple(t for t, any_data in enumerate(measured) if not any_data)
        self.register_buffer("mask", mask.unsqueeze(1))

    def check_data(self, y: Tensor) -> None:
        """Raise TypeError or ValueError unless ``y`` is of the range, and zero where the masks are False."""
        super().check_data(y)
        check_masked(y, self.mask)

    def _transform(self, coils: Tensor) -> Tensor:
        return self.mask * fft2c(coils)

    def _transform_adjoint(self, data: Tensor) -> Tensor:
        return ifft2c(self.mask * data)

    def _gram(self, x: Tensor) -> Tensor:
        # Frame by frame, those with data alone: the coil images of one frame stay in the cache. The shifts of the
        # centred transforms cancel in a circular convolution; the mask alone is brought to the order of the plain FFT.
        film = torch.zeros_like(x)
        for t in self.measured:
            spectrum = torch.fft.fft2(self._to_coils(x[..., t, :, :]))
            spectrum.mul_(torch.fft.ifftshift(self.mask[t, 0]))
            film[..., t, :, :] = self._from_coils(torch.fft.ifft2(spectrum))
        return film
