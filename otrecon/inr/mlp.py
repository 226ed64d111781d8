"""The network that all coordinate networks are: linear layers with one activation between them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.utils import skip_init

from otrecon.checks import check_count
from otrecon.inr.activations import ACTIVATIONS
from otrecon.inr.coordinates import check_coordinates
from otrecon.inr.encodings import FourierFeatures
from otrecon.randomness import check_generator

__all__ = ["Mlp", "in_pieces"]

Activation = str | Callable[[], nn.Module]

PIECE = 1 << 16
"""Places that a network is asked at a time."""


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
        A name from `ACTIVATIONS`, or what makes one: ``lambda: Gaussian(20.0)``.
    first_activation
        That of the first layer, where it differs.
    encoding
        What the coordinates pass first, such as `FourierFeatures`.
    check_range
        Whether coordinates outside [-1, 1] are refused. Under `torch.compile` and the transforms of `torch.func`, which
        cannot look at values, say False.
    generator
        Source of the initial weights: PyTorch's own initialisation, ``U(-1/sqrt(n), 1/sqrt(n))`` for weights and
        biases of a layer with ``n`` inputs.

    Raises
    ------
    TypeError, ValueError
        If a size is not a positive integer, an activation is none, or the encoding takes another number of coordinates.
        In `forward`, if a coordinate lies outside [-1, 1] or their number differs.
    """

    def __init__(
        self,
        in_features: int,
        hidden_features: int,
        hidden_layers: int,
        out_features: int,
        *,
        activation: Activation = "relu",
        first_activation: Activation | None = None,
        encoding: FourierFeatures | None = None,
        check_range: bool = True,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.in_features = check_count("in_features", in_features)
        self.out_features = check_count("out_features", out_features)
        width, depth = check_count("hidden_features", hidden_features), check_count("hidden_layers", hidden_layers, 0)
        check_generator(generator)
        self.encoding, self.check_range = encoding, check_range
        first = in_features
        if encoding is not None:
            if encoding.in_features != in_features:
                raise ValueError(f"the encoding takes {encoding.in_features} coordinates, not {in_features}.")
            first = encoding.out_features
        sizes = [first, *[width] * (depth + 1), self.out_features]
        self.layers = nn.ModuleList(self._layer(place, n, m) for place, (n, m) in enumerate(pairwise(sizes)))
        makers = [first_activation or activation, *[activation] * depth]
        self.activations = nn.ModuleList(_made(maker) for maker in makers)
        self.initialise(generator)

    @property
    def linear(self) -> list[nn.Linear]:
        """The linear maps, first to last."""
        return [layer for layer in self.layers if isinstance(layer, nn.Linear)]

    def initialise(self, generator: torch.Generator) -> None:
        """Draw all weights anew."""
        for layer in self.linear:
            bound = layer.in_features**-0.5
            draw_uniform(layer.weight, bound, generator)
            draw_uniform(layer.bias, bound, generator)

    def hidden(self, coordinates: Tensor) -> list[Tensor]:
        """List the outputs of every activation, first to last, ``(..., hidden_features)`` each."""
        values, outputs = self._encoded(coordinates), []
        for layer, activation in zip(self.linear[:-1], self.activations, strict=True):
            values = activation(layer(values))
            outputs.append(values)
        return outputs

    def forward(self, coordinates: Tensor) -> Tensor:
        """Map ``(..., in_features)`` within [-1, 1] to ``(..., out_features)``."""
        values = self._encoded(coordinates)
        for layer, activation in zip(self.linear[:-1], self.activations, strict=True):
            values = activation(layer(values))
        result: Tensor = self.layers[-1](values)
        return result

    def _layer(self, place: int, inputs: int, outputs: int) -> nn.Linear:
        """Make the linear map at a place; `initialise` draws its weights."""
        del place
        return skip_init(nn.Linear, inputs, outputs)

    def _encoded(self, coordinates: Tensor) -> Tensor:
        if self.check_range:
            check_coordinates(coordinates)
        if coordinates.ndim == 0 or coordinates.shape[-1] != self.in_features:
            came = tuple(coordinates.shape)
            raise ValueError(f"this network takes (..., {self.in_features}) coordinates, got shape {came}.")
        weights = self.linear[0].weight.dtype
        if coordinates.dtype != weights:
            raise TypeError(
                f"coordinates are {coordinates.dtype}, the weights {weights}: give coordinates.to({weights}), or "
                "network.double() for double precision."
            )
        return coordinates if self.encoding is None else self.encoding(coordinates)


def in_pieces(network: Mlp, places: Tensor) -> Tensor:
    """Ask for ``(..., d)`` places, some thousands at a time: without gradients that takes little memory."""
    pieces = [network(piece) for piece in places.flatten(0, -2).split(PIECE)]
    return torch.cat(pieces).unflatten(0, places.shape[:-1])


def draw_uniform(values: Tensor, bound: float, generator: torch.Generator) -> None:
    """Fill with numbers between -bound and bound, drawn on the generator's device."""
    draw = torch.rand(values.shape, generator=generator, device=generator.device, dtype=torch.float64)
    with torch.no_grad():
        values.copy_(bound * (2 * draw - 1))


def _made(maker: Activation) -> nn.Module:
    if isinstance(maker, str):
        if maker not in ACTIVATIONS:
            raise ValueError(f"there is no activation {maker!r}; there are {', '.join(ACTIVATIONS)}.")
        return ACTIVATIONS[maker]()
    made = None if isinstance(maker, nn.Module) else maker()
    if not isinstance(made, nn.Module):
        raise TypeError(f"activation must be a name or make a module, such as lambda: Gaussian(20.0), got {maker!r}.")
    return made
