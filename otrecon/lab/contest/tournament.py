"""A contest of coordinate networks on Shepp-Logan: equal parameters, swept settings, several seeds (row 000-F2).

Every entry is tried with each of its settings on seeds of their own; the best setting is then run on the seeds that are
reported. The learning rate is constant, as in the source, so that a run which is stopped early is the run that was
planned shorter, and one run answers for equal steps and for equal time.
"""

from __future__ import annotations

import statistics
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from otrecon.lab.contest.runs import Bench, Watch
from otrecon.lab.contest.settings import ContestSettings, Trial, trials

__all__ = ["contest"]


def contest(
    settings: ContestSettings, *, folder: Path | str | None = None, progress: bool = False, watch: Watch | None = None
) -> dict[str, Any]:
    """Hold the contest.

    Parameters
    ----------
    settings
        The rules; `SETTINGS` has them for three scales.
    folder
        Where finished rows and the state of the one at hand are kept. A later call with the same settings, or with more
        seeds or entries, runs what is missing and nothing twice.
    progress
        Say on the error stream what was finished.
    watch
        Called on the way with the trial, the number of steps taken and the image ``(size, size)`` as it is then; at
        the end with the best one. Rows that were finished before are not run, so not watched.

    Returns
    -------
    dict
        Ready for JSON. ``rows``: one a run, with ``stage`` ``"sweep"`` or ``"final"``, ``entry``, ``swept`` and
        ``value``, ``lr``, ``seed``, ``width``, ``parameters``, ``psnr`` of the best weights in dB, ``best_step``, and
        what was seen on the way (``steps``, ``trace`` in dB); ``seconds`` is that of the median step times their
        number, processor time on a CPU. Final rows have ``psnr_equal_time`` as well: the best within
        ``equal_seconds``, the time that the fastest entry needed, read off the trace (between two marks by a straight
        line, before the first as that of the first). ``chosen``: the setting of each entry.
    """
    bench = Bench(settings, None if folder is None else Path(folder), watch, progress=progress)
    rows: list[dict[str, Any]] = []
    chosen: dict[str, dict[str, float]] = {}
    for name in settings.entries:
        tried: dict[tuple[float, float], list[float]] = {}
        ways = trials(settings, name, settings.seeds[0])
        if len(ways) > 1:
            for seed in settings.sweep_seeds:
                for trial in trials(settings, name, seed):
                    row = bench.row(trial)
                    rows.append({"stage": "sweep", **row})
                    tried.setdefault((trial.value, trial.lr), []).append(row["psnr"])
        value, lr = max(tried, key=lambda way: statistics.mean(tried[way])) if tried else (ways[0].value, ways[0].lr)
        chosen[name] = {"value": value, "lr": lr}
        rows += [{"stage": "final", **bench.row(Trial(name, value, lr, seed))} for seed in settings.seeds]
    if progress and bench.found:
        sys.stderr.write(f"{bench.found} rows were found in {folder}, {bench.ran} were run; --fresh runs all.\n")
    facts = {"name": "contest", "settings": asdict(settings), "chosen": chosen}
    return {**facts, "equal_seconds": _at_equal_time(rows), "rows": rows}


def _at_equal_time(rows: list[dict[str, Any]]) -> float:
    """Give every final row its PSNR within the time that the fastest entry needed for all steps; return this time."""
    final = [row for row in rows if row["stage"] == "final"]
    needed = {
        name: statistics.median(row["seconds"] for row in final if row["entry"] == name) for name in _names(final)
    }
    budget = min(needed.values())
    for row in final:
        last = row["steps"][-1] * budget / needed[row["entry"]]
        row["psnr_equal_time"] = round(_best_within(row["steps"], row["trace"], last), 4)
    return budget


def _names(rows: list[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(row["entry"] for row in rows))


def _best_within(steps: list[int], trace: list[float], last: float) -> float:
    """Best of a trace until a step, which may lie between two marks, or before the first."""
    best = trace[0]
    for k in range(1, len(steps)):
        if steps[k] <= last:
            best = max(best, trace[k])
        elif steps[k - 1] < last:
            share = (last - steps[k - 1]) / (steps[k] - steps[k - 1])
            best = max(best, trace[k - 1] + share * (trace[k] - trace[k - 1]))
    return best
