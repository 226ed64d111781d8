"""Coil sensitivities with exact k-space: short sums of complex exponentials."""

from __future__ import annotations

import cmath
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from otrecon.grid import normalised_coordinates
from otrecon.phantoms.checks import check_count

__all__ = ["HarmonicCoils", "ring_coils"]


@dataclass(frozen=True, eq=False)
class HarmonicCoils:
    r"""Sensitivities that are short sums of complex exponentials.

    Coil c sees :math:`S_c(r) = \sum_j w_{cj} \exp(2 \pi i \, \nu_j \cdot r)`, r in fields of view from the centre.
    A product with an exponential is a shift in k-space, so an :class:`~otrecon.phantoms.ellipses.EllipsePhantom` seen
    through these coils keeps a closed formula.

    Parameters
    ----------
    frequencies
        Shape ``(2, terms)``, float64, rows ``(y, x)``, cycles per field of view.
    weights
        Shape ``(coils, terms)``, complex128.

    Raises
    ------
    TypeError
        If the dtypes are not float64 and complex128.
    ValueError
        If the shapes do not fit together.
    """

    frequencies: Tensor
    weights: Tensor

    def __post_init__(self) -> None:
        if (self.frequencies.dtype, self.weights.dtype) != (torch.float64, torch.complex128):
            raise TypeError(
                f"frequencies must be float64 and weights complex128, "
                f"got {self.frequencies.dtype} and {self.weights.dtype}."
            )
        shapes = tuple(self.frequencies.shape), tuple(self.weights.shape)
        if len(shapes[0]) != 2 or len(shapes[1]) != 2 or shapes[0][0] != 2 or shapes[0][1] != shapes[1][1]:
            raise ValueError(
                f"frequencies must be (2, terms) and weights (coils, terms), got shapes {shapes[0]} and {shapes[1]}."
            )

    def __len__(self) -> int:
        """Return the number of coils."""
        return self.weights.shape[0]

    def maps(self, im_size: Sequence[int], *, dtype: torch.dtype = torch.complex64, device: Any = None) -> Tensor:
        """Sensitivities at the pixel centres.

        Parameters
        ----------
        im_size
            ``(ny, nx)``.
        dtype
            Complex type of the result.
        device
            Device of the result.

        Returns
        -------
        Tensor
            ``smaps``, shape ``(coils, ny, nx)``.

        Raises
        ------
        TypeError
            If ``dtype`` is not complex.
        """
        if not dtype.is_complex:
            raise TypeError(f"Sensitivities are complex: dtype must be complex64 or complex128, got {dtype}.")
        y, x = normalised_coordinates(im_size)
        # Half a field of view is one unit of the normalised coordinates, so a cycle per field of view turns by pi.
        waves_y, waves_x = (
            torch.exp(1j * math.pi * nu[:, None] * r.flatten()) for nu, r in zip(self.frequencies, (y, x), strict=True)
        )
        return torch.einsum("cj,jy,jx->cyx", self.weights, waves_y, waves_x).to(dtype=dtype, device=device)


def ring_coils(coils: int, *, radius: float = 0.5, phase: float = 0.2) -> HarmonicCoils:
    """Coils spaced evenly on a ring around the object.

    Each is a product of two raised cosines, one along y and one along x, that fall from 1 at the coil to 0 one field of
    view away: nine exponentials. The cosine's centre is complex, and its imaginary part is what makes the phase vary.

    Parameters
    ----------
    coils
        Number of coils. The first sits at the right edge, the others follow towards the bottom.
    radius
        Distance of the coils from the centre, in fields of view.
    phase
        Imaginary part of the centres, in fields of view, at 45 degrees to the ring; 0 gives maps of constant phase.

    Returns
    -------
    HarmonicCoils
        Scaled so that the root sum of squares is 1 at the centre of the image.

    Raises
    ------
    ValueError
        If ``coils`` is less than 1, or ``radius`` is not within [0, 1).
    """
    check_count("coils", coils, least=1)
    if not 0 <= radius < 1:
        raise ValueError(f"radius must lie within [0, 1) fields of view, got {radius}.")
    steps = (-0.5, 0.0, 0.5)
    frequencies = torch.tensor([(ny, nx) for ny in steps for nx in steps], dtype=torch.float64).T
    rows = []
    for coil in range(coils):
        angle = 2 * math.pi * coil / coils
        skew = angle + math.pi / 4
        centre_y = radius * math.sin(angle) + 1j * phase * math.sin(skew)
        centre_x = radius * math.cos(angle) + 1j * phase * math.cos(skew)
        along_y, along_x = (
            [(0.5 if nu == 0 else 0.25) * cmath.exp(-2j * math.pi * nu * centre) for nu in steps]
            for centre in (centre_y, centre_x)
        )
        turn = cmath.exp(1j * angle)
        rows.append([turn * wy * wx for wy in along_y for wx in along_x])
    weights = torch.tensor(rows, dtype=torch.complex128)
    return HarmonicCoils(frequencies, weights / torch.linalg.vector_norm(weights.sum(1)))
