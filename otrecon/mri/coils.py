"""Receive coils: simulated sensitivities, and the noise price of unfolding their images."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from otrecon.coil_images import check_smaps, root_sum_of_squares
from otrecon.grid import check_im_size, normalised_coordinates

__all__ = ["g_factor", "simulate_coils"]


def simulate_coils(
    im_size: Sequence[int],
    coils: int,
    *,
    distance: float = 1.5,
    loop_radius: float = 0.6,
    unit: bool = True,
    segments: int = 64,
    dtype: torch.dtype = torch.complex64,
    device: torch.device | str | None = None,
) -> Tensor:
    """Sensitivities of circular loops evenly around the field of view, by the law of Biot and Savart.

    Parameters
    ----------
    im_size
        Grid ``(y, x)``. The field of view is the square [-1, 1] x [-1, 1], its centre at pixel ``n // 2``.
    coils
        Number of loops, at least 1. Each faces the centre, its axis in the plane of the image.
    distance
        From the centre of the image to the centre of a loop, in half fields of view.
    loop_radius
        Radius of a loop in the same unit. The wires must stay outside the image: ``distance**2 + loop_radius**2 > 2``.
    unit
        Divide by the root sum of squares, so that it is 1 in every pixel; otherwise scale its maximum to 1.
    segments
        Straight pieces that make a loop.
    dtype
        ``torch.complex64`` or ``torch.complex128``; the field is computed in double precision.
    device
        Device of the result.

    Returns
    -------
    Tensor
        Maps ``(coil, y, x)``: the component of the field that receives, ``Bx - i By``, smooth in magnitude and phase.

    Raises
    ------
    ValueError
        If a number is out of range or the wires cross the image.
    TypeError
        If ``dtype`` is not complex.

    References
    ----------
    P. B. Roemer et al., The NMR phased array, Magn. Reson. Med. 16 (1990).
    """
    ny, nx = check_im_size(im_size)
    if not dtype.is_complex:
        raise TypeError(f"dtype is {dtype}; sensitivities are complex: use torch.complex64 or torch.complex128.")
    if coils < 1 or segments < 8:
        raise ValueError(f"Got coils={coils} and segments={segments}; use at least 1 coil of 8 segments.")
    if not (loop_radius > 0 and distance**2 + loop_radius**2 > 2):
        raise ValueError(
            f"Loops of radius {loop_radius} at distance {distance} cross the image: "
            "distance**2 + loop_radius**2 must exceed 2, the corner of the field of view."
        )
    y, x = normalised_coordinates((ny, nx), device=device)
    turn = 2 * math.pi * (torch.arange(segments, dtype=torch.float64, device=device) + 0.5) / segments
    maps = []
    for angle in (2 * math.pi * c / coils for c in range(coils)):
        outward, sideways = (math.cos(angle), math.sin(angle)), (-math.sin(angle), math.cos(angle))
        across = loop_radius * torch.cos(turn)
        wire_x, wire_y = distance * outward[0] + across * sideways[0], distance * outward[1] + across * sideways[1]
        wire_z = loop_radius * torch.sin(turn)
        step_x, step_y = -torch.sin(turn) * sideways[0], -torch.sin(turn) * sideways[1]
        step_z = torch.cos(turn)
        field = torch.zeros(ny, nx, dtype=torch.complex128, device=device)
        for k in range(segments):
            rx, ry, rz = x - wire_x[k], y - wire_y[k], -wire_z[k]
            cube = (rx**2 + ry**2 + rz**2) ** 1.5
            field += torch.complex(step_y[k] * rz - step_z[k] * ry, -(step_z[k] * rx - step_x[k] * rz)) / cube
        maps.append(field)
    smaps = torch.stack(maps)
    rss = root_sum_of_squares(smaps)
    return (smaps / (rss if unit else rss.max())).to(dtype)


def g_factor(smaps: Tensor, acceleration: int | tuple[int, int], *, covariance: Tensor | None = None) -> Tensor:
    """Noise amplification of SENSE on a regular Cartesian lattice, beyond the square root of the acceleration.

    Parameters
    ----------
    smaps
        Complex ``(coil, y, x)``; pixels where all maps are 0 are known to be empty and are not unfolded.
    acceleration
        ``(Ry, Rx)``, integers that divide the grid; a single integer accelerates along x.
    covariance
        Noise covariance ``(coil, coil)``; white noise when omitted.

    Returns
    -------
    Tensor
        Real ``(y, x)``, at least 1 inside the object and 0 where the maps are 0. The standard deviation of the
        unfolded image is ``g sqrt(Ry Rx)`` times that of the fully sampled one.

    Raises
    ------
    ValueError
        If the lattice does not divide the grid, or more pixels fold onto each other than there are independent coils.

    Notes
    -----
    Pixels a distance ``n / R`` apart fold onto each other. With ``S`` their maps as columns and ``P`` the inverse noise
    covariance, ``g_i = sqrt( [(S^H P S)^-1]_ii [S^H P S]_ii )`` (Pruessmann et al., SENSE, Magn. Reson. Med. 42, 1999).
    """
    check_smaps(smaps)
    coils, ny, nx = smaps.shape
    ry, rx = (1, acceleration) if isinstance(acceleration, int) else acceleration
    if ry < 1 or rx < 1 or ny % ry or nx % rx:
        raise ValueError(f"acceleration is {(ry, rx)}; it must divide the grid {(ny, nx)} for pixels to fold exactly.")
    whitened = smaps.to(torch.complex128)
    if covariance is not None:
        from otrecon.mri.noise import prewhiten

        whitened = prewhiten(whitened, covariance)
    folded = whitened.reshape(coils, ry, ny // ry, rx, nx // rx).permute(2, 4, 0, 1, 3).flatten(-2)
    gram = folded.mH @ folded
    power = torch.diagonal(gram, dim1=-2, dim2=-1).real
    empty = power == 0
    gram = gram + torch.diag_embed(empty.to(gram.dtype))
    inverse, failed = torch.linalg.inv_ex(gram)
    if bool(failed.any()) or bool((torch.linalg.cond(gram) > 1e14).any()):
        raise ValueError(
            f"{ry * rx} pixels fold onto each other and {coils} coils cannot tell them apart: "
            "lower the acceleration, or use more coils that differ."
        )
    variance = torch.diagonal(inverse, dim1=-2, dim2=-1).real
    g = torch.where(empty, 0, (variance * power).clamp_min(0).sqrt())
    return g.reshape(ny // ry, nx // rx, ry, rx).permute(2, 0, 3, 1).reshape(ny, nx).to(smaps.real.dtype)
