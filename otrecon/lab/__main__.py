"""``python -m otrecon.lab list | run NAME | sweep NAME --over seed=0..4 | report NAME | movie NAME``: experiments.

A run leaves its record below ``results/NAME/``, the report of all is ``results/NAME_SCALE.json``. Whatever stops it,
the same command goes on from there.
"""

from __future__ import annotations

import argparse
import ast
import dataclasses
import json
import re
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from otrecon.checks import check_count
from otrecon.lab.experiments import REGISTRY, Experiment, Plan, load, product
from otrecon.lab.files import HOME, write_json
from otrecon.lab.movies import movies
from otrecon.lab.report import report, table
from otrecon.lab.runs import Job, record
from otrecon.lab.scale import SCALES, scale
from otrecon.lab.sweep import sweep

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None, *, home: Path = HOME) -> int:
    """Run the command line; records and reports go to ``home/results``, unfinished runs to ``home/_build/lab``."""
    parser = _parser()
    asked = parser.parse_args(arguments)
    if asked.command == "list":
        _list()
        return 0
    try:
        experiment = load(asked.name)
        if asked.command == "movie":
            return _movie(experiment, asked.only, asked.seconds, home)
        size = asked.scale or scale()
        usual = experiment.plans[size]
        plan = _changed(usual, getattr(asked, "over", []), asked.set)
        configs = list(product(plan))
        threads = check_count("--threads", getattr(asked, "threads", 1))
        workers = check_count("--workers", getattr(asked, "workers", 1))
        if asked.out is not None and Path(asked.out).name != asked.out:
            raise ValueError(f"--out takes a name, of a file in {home / 'results'}, got {asked.out!r}.")
    except (TypeError, ValueError) as error:
        parser.error(str(error))
    alone = workers == 1 and getattr(asked, "cluster", None) is None
    fresh = getattr(asked, "fresh", False)
    shown = alone and (sys.stderr.isatty() or len(configs) == 1)
    jobs = [Job(asked.name, config, home, threads, progress=shown, fresh=fresh) for config in configs]
    if asked.command == "report":
        found = [one for job in jobs if (one := record(job)) is not None]
    else:
        try:
            done = _told(sweep(jobs, workers=workers, cluster=getattr(asked, "cluster", None)), plan, len(jobs))
            # As planned, in whatever order they were finished.
            found = [one for _, one in sorted(done, key=lambda pair: jobs.index(pair[0]))]
        except KeyboardInterrupt:
            again = "the same command without --fresh" if fresh else "the same command"
            sys.stderr.write(f"interrupted; {again} goes on from here.\n")
            return 130
        except ImportError as error:
            parser.error(str(error))
    if not found:
        parser.error(
            f"there is no finished run of this plan: python -m otrecon.lab run {asked.name} --scale {size}. Runs of a "
            "sweep are reported with the --set and --over of the sweep."
        )
    if not any(one["status"] == "finished" for one in found):
        sys.stderr.write("no run was finished, so that there is nothing to report; earlier reports stay as they are.\n")
        return 1
    _write(experiment, plan, usual, size, found, home, asked.out)
    return 0 if all(one["status"] == "finished" for one in found) else 1


def _list() -> None:
    for name in REGISTRY:
        experiment = load(name)
        sys.stdout.write(f"{name}: {experiment.summary}\n")
        for size, plan in experiment.plans.items():
            runs = len(list(product(plan)))
            over = "".join(f", {field} {', '.join(map(str, values))}" for field, values in plan.over.items())
            sys.stdout.write(f"  {size}: {runs} run{'s' if runs > 1 else ''}{over}\n")


def _movie(experiment: Experiment, only: Sequence[str], seconds: float, home: Path) -> int:
    plan = experiment.plans["cpu"]
    pairs = [_pair(plan, one, "--only", "NAME=VALUE") for one in only]
    wanted = json.loads(json.dumps({name: _value(plan, name, text) for name, text in pairs}))
    made = sorted(movies(experiment, home, only=wanted, seconds=seconds), key=lambda one: str(one["movie"]))
    if not made:
        which = f" with {', '.join(only)}" if only else ""
        raise ValueError(
            f"no finished run{which} in {home / 'results' / experiment.name} has a film; "
            f"to do one: python -m otrecon.lab run {experiment.name}."
        )
    sys.stdout.write(table(made))
    return 0


def _told(
    results: Iterable[tuple[Job, dict[str, Any]]], plan: Plan, number: int
) -> Iterable[tuple[Job, dict[str, Any]]]:
    """Say of each run that it was done, one line each, and pass it on."""
    found = 0
    for count, (job, one) in enumerate(results, 1):
        if one.get("found"):
            found += 1
            yield job, one
            continue
        varied = ", ".join(f"{name}={getattr(job.config, name)}" for name in plan.over)
        how = f"{one['seconds']:.1f} s" if one["status"] == "finished" else f"failed: {one['reason']}"
        sys.stderr.write(f"{count} of {number}: {varied + ': ' if varied else ''}{how}\n")
        sys.stderr.flush()
        yield job, one
    if found:
        sys.stderr.write(f"{found} of {number} were finished before and not run again; --fresh runs them.\n")


def _write(
    experiment: Experiment,
    plan: Plan,
    usual: Plan,
    size: str,
    found: Sequence[Mapping[str, Any]],
    home: Path,
    out: str | None,
) -> None:
    made = report(experiment, plan, found)
    names = [one.name for one in dataclasses.fields(plan.config)]
    changed = [name for name in names if getattr(plan.config, name) != getattr(usual.config, name)]
    changed += [f"over {name}" for name in {**plan.over, **usual.over} if plan.over.get(name) != usual.over.get(name)]
    # A report of another plan does not take the place of the scale's own, unless it is told to.
    path = home / "results" / f"{out or experiment.name + '_' + size + ('_changed' if changed else '')}.json"
    write_json(path, {**made, "scale": size, "changed": changed})
    sys.stdout.write(table(made["rows"]))
    sys.stdout.write(f"-> {path.relative_to(home)}\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m otrecon.lab", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="say which experiments there are")
    run = commands.add_parser("run", help="do all runs of an experiment, one after the other, and report them")
    many = commands.add_parser("sweep", help="the same, varying what you say, on one or several processes")
    told = commands.add_parser("report", help="report the runs that are finished, and do none")
    shown = commands.add_parser(
        "movie", help="make a GIF of each finished run, its film left of what it is compared with"
    )
    shown.add_argument("name", help="as for run")
    shown.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="runs with this setting alone, such as method='temporal TV'; may be repeated",
    )
    shown.add_argument("--seconds", type=float, default=1.0, metavar="S", help="length of a movie (1)")
    for one in (run, many, told):
        one.add_argument("name", help="from the list, or module:NAME of an Experiment of your own")
        one.add_argument("--scale", choices=SCALES, help="by default what OTRECON_SCALE names, or else cpu")
        one.add_argument(
            "--set",
            nargs="+",
            action="extend",
            default=[],
            metavar="NAME=VALUE",
            help="other settings, after the name: steps=400, or seeds='(0, 1)'",
        )
        one.add_argument(
            "--out",
            metavar="NAME",
            help="write results/NAME.json instead of NAME_SCALE, or of NAME_SCALE_changed where a setting is another",
        )
    for one in (many, told):
        one.add_argument(
            "--over",
            nargs="+",
            action="extend",
            default=[],
            metavar="NAME=VALUES",
            help="vary a setting: seed=0..4, or prior=none,ours; several make every combination",
        )
    for one in (run, many):
        one.add_argument("--threads", type=int, default=1, metavar="N", help="threads of torch in each process (1)")
        again = one.add_mutually_exclusive_group()
        again.add_argument(
            "--resume", action="store_true", help="go on with what was interrupted (this is the default)"
        )
        again.add_argument("--fresh", action="store_true", help="forget all runs of this plan and do them anew")
    where = many.add_mutually_exclusive_group()
    where.add_argument("--workers", type=int, default=1, metavar="N", help="processes on this machine (1)")
    where.add_argument("--cluster", metavar="ADDRESS", help="a running scheduler of dask.distributed: tcp://host:8786")
    return parser


def _changed(plan: Plan, over: Sequence[str], changes: Sequence[str]) -> Plan:
    """Replace settings of a plan, and what it varies.

    Raises
    ------
    ValueError
        If a name is none of its settings, or a value cannot be read.
    """
    replaced = {}
    for change in changes:
        name, text = _pair(plan, change, "--set", "NAME=VALUE")
        if name in plan.over:
            one = f"sweep --over {shlex.quote(change)}"
            raise ValueError(f"{name} is varied in this plan; for one value alone: {one}.")
        replaced[name] = _value(plan, name, text)
    varied = dict(plan.over)
    for change in over:
        name, text = _pair(plan, change, "--over", "NAME=VALUES, such as seed=0..4")
        span = re.fullmatch(r"(-?\d+)\.\.(-?\d+)", text)
        values = (
            tuple(range(int(span[1]), int(span[2]) + 1))
            if span
            else tuple(_value(plan, name, one.strip()) for one in text.split(","))
        )
        if not values or len(set(values)) < len(values):
            raise ValueError(f"--over {name} must be at least one value, all different, got {text!r}.")
        varied[name] = values
    return Plan(dataclasses.replace(plan.config, **replaced), varied)


def _pair(plan: Plan, change: str, option: str, form: str) -> tuple[str, str]:
    known = [one.name for one in dataclasses.fields(plan.config)]
    name, equals, text = change.partition("=")
    if not equals:
        raise ValueError(f"{option} takes {form}, got {change!r}.")
    if name not in known:
        raise ValueError(f"there is no setting {name!r}; there are: {', '.join(known)}.")
    return name, text


def _value(plan: Plan, name: str, text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        now = getattr(plan.config, name)
        (kind,) = (one.type for one in dataclasses.fields(plan.config) if one.name == name)
        if not isinstance(now, str) and kind != "str | None":
            raise ValueError(f"{name} takes a value such as {now!r}, got {text!r}.") from None
        # A text needs no quotation marks.
        return text


if __name__ == "__main__":
    sys.exit(main())
