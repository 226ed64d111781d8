"""Experiments: plain functions of a frozen configuration, and the plans that repeat them."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

from otrecon.lab.scale import SCALES

__all__ = ["REGISTRY", "Experiment", "Plan", "digest", "load", "product"]


class Function(Protocol):
    """What an experiment is: configuration in, findings out."""

    def __call__(self, config: Any, /, *, folder: Path, progress: bool) -> Mapping[str, Any]:
        """Run; go on where ``folder`` says that it was interrupted.

        Numbers, texts, lists and mappings of what it returns go into the record, tensors into the file beside it.
        """


@dataclass(frozen=True)
class Plan:
    """A configuration, and what is varied around it.

    Attributes
    ----------
    config
        A frozen dataclass whose values JSON can hold. Where one of them names a file, whose contents may change, it has
        a method ``identity()`` that gives its values, a hash of the contents for the name.
    over
        Values of some of its fields; every combination is a run.
    """

    config: Any
    over: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Experiment:
    """An experiment.

    Attributes
    ----------
    name
        Of its folder below ``results/``.
    summary
        What it asks, in one line.
    function
        A function of a module: other processes find it by its name.
    plans
        One for each of the three scales.
    report
        Makes the report of the records of all runs; by default one row a run, its configuration and findings.
    """

    name: str
    summary: str
    function: Function
    plans: Mapping[str, Plan]
    report: Callable[[Sequence[Mapping[str, Any]]], dict[str, Any]] | None = None

    def __post_init__(self) -> None:
        if set(self.plans) != set(SCALES):
            raise ValueError(f"plans must have {', '.join(SCALES)}, got {', '.join(self.plans)}.")


REGISTRY: Mapping[str, str] = MappingProxyType(
    {
        "contest": "otrecon.lab.contest:CONTEST",
        "dynamic-blob": "otrecon.lab.blob:BLOB",
        "dynamic-radial": "otrecon.lab.heart:HEART",
        "dynamic-rat": "otrecon.lab.heart:RAT",
    }
)
"""Where the experiments of the book stand, by name. To add one: write it in a module of its own, and name it here."""


def load(name: str) -> Experiment:
    """Find an experiment by its name in `REGISTRY`, or as ``module:NAME`` in any module that can be imported.

    Raises
    ------
    ValueError
        If there is none; the message lists those that there are.
    """
    module, colon, attribute = REGISTRY.get(name, name).partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute) if colon else None
    except (ImportError, AttributeError) as error:
        raise ValueError(f"there is no experiment {name!r} ({error}).") from error
    if not isinstance(found, Experiment):
        raise ValueError(f"there is no experiment {name!r}; there are: {', '.join(REGISTRY)}; or give module:NAME.")
    return found


def product(plan: Plan) -> Iterator[Any]:
    """Give the configurations of a plan, the last field varying fastest.

    Raises
    ------
    TypeError, ValueError
        If a field or a value of it is none of the configuration's.
    """
    known = [one.name for one in dataclasses.fields(plan.config)]
    unknown = [name for name in plan.over if name not in known]
    if unknown:
        raise ValueError(f"there is no setting {', '.join(map(repr, unknown))}; there are: {', '.join(known)}.")
    for values in itertools.product(*plan.over.values()):
        yield dataclasses.replace(plan.config, **dict(zip(plan.over, values, strict=True)))


def digest(experiment: str, config: Any) -> str:
    """Name a run by all of its configuration, or by what its own ``identity()`` says."""
    identity = config.identity() if hasattr(config, "identity") else dataclasses.asdict(config)
    whole = json.dumps([experiment, identity], sort_keys=True, allow_nan=False)
    return hashlib.sha256(whole.encode()).hexdigest()[:16]
