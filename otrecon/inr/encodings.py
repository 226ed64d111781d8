"""Fourier features: coordinates turned into waves before the first layer, so that high frequencies are near at hand."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from otrecon.checks import check_count, check_positive
from otrecon.randomness import check_generator

__all__ = ["FourierFeatures"]

LOWEST = 0.5
"""Lowest of the frequencies that are spaced evenly in the logarithm: one cycle across the image."""


class FourierFeatures(nn.Module):
    """``v -> (cos 2 pi B v, sin 2 pi B v)``, of dimension twice the number of rows of ``B`` (Tancik et al. 2020).

    Make one by `basic`, `gaussian` or `log_spaced`; or give any matrix.

    Parameters
    ----------
    frequencies
        ``B``, ``(m, d)``: rows are frequencies, in cycles per unit of the coordinates. The image is 2 units wide, so a
        frequency of ``n / 4`` is that of neighbouring black and white pixels on an axis of ``n``.

    Raises
    ------
    TypeError, ValueError
        If the frequencies are not a real finite matrix.
    """

    frequencies: Tensor

    def __init__(self, frequencies: Tensor) -> None:
        super().__init__()
        if not isinstance(frequencies, Tensor) or not frequencies.is_floating_point():
            raise TypeError("frequencies must be a real floating-point tensor (m, d).")
        if frequencies.ndim != 2 or frequencies.numel() == 0 or not bool(torch.isfinite(frequencies).all()):
            raise ValueError(f"frequencies must be a finite matrix (m, d), got shape {tuple(frequencies.shape)}.")
        self.register_buffer("frequencies", frequencies.detach().clone())

    @classmethod
    def basic(cls, in_features: int) -> FourierFeatures:
        """One wave along each axis, of one cycle across [-1, 1]: ``B`` is half the identity.

        Tancik et al. have the identity, for coordinates in [0, 1): the same up to the sign of every feature.
        """
        return cls(torch.eye(check_count("in_features", in_features), dtype=torch.float64) / 2)

    @classmethod
    def gaussian(
        cls, in_features: int, features: int, bandwidth: float, *, generator: torch.Generator
    ) -> FourierFeatures:
        """Frequencies drawn from a Gaussian.

        Parameters
        ----------
        in_features
            Coordinates ``d``.
        features
            Number of frequencies ``m``.
        bandwidth
            Standard deviation of each component, in cycles per unit. Too small blurs, too large makes noise.
        generator
            Source of the draw.
        """
        check_generator(generator)
        shape = check_count("features", features), check_count("in_features", in_features)
        draw = torch.randn(shape, generator=generator, device=generator.device, dtype=torch.float64)
        return cls(check_positive("bandwidth", bandwidth) * draw)

    @classmethod
    def log_spaced(cls, in_features: int, per_axis: int, highest: float) -> FourierFeatures:
        """``per_axis`` frequencies along each axis, from half a cycle per unit to ``highest``, evenly in the logarithm.

        The positional encoding of NeRF is this with a ratio of 2 from one to the next.

        Raises
        ------
        ValueError
            If there are fewer than two frequencies an axis, or the highest is not above the lowest.
        """
        count, axes = check_count("per_axis", per_axis, 2), check_count("in_features", in_features)
        if check_positive("highest", highest) <= LOWEST:
            raise ValueError(f"highest must be above the lowest frequency, {LOWEST} cycles per unit, got {highest}.")
        steps = torch.logspace(math.log10(LOWEST), math.log10(highest), count, dtype=torch.float64)
        return cls(torch.cat([step * torch.eye(axes, dtype=torch.float64) for step in steps]))

    @property
    def in_features(self) -> int:
        """Coordinates that it takes."""
        return int(self.frequencies.shape[1])

    @property
    def out_features(self) -> int:
        """Numbers that it makes of them: twice the number of frequencies."""
        return 2 * int(self.frequencies.shape[0])

    def forward(self, coordinates: Tensor) -> Tensor:
        """Encode ``(..., d)`` as ``(..., 2 m)``: first all cosines, then all sines."""
        if coordinates.ndim == 0 or coordinates.shape[-1] != self.in_features:
            came = tuple(coordinates.shape)
            raise ValueError(f"this encoding takes (..., {self.in_features}) coordinates, got shape {came}.")
        phase = 2 * math.pi * coordinates @ self.frequencies.to(coordinates.dtype).mT
        return torch.cat([phase.cos(), phase.sin()], dim=-1)

    def extra_repr(self) -> str:
        """Show the dimensions and the root mean square frequency: a checkpoint tells draws apart by it."""
        size = float(self.frequencies.square().mean().sqrt())
        return f"in_features={self.in_features}, out_features={self.out_features}, rms={size:.6g}"
