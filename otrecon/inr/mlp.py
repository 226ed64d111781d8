"""The network that all coordinate networks are: linear layers with one activation between them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.utils import skip_init

from otrecon.inr.activations import ReLU
from otrecon.inr.coordinates import check_coordinates
from otrecon.inr.encodings import FourierFeatures
from otrecon.randomness import check_generator

__all__ = ["Mlp"]


class Mlp(nn.Module):
    """Coordinates in, numbers out: an encoding or none, hidden layers with an activation, a linear layer.

    Parameters
    ----------
    in_features
        Coordinates, 1 or more.
    hidden_features
        Width.
    hidden_layers
        Layers with an activation beyond the first, at least 0: there are ``hidden_layers + 1`` activations.
    out_features
        Numbers for each place.
    activation
        Makes the activation of layer 0, 1, ...: ``lambda layer: Gaussian(10.0)``. By default `ReLU`.
    encoding
        What the coordinates pass first, such as `FourierFeatures`.
    generator
        Source of the initial weights: PyTorch's own initialisation, ``U(-1/sqrt(n), 1/sqrt(n))`` for weights and
        biases of a layer with ``n`` inputs.

    Raises
    ------
    ValueError
        If a size is not a positive integer, or the encoding takes another number of coordinates. In `forward`, if a
        coordinate lies outside [-1, 1] or their number differs.
    """

    def __init__(
        self,
        in_features: int,
        hidden_features: int,
        hidden_layers: int,
        out_features: int,
        *,
        activation: Callable[[int], nn.Module] = lambda _layer: ReLU(),
        encoding: FourierFeatures | None = None,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        sizes = {"in_features": in_features, "hidden_features": hidden_features, "out_features": out_features}
        for name, size in (*sizes.items(), ("hidden_layers", hidden_layers)):
            least = 0 if name == "hidden_layers" else 1
            if isinstance(size, bool) or not isinstance(size, int) or size < least:
                raise ValueError(
                    f"{name} must be a{' positive' if least else 'n'} integer, at least {least}, got {size}."
                )
        check_generator(generator)
        first = in_features
        if encoding is not None:
            if encoding.in_features != in_features:
                raise ValueError(f"the encoding takes {encoding.in_features} coordinates, not {in_features}.")
            first = encoding.out_features
        self.in_features, self.out_features = in_features, out_features
        self.encoding = encoding
        widths = [first, *[hidden_features] * (hidden_layers + 1)]
        self.layers = nn.ModuleList(
            skip_init(nn.Linear, n, m) for n, m in zip(widths, [*widths[1:], out_features], strict=True)
        )
        self.activations = nn.ModuleList(activation(layer) for layer in range(hidden_layers + 1))
        self.initialise(generator)

    @property
    def linear(self) -> list[nn.Linear]:
        """The linear layers, first to last."""
        return [layer for layer in self.layers if isinstance(layer, nn.Linear)]

    def initialise(self, generator: torch.Generator) -> None:
        """Draw all weights anew."""
        for layer in self.linear:
            bound = layer.in_features**-0.5
            _uniform(layer.weight, bound, generator)
            _uniform(layer.bias, bound, generator)

    def hidden(self, coordinates: Tensor) -> list[Tensor]:
        """List the outputs of every activation, first to last, ``(..., hidden_features)`` each."""
        check_coordinates(coordinates)
        if coordinates.shape[-1] != self.in_features:
            raise ValueError(f"this network takes {self.in_features} coordinates, got {coordinates.shape[-1]}.")
        values = coordinates if self.encoding is None else self.encoding(coordinates)
        outputs = []
        for layer, activation in zip(self.layers[:-1], self.activations, strict=True):
            values = activation(layer(values))
            outputs.append(values)
        return outputs

    def forward(self, coordinates: Tensor) -> Tensor:
        """Map ``(..., in_features)`` within [-1, 1] to ``(..., out_features)``."""
        result: Tensor = self.layers[-1](self.hidden(coordinates)[-1])
        return result


def _uniform(values: Tensor, bound: float, generator: torch.Generator) -> None:
    """Fill with numbers between -bound and bound, drawn on the generator's device."""
    draw = torch.rand(values.shape, generator=generator, device=generator.device, dtype=torch.float64)
    with torch.no_grad():
        values.copy_(bound * (2 * draw - 1))
