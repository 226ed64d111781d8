"""A contest of coordinate networks on Shepp-Logan (row 000-F2)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from otrecon.lab.contest.entries import ENTRIES, Size, count, solve_width
from otrecon.lab.contest.settings import SETTINGS, ContestSettings, Trial, trials
from otrecon.lab.contest.tournament import contest
from otrecon.lab.experiments import Experiment, Plan

__all__ = [
    "CONTEST",
    "ENTRIES",
    "SETTINGS",
    "ContestSettings",
    "Size",
    "Trial",
    "contest",
    "count",
    "solve_width",
    "trials",
]


def _run(config: ContestSettings, *, folder: Path, progress: bool) -> dict[str, Any]:
    # Rows know their own settings: a contest with one more seed finds those that there are.
    return contest(config, folder=folder.parent / "rows", progress=progress)


def _report(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return dict(records[0]["findings"]) if records else {"rows": []}


CONTEST = Experiment(
    "contest",
    "Coordinate networks fit Shepp-Logan: equal parameters, swept settings, several seeds (000-F2)",
    _run,
    {scale: Plan(settings) for scale, settings in SETTINGS.items()},
    _report,
)
