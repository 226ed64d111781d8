"""WIRE: wavelets all the way, with complex weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils import skip_init

from otrecon.checks import check_positive
from otrecon.inr.mlp import Mlp

__all__ = ["Wire"]


class Wire(Mlp):
    """Network of complex Gabor wavelets, ``exp(i omega_0 z - |scale_0 z|^2)`` (Saragadam et al. 2023).

    The weights of the first layer are real, as the coordinates are; all others are complex, so that a complex number
    costs two of the parameters of a real network: for equal numbers of parameters divide its width by the root of two.
    What leaves the last layer is its real part.

    Parameters
    ----------
    in_features, hidden_features, hidden_layers, out_features
        As of `Mlp`: ``hidden_layers=2`` makes three wavelet layers and a linear one.
    omega_0
        Frequency of the wavelets. A complex ``z`` also grows by ``exp(-omega_0 Im z)``, which the envelope must hold.
    scale_0
        Inverse width of their envelope.
    check_range
        As of `Mlp`.
    generator
        Source of the initial weights: real and imaginary parts each ``U(-1/sqrt(n), 1/sqrt(n))``, PyTorch's own
        initialisation, which the authors' code keeps.

    Source: the activation "Gabor" that row 000-F3 names.
    """

    def __init__(
        self,
        in_features: int,
        hidden_features: int,
        hidden_layers: int,
        out_features: int,
        *,
        omega_0: float = 20.0,
        scale_0: float = 10.0,
        check_range: bool = True,
        generator: torch.Generator,
    ) -> None:
        self.omega_0, self.scale_0 = check_positive("omega_0", omega_0), check_positive("scale_0", scale_0)
        super().__init__(
            in_features,
            hidden_features,
            hidden_layers,
            out_features,
            activation=lambda: _ComplexGabor(omega_0, scale_0),
            check_range=check_range,
            generator=generator,
        )

    def forward(self, coordinates: Tensor) -> Tensor:
        """Map ``(..., in_features)`` within [-1, 1] to real ``(..., out_features)``."""
        return super().forward(coordinates).real

    def _layer(self, place: int, inputs: int, outputs: int) -> nn.Linear:
        return super()._layer(place, inputs, outputs) if place == 0 else skip_init(_ComplexLinear, inputs, outputs)


class _ComplexGabor(nn.Module):
    def __init__(self, omega: float, scale: float) -> None:
        super().__init__()
        self.omega, self.scale = omega, scale

    def forward(self, z: Tensor) -> Tensor:
        square = z.real**2 + z.imag**2 if z.is_complex() else z**2
        return torch.exp(1j * self.omega * z - self.scale**2 * square)

    def extra_repr(self) -> str:
        return f"omega={self.omega:g}, scale={self.scale:g}"


class _ComplexLinear(nn.Linear):
    """A complex linear map; weights are pairs of real numbers, which ``double()`` and every optimiser understand."""

    def __init__(self, in_features: int, out_features: int, device: torch.device | None = None) -> None:
        super().__init__(in_features, out_features, device=device)
        self.weight = nn.Parameter(torch.zeros(out_features, in_features, 2, device=device))
        self.bias = nn.Parameter(torch.zeros(out_features, 2, device=device))

    def forward(self, values: Tensor) -> Tensor:
        weight, bias = torch.view_as_complex(self.weight), torch.view_as_complex(self.bias)
        result: Tensor = nn.functional.linear(values, weight, bias)
        return result
