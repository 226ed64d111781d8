"""What every benchmark shares: alternating timings, and results that say where they come from.

Candidates take turns (A B C, then B C A, ...), so that a machine that slows down slows all of them; the ratio of two
candidates is taken round by round, then its median. Results go to ``results/benchmarks/NAME.json``.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from otrecon.lab.files import write_json
from otrecon.lab.provenance import provenance

__all__ = ["RESULTS", "Row", "compare", "provenance", "save"]

RESULTS = Path(__file__).resolve().parent.parent / "results" / "benchmarks"


@dataclass(frozen=True)
class Row:
    """Timing of one candidate.

    Attributes
    ----------
    name : str
        The candidate.
    median : float
        Median seconds of one call.
    low, high : float
        First and third quartile, in seconds.
    ratio : float
        Time relative to the first candidate, median over the rounds: 2 means twice as slow.
    repeats : int
        Number of timed calls.
    """

    name: str
    median: float
    low: float
    high: float
    ratio: float
    repeats: int


def compare(candidates: Mapping[str, Callable[[], object]], *, repeats: int = 7, warmup: int = 1) -> list[Row]:
    """Time the candidates in alternation.

    Parameters
    ----------
    candidates
        Name and function of no argument; the first is what the others are compared with.
    repeats
        Timed calls of each, at least 3.
    warmup
        Untimed calls of each before.

    Raises
    ------
    ValueError
        If there is no candidate, or fewer than 3 repeats.
    """
    if not candidates or repeats < 3:
        raise ValueError(f"compare needs a candidate and at least 3 repeats, got {len(candidates)} and {repeats}.")
    names = list(candidates)
    for _ in range(warmup):
        for call in candidates.values():
            call()
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(repeats):
        shift = turn % len(names)
        for name in names[shift:] + names[:shift]:
            start = time.perf_counter()
            candidates[name]()
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            seconds[name].append(time.perf_counter() - start)
    rows = []
    for name in names:
        low, median, high = statistics.quantiles(seconds[name], n=4, method="inclusive")
        ratio = statistics.median(own / first for own, first in zip(seconds[name], seconds[names[0]], strict=True))
        rows.append(Row(name, median, low, high, ratio, repeats))
    return rows


def save(name: str, rows: Sequence[Row | Mapping[str, object]], **facts: object) -> Path:
    """Write ``results/benchmarks/NAME.json`` and print it as a table.

    Parameters
    ----------
    name
        Name of the benchmark.
    rows
        Rows of :func:`compare`, or mappings of one's own.
    facts
        What else belongs to the result: sizes, errors, the verdict. Must be JSON.

    Returns
    -------
    Path
        The file written.
    """
    table = [asdict(row) if isinstance(row, Row) else dict(row) for row in rows]
    result = {"name": name, "facts": facts, "rows": table, "provenance": provenance()}
    path = RESULTS / f"{name}.json"
    write_json(path, result)
    print(f"{name}\n{_format(table)}")
    for key, value in facts.items():
        print(f"{key} = {_cell(value)}")
    print(f"-> {path.relative_to(RESULTS.parent.parent)}")
    return path


def _format(table: Sequence[Mapping[str, object]]) -> str:
    columns = list(dict.fromkeys(key for row in table for key in row))
    lines = [columns] + [[_cell(row.get(key, "")) for key in columns] for row in table]
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)


def _cell(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
