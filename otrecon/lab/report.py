"""What the records of an experiment say together: the file that a chapter shows and a repository keeps."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any

from otrecon.lab.experiments import Experiment, Plan

__all__ = ["report", "table"]

_NOT_OURS = ("command", "date", "load_average")


def report(experiment: Experiment, plan: Plan, records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Gather finished runs.

    Parameters
    ----------
    experiment
        Theirs; its own ``report`` makes ``rows`` and what else there is, or else there is one row a run, of the
        configuration and the findings.
    plan
        The plan that they belong to.
    records
        As `execute` gives them; failed ones are counted, with their reasons.

    Returns
    -------
    dict
        Ready for JSON: ``name``, ``config``, ``over``, ``rows``, ``seconds`` of all runs together (of one that
        was interrupted, since it went on last), the most
        ``peak_megabytes``, ``failed``, and ``provenance`` of the latest run, with ``runs_elsewhere``: how many had
        another machine, other versions or another commit.
    """
    finished = [one for one in records if one["status"] == "finished"]
    failed = [{"config": one["config"], "reason": one["reason"]} for one in records if one["status"] != "finished"]
    facts: dict[str, Any] = {
        "name": experiment.name,
        "config": dataclasses.asdict(plan.config),
        "over": {name: list(values) for name, values in plan.over.items()},
        "seconds": round(sum(one["seconds"] for one in finished), 1),
        "peak_megabytes": max((one["peak_megabytes"] or 0 for one in finished), default=None),
        "failed": failed,
    }
    made = experiment.report(finished) if experiment.report is not None else {"rows": _rows(finished)}
    if not finished:
        return {**facts, **made, "provenance": None}
    latest = max(finished, key=lambda one: str(one["provenance"]["date"]))["provenance"]
    elsewhere = sum(_origin(one["provenance"]) != _origin(latest) for one in finished)
    whole = {**facts, **made, "provenance": {**latest, "runs_elsewhere": elsewhere}}
    result: dict[str, Any] = json.loads(json.dumps(whole, allow_nan=False))
    return result


def table(rows: Sequence[Mapping[str, Any]], *, columns: int = 8) -> str:
    """Lay rows out for a terminal: the columns that differ between rows, the first ``columns`` of them.

    Of one row alone all is told, a line for each.
    """
    if not rows:
        return ""
    names = list(dict.fromkeys(name for row in rows for name, value in row.items() if _plain(value)))
    if len(rows) == 1:
        width = max(map(len, names), default=0)
        return "".join(f"{name.ljust(width)}  {_text(rows[0][name])}".rstrip() + "\n" for name in names)
    told = [name for name in names if len({str(row.get(name)) for row in rows}) > 1][:columns]
    cells = [told, *[[_text(row.get(name)) for name in told] for row in rows]]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() + "\n" for line in cells
    )


def _rows(records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{**one["config"], **one["findings"], "seconds": one["seconds"]} for one in records]


def _origin(provenance: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in provenance.items() if name not in _NOT_OURS}


def _plain(value: object) -> bool:
    return value is None or isinstance(value, (str, int, float))


def _text(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "" if value is None else str(value)
