"""The experiments that run beside the book, by name: ``python -m otrecon.lab run NAME``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from otrecon.lab import contest as _contest

__all__ = ["EXPERIMENTS", "Experiment"]


@dataclass(frozen=True)
class Experiment:
    """An experiment.

    Attributes
    ----------
    summary
        What it asks, in one line.
    function
        ``function(settings, folder=..., progress=...)`` returns what goes into the result, ``rows`` among it; it
        goes on where the folder says that it was interrupted.
    settings
        Frozen dataclass of settings for each of the three scales; ``seeds`` among its fields.
    """

    summary: str
    function: Callable[..., dict[str, Any]]
    settings: Mapping[str, Any]


EXPERIMENTS: Mapping[str, Experiment] = MappingProxyType(
    {
        "contest": Experiment(
            "Coordinate networks fit Shepp-Logan: equal parameters, swept settings, several seeds (000-F2)",
            _contest.contest,
            _contest.SETTINGS,
        ),
    }
)
"""To add one: write its function and settings in a module beside this one, and name it here."""
