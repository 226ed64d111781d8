"""The rules of a contest, and who tries what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from otrecon.checks import check_count, check_device, check_positive, kind
from otrecon.lab.contest.entries import ENTRIES

__all__ = ["SETTINGS", "ContestSettings", "Trial", "trials"]


@dataclass(frozen=True)
class ContestSettings:
    """The rules of one contest.

    Attributes
    ----------
    size
        Pixels along each side of the image.
    width, hidden_layers
        Of a real network without encoding, ``hidden_layers`` beyond the first: its parameters are the number that each
        entry gets, by a width of its own.
    features
        Numbers that an encoding makes of a place, a multiple of four.
    steps
        Steps of Adam.
    batch
        Pixels a step; None: all of them.
    seeds
        Those that are reported.
    sweep_seeds
        Those that choose each entry's setting; none of them is reported.
    entries
        Names from `ENTRIES`.
    values, rates
        Swept values and learning rates by name of an entry, where they are not its own.
    marks
        How often, at most, a run is looked at on its way.
    device
        Where it runs, such as ``"cuda"``.
    """

    size: int = 48
    width: int = 32
    hidden_layers: int = 2
    features: int = 32
    steps: int = 140
    batch: int | None = None
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    sweep_seeds: tuple[int, ...] = (100, 101)
    entries: tuple[str, ...] = tuple(ENTRIES)
    values: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    rates: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    marks: int = 12
    device: str = "cpu"

    def __post_init__(self) -> None:
        for name in ("size", "width", "features", "steps", "marks"):
            check_count(name, getattr(self, name))
        check_count("hidden_layers", self.hidden_layers, 0)
        if self.features % 4:
            raise ValueError(f"features must be a multiple of 4, sine and cosine on two axes, got {self.features}.")
        if self.batch is not None and check_count("batch", self.batch) > self.size**2:
            raise ValueError(f"batch must be at most the {self.size**2} pixels, got {self.batch}; None takes them all.")
        for what in ("seeds", "sweep_seeds", "entries"):
            _check_distinct(what, getattr(self, what))
        for what, names in (("entries", self.entries), ("values", self.values), ("rates", self.rates)):
            unknown = [name for name in names if name not in ENTRIES]
            if unknown:
                raise ValueError(f"{what} has {unknown}; there are: {'; '.join(ENTRIES)}.")
        for seed in (*self.seeds, *self.sweep_seeds):
            check_count("a seed", seed, 0)
        for what in ("values", "rates"):
            for name, numbers in getattr(self, what).items():
                _check_distinct(f"{what} of {name}", numbers)
                for number in numbers:
                    check_positive(f"each of the {what} of {name}", number)
        if set(self.seeds) & set(self.sweep_seeds):
            shared = sorted(set(self.seeds) & set(self.sweep_seeds))
            raise ValueError(
                f"sweep_seeds and seeds share {shared}: a setting must not be chosen on what is reported. Give others, "
                "such as sweep_seeds=(1000,)."
            )
        check_device(self.device)


def _check_distinct(name: str, values: object) -> None:
    if not isinstance(values, (tuple, list)):
        raise TypeError(f"{name} must be a tuple, such as (0, 1), got {kind(values)} {values!r}.")
    if not values or len(set(values)) < len(values):
        raise ValueError(f"{name} must be at least one, all different, got {values!r}.")


SETTINGS: Mapping[str, ContestSettings] = {
    "smoke": ContestSettings(size=16, width=8, features=8, steps=4, seeds=(0, 1), marks=2, sweep_seeds=(100,)),
    "cpu": ContestSettings(),
    # Size, width, layers and steps of the thesis, full batches; it does not say at which omega or bandwidth.
    "paper": ContestSettings(
        size=400,
        width=256,
        features=256,
        steps=5000,
        marks=20,
        sweep_seeds=(100,),
        values={
            "ReLU, Gaussian encoding": (4.0, 10.0, 25.0),
            "ReLU, log-spaced encoding": (10.0, 25.0, 100.0),
            "SIREN": (30.0, 60.0, 120.0),
            "Gaussian": (8.0, 20.0, 50.0),
            "WIRE": (10.0, 20.0, 40.0),
        },
        rates=dict.fromkeys(ENTRIES, (1e-4, 1e-3)),
    ),
}
"""The contest at the three scales."""


@dataclass(frozen=True)
class Trial:
    """One run: who, with which value and learning rate, from which seed."""

    entry: str
    value: float
    lr: float
    seed: int


def trials(settings: ContestSettings, name: str, seed: int) -> list[Trial]:
    """Every setting of an entry that the sweep tries, on one seed."""
    values, rates = settings.values.get(name, ENTRIES[name].values), settings.rates.get(name, ENTRIES[name].rates)
    return [Trial(name, float(value), float(rate), seed) for value in values for rate in rates]
