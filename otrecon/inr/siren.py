"""SIREN: sines all the way, initialised so that every layer speaks as loudly as the one before."""

from __future__ import annotations

import math

import torch

from otrecon.checks import check_positive
from otrecon.inr.activations import Sine
from otrecon.inr.mlp import Mlp, draw_uniform

__all__ = ["Siren"]


class Siren(Mlp):
    """Network whose activations are ``sin(omega z)`` (Sitzmann et al. 2020).

    Parameters
    ----------
    in_features, hidden_features, hidden_layers, out_features
        As of `Mlp`: ``hidden_layers=3`` makes four sine layers and a linear one, as in the authors' code.
    omega_0
        Frequency of the first layer. Times the scale of a coordinate it is how fast the network can vary along it: the
        prior. 30 suits an image.
    hidden_omega_0
        Frequency of the other layers. Their weights are drawn smaller by it, so that it speeds up training more than it
        changes what the network starts as; biases are not drawn smaller.
    generator
        Source of the initial weights.

    Notes
    -----
    The initialisation is that of the authors' code. First layer: ``U(-1/n, 1/n)``, with ``n`` the number of *inputs* of
    the network (the text of row 000-M7 has the neurons of the layer before, of which there are none, and the first
    version of the paper's supplement another bound; its authors say that the code is right). Other layers, the last
    linear one included: ``U(-sqrt(6/n)/omega, sqrt(6/n)/omega)``. Without biases the variance ``v`` of the argument of
    a sine goes from layer to layer as ``v -> 1 - exp(-2 v)``, towards 0.8: neither dies nor explodes. Biases are those
    of PyTorch, as in the code; times omega they shift each sine by up to ``omega / sqrt(n)``.

    Source: rows 000-M3, 000-F2.
    """

    def __init__(
        self,
        in_features: int,
        hidden_features: int,
        hidden_layers: int,
        out_features: int,
        *,
        omega_0: float = 30.0,
        hidden_omega_0: float = 30.0,
        check_range: bool = True,
        generator: torch.Generator,
    ) -> None:
        self.omega_0 = check_positive("omega_0", omega_0)
        self.hidden_omega_0 = check_positive("hidden_omega_0", hidden_omega_0)
        super().__init__(
            in_features,
            hidden_features,
            hidden_layers,
            out_features,
            activation=lambda: Sine(hidden_omega_0),
            first_activation=lambda: Sine(omega_0),
            check_range=check_range,
            generator=generator,
        )

    def initialise(self, generator: torch.Generator) -> None:
        """Draw all weights anew; see the notes."""
        super().initialise(generator)
        first, *others = self.linear
        draw_uniform(first.weight, 1 / first.in_features, generator)
        for layer in others:
            draw_uniform(layer.weight, math.sqrt(6 / layer.in_features) / self.hidden_omega_0, generator)
