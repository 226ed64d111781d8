"""How coherent the aliasing of a sampling pattern is: the largest side lobe of its point spread function."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["peak_side_lobe"]


def peak_side_lobe(psf: Tensor, *, main_lobe: int = 0) -> float:
    """Largest modulus of a point spread function outside its main lobe, relative to the modulus at its centre.

    1 is a ghost as bright as the object; the closer to 0, the more the aliasing looks like noise.

    Parameters
    ----------
    psf
        Point spread function ``(y, x)`` with its peak at ``(y // 2, x // 2)``, as
        :func:`~otrecon.mri.multicoil.point_spread` makes it; real or complex.
    main_lobe
        Pixels around the centre, along each axis, that belong to the main lobe. 0 excludes the centre pixel alone, as
        in the definition of Lustig et al. A pattern that is denser in the centre of k-space has a broad main lobe,
        whose shoulder is blur and not a ghost: exclude it to see the ghosts.

    Returns
    -------
    float
        The ratio, at least 0; more than 1 where the peak is not at the centre.

    Raises
    ------
    TypeError
        If ``psf`` is not a tensor.
    ValueError
        If it is not an image, is zero at its centre, or ``main_lobe`` is negative or covers the whole image.

    References
    ----------
    M. Lustig, D. Donoho, J. M. Pauly, Sparse MRI, Magn. Reson. Med. 58 (2007).
    """
    if not isinstance(psf, Tensor):
        raise TypeError(f"psf must be a torch tensor, got {type(psf).__name__}: convert it first.")
    if psf.ndim != 2:
        raise ValueError(f"psf must be an image (y, x), got shape {tuple(psf.shape)}.")
    (y, x), modulus = (n // 2 for n in psf.shape), psf.abs()
    if float(modulus[y, x]) == 0:
        raise ValueError(f"psf is zero at its centre {(y, x)}: shift its peak there.")
    outside = torch.ones_like(modulus, dtype=torch.bool)
    if main_lobe < 0:
        raise ValueError(f"main_lobe is {main_lobe}; it is a number of pixels, 0 or more.")
    outside[max(0, y - main_lobe) : y + main_lobe + 1, max(0, x - main_lobe) : x + main_lobe + 1] = False
    if not outside.any():
        raise ValueError(f"main_lobe {main_lobe} covers the whole image {tuple(psf.shape)}: nothing is left outside.")
    return float(modulus[outside].max() / modulus[y, x])
