"""What a layer does to a number: the activations that coordinate networks are known for, by their published formulas.

Each is a module that maps ``z`` element by element. An initialisation belongs to a network: `Siren` has the one for
sines; every other network here starts from PyTorch's.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from otrecon.checks import check_positive

__all__ = ["ACTIVATIONS", "Gabor", "Gaussian", "Hosc", "ReLU", "Sinc", "Sine"]


class ReLU(nn.Module):
    """``max(z, 0)``."""

    def forward(self, z: Tensor) -> Tensor:
        """Apply."""
        return torch.relu(z)


class Sine(nn.Module):
    """``sin(omega z)`` (Sitzmann et al. 2020); use `Siren`, whose initialisation it needs."""

    def __init__(self, omega: float = 30.0) -> None:
        super().__init__()
        self.omega = check_positive("omega", omega)

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
        self.scale = check_positive("scale", scale)

    def forward(self, z: Tensor) -> Tensor:
        """Apply."""
        return torch.exp(-((self.scale * z) ** 2))

    def extra_repr(self) -> str:
        """Show the scale."""
        return f"scale={self.scale:g}"


class Gabor(nn.Module):
    """``cos(omega z) exp(-(scale z)^2)``, a real Gabor wavelet, after WIRE (Saragadam et al. 2023).

    A simplification that keeps one linear map a layer: WIRE is complex, ``exp(i omega z - |scale z|^2)`` with complex
    weights, and its authors' real variant takes cosine and envelope of two different linear maps.
    """

    def __init__(self, omega: float = 20.0, scale: float = 10.0) -> None:
        super().__init__()
        self.omega, self.scale = check_positive("omega", omega), check_positive("scale", scale)

    def forward(self, z: Tensor) -> Tensor:
        """Apply."""
        return torch.cos(self.omega * z) * torch.exp(-((self.scale * z) ** 2))

    def extra_repr(self) -> str:
        """Show frequency and scale."""
        return f"omega={self.omega:g}, scale={self.scale:g}"


class Sinc(nn.Module):
    """``sin(omega z) / (omega z)``, 1 at zero (Saratchandran et al. 2024)."""

    def __init__(self, omega: float = 30.0) -> None:
        super().__init__()
        self.omega = check_positive("omega", omega)

    def forward(self, z: Tensor) -> Tensor:
        """Apply."""
        u = self.omega * z
        # Near zero by its series: of the quotient, derivatives lose all digits, or are not numbers.
        near = u.abs() < 0.1
        far = torch.where(near, 1.0, u)
        return torch.where(near, 1 - u**2 / 6 + u**4 / 120 - u**6 / 5040 + u**8 / 362880, far.sin() / far)

    def extra_repr(self) -> str:
        """Show the frequency."""
        return f"omega={self.omega:g}"


class Hosc(nn.Module):
    """``tanh(beta sin(omega z))``, a sine with edges (Serrano et al. 2024)."""

    def __init__(self, omega: float = 30.0, beta: float = 4.0) -> None:
        super().__init__()
        self.omega, self.beta = check_positive("omega", omega), check_positive("beta", beta)

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
