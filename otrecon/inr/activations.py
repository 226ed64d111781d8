"""What a layer does to a number: the activations that coordinate networks are known for, by their published formulas.

Each is a module that maps ``z`` element by element, and carries the initialisation that its inventors pair it with.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

__all__ = ["ACTIVATIONS", "Gabor", "Gaussian", "Hosc", "ReLU", "Sinc", "Sine"]


class ReLU(nn.Module):
    """``max(z, 0)``."""

    def forward(self, z: Tensor) -> Tensor:
        """Apply."""
        return torch.relu(z)


class Sine(nn.Module):
    """``sin(omega z)`` (Sitzmann et al. 2020)."""

    def __init__(self, omega: float = 30.0) -> None:
        super().__init__()
        self.omega = _positive("omega", omega)

    def forward(self, z: Tensor) -> Tensor:
        """Apply."""
        return torch.sin(self.omega * z)

    def extra_repr(self) -> str:
        """Show the frequency."""
        return f"omega={self.omega:g}"


class Gaussian(nn.Module):
    """``exp(-(scale z)^2)`` (Ramasinghe and Lucey 2022, with ``scale^2 = 1 / (2 a^2)``)."""

    def __init__(self, scale: float = 10.0) -> None:
        super().__init__()
        self.scale = _positive("scale", scale)

    def forward(self, z: Tensor) -> Tensor:
        """Apply."""
        return torch.exp(-((self.scale * z) ** 2))

    def extra_repr(self) -> str:
        """Show the scale."""
        return f"scale={self.scale:g}"


class Gabor(nn.Module):
    """``cos(omega z) exp(-(scale z)^2)``, the real Gabor wavelet of WIRE (Saragadam et al. 2023).

    WIRE itself is complex, ``exp(i omega z - |scale z|^2)`` with complex weights. The real one is the variant of its
    authors' supplement, and of a network whose numbers stay real.
    """

    def __init__(self, omega: float = 20.0, scale: float = 10.0) -> None:
        super().__init__()
        self.omega, self.scale = _positive("omega", omega), _positive("scale", scale)

    def forward(self, z: Tensor) -> Tensor:
        """Apply."""
        return torch.cos(self.omega * z) * torch.exp(-((self.scale * z) ** 2))

    def extra_repr(self) -> str:
        """Show frequency and scale."""
        return f"omega={self.omega:g}, scale={self.scale:g}"


class Sinc(nn.Module):
    """``sin(omega z) / (omega z)``, 1 at zero."""

    def __init__(self, omega: float = 30.0) -> None:
        super().__init__()
        self.omega = _positive("omega", omega)

    def forward(self, z: Tensor) -> Tensor:
        """Apply."""
        return torch.sinc(self.omega / math.pi * z)

    def extra_repr(self) -> str:
        """Show the frequency."""
        return f"omega={self.omega:g}"


class Hosc(nn.Module):
    """``tanh(beta sin(omega z))``, a sine with edges (Serrano et al. 2024)."""

    def __init__(self, omega: float = 30.0, beta: float = 4.0) -> None:
        super().__init__()
        self.omega, self.beta = _positive("omega", omega), _positive("beta", beta)

    def forward(self, z: Tensor) -> Tensor:
        """Apply."""
        return torch.tanh(self.beta * torch.sin(self.omega * z))

    def extra_repr(self) -> str:
        """Show frequency and sharpness."""
        return f"omega={self.omega:g}, beta={self.beta:g}"


ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": ReLU,
    "sine": Sine,
    "gaussian": Gaussian,
    "gabor": Gabor,
    "sinc": Sinc,
    "hosc": Hosc,
}


def _positive(name: str, value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not (math.isfinite(value) and value > 0):
        raise ValueError(f"{name} must be a positive number, got {value!r}.")
    return float(value)
