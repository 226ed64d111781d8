"""Who takes part in the contest: networks of one size, each with the setting that is swept and its learning rates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch

from otrecon.inr import FourierFeatures, Gaussian, Mlp, Siren, Wire

__all__ = ["ENTRIES", "Entry", "Size", "count", "solve_width"]


@dataclass(frozen=True)
class Size:
    """How large a network is: layers beyond the first hidden one, and numbers that an encoding makes of a place."""

    hidden_layers: int
    features: int


Build = Callable[[Size, int, float, torch.Generator], Mlp]


@dataclass(frozen=True)
class Entry:
    """One who takes part.

    Attributes
    ----------
    build
        From size, width, swept value and generator to a network from two coordinates to one number.
    swept
        What the value is, in words; empty where there is none but the learning rate.
    values
        The values that are tried unless the settings say otherwise.
    rates
        The learning rates that are tried with each of them.
    """

    build: Build
    swept: str
    values: tuple[float, ...]
    rates: tuple[float, ...]


def _relu(size: Size, width: int, _value: float, generator: torch.Generator) -> Mlp:
    return Mlp(2, width, size.hidden_layers, 1, generator=generator)


def _basic(size: Size, width: int, _value: float, generator: torch.Generator) -> Mlp:
    return Mlp(2, width, size.hidden_layers, 1, encoding=FourierFeatures.basic(2), generator=generator)


def _gaussian_features(size: Size, width: int, bandwidth: float, generator: torch.Generator) -> Mlp:
    encoding = FourierFeatures.gaussian(2, size.features // 2, bandwidth, generator=generator)
    return Mlp(2, width, size.hidden_layers, 1, encoding=encoding, generator=generator)


def _log_spaced(size: Size, width: int, highest: float, generator: torch.Generator) -> Mlp:
    encoding = FourierFeatures.log_spaced(2, size.features // 4, highest)
    return Mlp(2, width, size.hidden_layers, 1, encoding=encoding, generator=generator)


def _siren(size: Size, width: int, omega: float, generator: torch.Generator) -> Mlp:
    return Siren(2, width, size.hidden_layers, 1, omega_0=omega, generator=generator)


def _gaussian(size: Size, width: int, scale: float, generator: torch.Generator) -> Mlp:
    return Mlp(2, width, size.hidden_layers, 1, activation=lambda: Gaussian(scale), generator=generator)


def _wire(size: Size, width: int, omega: float, generator: torch.Generator) -> Mlp:
    return Wire(2, width, size.hidden_layers, 1, omega_0=omega, generator=generator)


NONE = 0.0
"""Value of an entry that has none to sweep."""

_RATES = (1e-3, 1e-2)

ENTRIES: Mapping[str, Entry] = MappingProxyType(
    {
        "ReLU": Entry(_relu, "", (NONE,), _RATES),
        "ReLU, basic encoding": Entry(_basic, "", (NONE,), _RATES),
        "ReLU, Gaussian encoding": Entry(_gaussian_features, "bandwidth", (1.0, 3.0, 10.0), _RATES),
        "ReLU, log-spaced encoding": Entry(_log_spaced, "highest frequency", (2.0, 8.0, 16.0), _RATES),
        "SIREN": Entry(_siren, "ω₀", (10.0, 30.0, 90.0), (1e-4, 1e-3, 2e-3)),
        "Gaussian": Entry(_gaussian, "scale", (3.0, 8.0, 20.0), _RATES),
        "WIRE": Entry(_wire, "ω₀", (2.5, 5.0), (5e-3,)),
    }
)
"""The entries by name. Tuning takes each about as long: WIRE, whose steps are the slowest, has fewer tries."""


def count(network: torch.nn.Module) -> int:
    """Real numbers that are learnt; a complex weight counts as two."""
    return sum(weight.numel() for weight in network.parameters())


def solve_width(entry: Entry, size: Size, parameters: int) -> int:
    """Width at which a network of this entry has most nearly so many parameters."""

    def at(width: int) -> int:
        return count(entry.build(size, width, entry.values[0], torch.Generator().manual_seed(0)))

    low, high = 1, 2
    while at(high) < parameters:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if at(middle) < parameters else (low, middle)
    return min((low, high), key=lambda width: abs(at(width) - parameters))
