"""A contest of coordinate networks on Shepp-Logan (row 000-F2)."""

from collections.abc import Mapping, Sequence
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


def _report(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One contest as it is; of several, what each found, and their rows together."""
    contests = [dict(one["findings"]) for one in records]
    if len(contests) == 1:
        return contests[0]
    rows = [{"contest": number, **row} for number, one in enumerate(contests) for row in one.pop("rows")]
    return {"contests": contests, "rows": rows}


CONTEST = Experiment(
    "contest",
    "Coordinate networks fit Shepp-Logan: equal parameters, swept settings, several seeds (000-F2)",
    contest,
    {scale: Plan(settings) for scale, settings in SETTINGS.items()},
    _report,
)
