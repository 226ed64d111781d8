"""Multi-coil Cartesian MRI: coil sensitivities, Fourier transform, sampling mask."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from otrecon.coil_images import check_smaps
from otrecon.fourier import fft2c, ifft2c
from otrecon.grid import check_im_size
from otrecon.mri.multicoil import MultiCoil

__all__ = ["CartesianMRI", "check_masked", "expand_mask"]


class CartesianMRI(MultiCoil):
    """Masked multi-coil Fourier transform: image ``(..., y, x)`` to zero-filled k-space ``(..., coil, y, x)``.

    Parameters
    ----------
    mask
        Boolean; True where k-space is measured, centred at ``n // 2``. Shape ``(y, x)``, or ``(y, 1)`` or ``(1, x)``
        where all columns or all rows share one pattern: it is then expanded to the image size.
    smaps
        Complex coil sensitivities ``(coil, y, x)``. None: a single coil of uniform sensitivity 1.
    im_size
        Image size ``(y, x)``; needed only to expand a mask of one row or column where there are no maps.

    Attributes
    ----------
    mask : Tensor
        The expanded mask, bool ``(y, x)``.
    smaps : Tensor or None
        The maps as given.

    Raises
    ------
    TypeError
        If the mask is not boolean, or the maps or the input are not complex.
    ValueError
        If shapes do not fit, the mask measures nothing, or the maps are not finite.

    Notes
    -----
    The operator computes in the precision of its input; the maps follow it.

    References
    ----------
    K. P. Pruessmann et al., SENSE: sensitivity encoding for fast MRI, Magn. Reson. Med. 42 (1999). Seed row 000-M1.
    """

    mask: Tensor

    def __init__(self, mask: Tensor, smaps: Tensor | None = None, *, im_size: Sequence[int] | None = None) -> None:
        if im_size is not None:
            im_size = check_im_size(im_size)
        if smaps is not None:
            check_smaps(smaps, im_size)
            im_size = (int(smaps.shape[1]), int(smaps.shape[2]))
        mask = expand_mask(mask, im_size)
        if not mask.any():
            raise ValueError("mask is False everywhere: nothing would be measured.")
        if smaps is not None and smaps.device != mask.device:
            raise ValueError(f"mask is on {mask.device} and smaps on {smaps.device}: move them to one device.")
        super().__init__(mask.shape, mask.shape, smaps)
        self.register_buffer("mask", mask)

    def check_data(self, y: Tensor) -> None:
        """Raise TypeError or ValueError unless ``y`` is of the range, and zero where the mask is False."""
        super().check_data(y)
        check_masked(y, self.mask)

    def _transform(self, coils: Tensor) -> Tensor:
        return self.mask * fft2c(coils)

    def _transform_adjoint(self, data: Tensor) -> Tensor:
        return ifft2c(self.mask * data)

    def _transform_gram(self, coils: Tensor) -> Tensor:
        # A circular convolution commutes with the shifts of the centred transforms: they cancel, and only the mask
        # has to be brought to the order of the plain FFT.
        return torch.fft.ifft2(torch.fft.ifftshift(self.mask) * torch.fft.fft2(coils))


def check_masked(data: Tensor, mask: Tensor) -> None:
    """Raise ValueError unless data are zero where nothing was measured."""
    if bool((data.detach() * ~mask).any()):
        raise ValueError("the data are not zero where the mask says that nothing was measured: give data * mask.")


def expand_mask(mask: Tensor, im_size: Sequence[int] | None) -> Tensor:
    """Check a mask ``(y, x)``, ``(y, 1)`` or ``(1, x)`` and return it in the size of the image."""
    if not isinstance(mask, Tensor):
        raise TypeError(f"mask must be a torch tensor, got {type(mask).__name__}: convert it first.")
    if mask.dtype != torch.bool:
        raise TypeError(f"mask must be boolean, got {mask.dtype}: write mask.bool(), or mask > 0.")
    if mask.ndim != 2:
        raise ValueError(f"mask must have shape (y, x), (y, 1) or (1, x), got {tuple(mask.shape)}.")
    if im_size is None:
        if 1 in mask.shape:
            raise ValueError(
                f"A mask of shape {tuple(mask.shape)} does not tell the image size: give smaps or im_size=(y, x)."
            )
        im_size = mask.shape
    if any(n not in (1, size) for n, size in zip(mask.shape, im_size, strict=True)):
        raise ValueError(
            f"mask of shape {tuple(mask.shape)} does not fit an image of size {tuple(im_size)}: "
            f"expected ({im_size[0]}, {im_size[1]}), ({im_size[0]}, 1) or (1, {im_size[1]})."
        )
    return mask.expand(*im_size).contiguous()
