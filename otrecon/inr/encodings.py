"""Fourier features: coordinates turned into waves before the first layer, so that high frequencies are near at hand."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from otrecon.randomness import check_generator

__all__ = ["FourierFeatures"]


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
        self.register_buffer("frequencies", frequencies.detach().to(torch.float32).clone())

    @classmethod
    def basic(cls, in_features: int) -> FourierFeatures:
        """One wave along each axis, of half a cycle across [-1, 1] from the centre: ``B`` is half the identity.

        Tancik et al. take coordinates in [0, 1) and ``B`` the identity, which is the same.
        """
        return cls(torch.eye(_count("in_features", in_features)) / 2)

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
        scale = _bandwidth(bandwidth)
        draw = torch.randn(
            _count("features", features), _count("in_features", in_features), generator=generator, dtype=torch.float64
        )
        return cls(scale * draw)

    @classmethod
    def log_spaced(cls, in_features: int, features: int, highest: float) -> FourierFeatures:
        """``features`` frequencies along each axis, from half a cycle per unit to ``highest``, evenly in the logarithm.

        The positional encoding of NeRF is this with a ratio of 2 from one to the next.
        """
        count, axes = _count("features", features), _count("in_features", in_features)
        steps = torch.logspace(math.log10(0.5), math.log10(_bandwidth(highest)), count, dtype=torch.float64)
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
        phase = 2 * math.pi * coordinates @ self.frequencies.to(coordinates.dtype).mT
        return torch.cat([phase.cos(), phase.sin()], dim=-1)

    def extra_repr(self) -> str:
        """Show the dimensions."""
        return f"in_features={self.in_features}, out_features={self.out_features}"


def _count(name: str, value: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{name} must be a positive integer, got {value!r}.")
    return value


def _bandwidth(value: float) -> float:
    if not (isinstance(value, (int, float)) and math.isfinite(value) and value > 0):
        raise ValueError(f"a frequency must be positive and finite, in cycles per unit, got {value!r}.")
    return float(value)
