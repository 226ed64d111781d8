"""Gradient waveforms of a pulse sequence, and the path through k-space that is their integral."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["PROTON", "PulseSequence", "spin_warp"]

PROTON = 42.577478518e6
"""Gyromagnetic ratio of the free proton over 2 pi, Hz/T (CODATA 2018)."""


@dataclass(frozen=True, eq=False)
class PulseSequence:
    r"""Gradients that are constant within each dwell time, one row a repetition.

    Parameters
    ----------
    gradients
        Real, ``(lines, 2, steps)``, T/m; row 0 along y, row 1 along x.
    adc
        Bool ``(steps,)``: a sample is stored at the *beginning* of these steps.
    dwell
        Length of a step, seconds.

    Raises
    ------
    TypeError
        If the gradients are not real or ``adc`` is not boolean.
    ValueError
        If the shapes do not fit, nothing is sampled, or ``dwell`` is not positive.

    Notes
    -----
    Seed row 000-T2. Ramps are ignored: gradients jump.
    """

    gradients: Tensor
    adc: Tensor
    dwell: float

    def __post_init__(self) -> None:
        if not self.gradients.is_floating_point() or self.adc.dtype != torch.bool:
            raise TypeError(
                f"gradients must be real floating-point and adc boolean, "
                f"got {self.gradients.dtype} and {self.adc.dtype}."
            )
        if self.gradients.ndim != 3 or self.gradients.shape[1] != 2 or self.adc.shape != self.gradients.shape[2:]:
            raise ValueError(
                f"gradients must be (lines, 2, steps) and adc (steps,), "
                f"got {tuple(self.gradients.shape)} and {tuple(self.adc.shape)}."
            )
        if not self.adc.any():
            raise ValueError("adc is False everywhere: nothing would be sampled.")
        if not (math.isfinite(self.dwell) and self.dwell > 0):
            raise ValueError(f"dwell must be a positive time in seconds, got {self.dwell}.")

    def path(self) -> Tensor:
        r"""Place in k-space at the beginning of every step and at the end of the last.

        Returns
        -------
        Tensor
            :math:`\bar\gamma \int_0^t G\,dt'`, exact for these waveforms: ``(lines, 2, steps + 1)``, cycles per metre.
        """
        moves = PROTON * self.dwell * self.gradients
        return torch.cat([torch.zeros_like(moves[..., :1]), moves.cumsum(-1)], -1)

    def ktraj(self, spacing: float) -> Tensor:
        """Places of the samples, as the Fourier operators want them.

        Parameters
        ----------
        spacing
            Distance of two voxels, metres.

        Returns
        -------
        Tensor
            ``(2, lines * samples)``, rad/voxel, row 0 ``ky``, row 1 ``kx``; samples run fastest.
        """
        if not (math.isfinite(spacing) and spacing > 0):
            raise ValueError(f"spacing must be a positive length in metres, got {spacing}.")
        return 2 * math.pi * spacing * self.path()[..., :-1][..., self.adc].transpose(0, 1).flatten(1)


def spin_warp(lines: int, *, fov: float, dwell: float = 1e-5, prephaser: float = 1.0) -> PulseSequence:
    """Cartesian sequence with ``lines`` readouts of ``lines`` samples each, one step of ``1 / fov`` a dwell time.

    Parameters
    ----------
    lines
        Even number of lines, and of samples on each; the readout is preceded by ``lines / 2`` steps of preparation.
    fov
        Field of view, metres.
    dwell
        Time between two samples, seconds.
    prephaser
        Size of the negative lobe along x, 1 where the readout shall cross the centre of k-space at sample
        ``lines // 2``, 0 for none.

    Returns
    -------
    PulseSequence
        Line ``p`` reads ``ky = (p - lines // 2) / fov``; float64.

    Raises
    ------
    ValueError
        If ``lines`` is odd or less than 2, or a length or time is not positive.
    """
    if lines < 2 or lines % 2:
        raise ValueError(f"lines must be an even number of at least 2, got {lines}.")
    if not (math.isfinite(fov) and fov > 0 and math.isfinite(dwell) and dwell > 0):
        raise ValueError(f"fov must be a positive length and dwell a positive time, got {fov} m and {dwell} s.")
    step, half = 1 / (PROTON * fov * dwell), lines // 2
    gradients = torch.zeros(lines, 2, half + lines, dtype=torch.float64)
    gradients[:, 0, :half] = (torch.arange(lines, dtype=torch.float64) - half)[:, None] * step / half
    gradients[:, 1, :half] = -prephaser * step
    gradients[:, 1, half:] = step
    return PulseSequence(gradients, torch.arange(half + lines) >= half, dwell)
