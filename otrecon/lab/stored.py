"""What was measured beforehand, by a benchmark or at the size of a paper, for a chapter to show beside its own run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from otrecon.lab.files import HOME, REPOSITORY

__all__ = ["results"]

_PACKAGE = Path(__file__).resolve().parent
# Where the command line writes; the repository in a clone; and in an installed package the copy of the build.
_FOLDERS = tuple(dict.fromkeys((HOME / "results", REPOSITORY / "results", _PACKAGE / "_results")))


def results(name: str) -> dict[str, Any]:
    """Read ``results/NAME.json``: its rows, its facts, and under ``provenance`` where it comes from.

    Parameters
    ----------
    name
        Path below ``results/`` without the ending, such as ``"benchmarks/toeplitz"``.

    Raises
    ------
    FileNotFoundError
        If there is no such result; the message lists those that there are.

    Examples
    --------
    >>> from otrecon import lab
    >>> lab.results("benchmarks/toeplitz")["rows"][0]["name"]
    'Toeplitz gram'
    """
    for folder in _FOLDERS:
        path = folder / f"{name}.json"
        if path.is_file():
            found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            return found
    known = sorted(
        path.relative_to(folder).with_suffix("").as_posix() for folder in _FOLDERS for path in folder.rglob("*.json")
    )
    raise FileNotFoundError(f"There is no result {name!r}; there are: {', '.join(known) or 'none'}.")
