"""What every adapter of a peer offers, and how one says that it cannot take part."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType

from benchmarks.transport.problems import Answer, Problem

__all__ = ["Answer", "CannotRunError", "Peer", "Setting", "iterations", "load"]

Setting = Mapping[str, float | int | str | bool]


class CannotRunError(Exception):
    """The peer cannot run this problem; the message is the reason that its row gives."""


@dataclass(frozen=True)
class Peer:
    """A solver of somebody else, or ours.

    Attributes
    ----------
    name : str
        As it stands in the table.
    prepare : callable
        Takes a problem and a setting, converts conventions and arrays, and returns a function of no argument that
        solves: the function alone is timed. Raises :class:`CannotRunError` with the reason where it cannot.
    families : tuple of tuple of settings
        In each family the settings cost more and more; the cheapest that solves the problem is taken of each.
    defaults : mapping
        Setting that a user has who leaves everything as the library has it.
    """

    name: str
    prepare: Callable[[Problem, Setting], Callable[[], Answer]]
    families: tuple[tuple[Setting, ...], ...]
    defaults: Setting = field(default_factory=dict)


def iterations(most: int = 20_000, **fixed: float | str | bool) -> tuple[Setting, ...]:
    """List settings that differ in the number of iterations: 10, 15, 20, 30, 40, 60, ..."""
    ladder = sorted({round(base * 2**k) for base in (10, 15) for k in range(12)})
    return tuple({**fixed, "iterations": count} for count in ladder if count <= most)


def load(name: str) -> ModuleType:
    """Import a peer's module, or say in one sentence that it is not installed."""
    try:
        with warnings.catch_warnings():
            # Some announce at import that one of their own dependencies is no longer maintained.
            warnings.simplefilter("ignore")
            return importlib.import_module(name)
    except ImportError as error:
        raise CannotRunError(f"{name.partition('.')[0]} is not installed: {error}") from error
