"""``python -m otrecon.lab list`` and ``python -m otrecon.lab run NAME``: experiments at the size of the papers."""

from __future__ import annotations

import argparse
import ast
import dataclasses
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from otrecon.checks import check_count
from otrecon.lab.files import HOME, write_json
from otrecon.lab.provenance import provenance
from otrecon.lab.registry import EXPERIMENTS
from otrecon.lab.scale import SCALES, scale

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None, *, home: Path = HOME) -> int:
    """Run the command line; results go to ``home/results``, unfinished runs to ``home/_build/lab``."""
    parser = _parser()
    asked = parser.parse_args(arguments)
    if asked.command == "list":
        for name, experiment in EXPERIMENTS.items():
            sys.stdout.write(f"{name}: {experiment.summary}\n")
            sys.stdout.writelines(f"  {size}: {experiment.settings[size]}\n" for size in SCALES)
        return 0
    if asked.name not in EXPERIMENTS:
        parser.error(f"there is no experiment {asked.name!r}; there are: {', '.join(EXPERIMENTS)}.")
    experiment = EXPERIMENTS[asked.name]
    try:
        size = asked.scale or scale()
        settings = _changed(experiment.settings[size], asked.seeds, asked.set)
        if asked.threads is not None:
            import torch

            torch.set_num_threads(check_count("--threads", asked.threads))
    except (TypeError, ValueError) as error:
        parser.error(str(error))
    folder = home / "_build" / "lab" / f"{asked.name}_{size}"
    if asked.fresh:
        shutil.rmtree(folder, ignore_errors=True)
    try:
        found = experiment.function(settings, folder=folder, progress=True)
    except KeyboardInterrupt:
        again = "the same command without --fresh" if asked.fresh else "the same command"
        sys.stderr.write(f"interrupted; {again} goes on from here.\n")
        return 130
    usual = experiment.settings[size]
    names = [field.name for field in dataclasses.fields(usual)]
    changed = [name for name in names if getattr(settings, name) != getattr(usual, name)]
    # A result of other settings does not take the place of the scale's own, unless it is told to.
    path = home / "results" / f"{asked.out or asked.name + '_' + size + ('_changed' if changed else '')}.json"
    write_json(path, {**found, "scale": size, "changed": changed, "provenance": provenance()})
    sys.stdout.write(f"-> {path.relative_to(home)}\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m otrecon.lab", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="say which experiments there are")
    run = commands.add_parser("run", help="run one and write results/NAME_SCALE.json")
    run.add_argument("name")
    run.add_argument("--scale", choices=SCALES, help="smoke, cpu or paper; by default what OTRECON_SCALE names")
    run.add_argument("--seeds", type=int, metavar="N", help="seeds 0 to N-1 instead of those of the scale")
    run.add_argument("--threads", type=int, metavar="N", help="threads of torch")
    run.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="another setting, such as batch=4096 or entries=\"('ReLU', 'SIREN')\"; may be repeated",
    )
    run.add_argument(
        "--out",
        metavar="NAME",
        help="write results/NAME.json instead of NAME_SCALE, or of NAME_SCALE_changed where a setting is another",
    )
    again = run.add_mutually_exclusive_group()
    again.add_argument("--resume", action="store_true", help="go on with what was interrupted (this is the default)")
    again.add_argument("--fresh", action="store_true", help="forget it and start afresh")
    return parser


def _changed(settings: Any, seeds: int | None, changes: Sequence[str]) -> Any:
    """Replace some settings.

    Raises
    ------
    ValueError
        If a name is none of theirs, or a value is not Python's way to write one.
    """
    known = [field.name for field in dataclasses.fields(settings)]
    replaced: dict[str, Any] = {}
    if seeds is not None:
        if seeds < 1:
            raise ValueError(f"--seeds must be at least 1, got {seeds}.")
        replaced["seeds"] = tuple(range(seeds))
    for change in changes:
        name, equals, text = change.partition("=")
        if not equals:
            raise ValueError(f"--set takes NAME=VALUE, got {change!r}.")
        if name not in known:
            raise ValueError(f"there is no setting {name!r}; there are: {', '.join(known)}.")
        try:
            replaced[name] = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            if not isinstance(getattr(settings, name), str):
                raise ValueError(
                    f"{text!r} is not Python's way to write a value of {name}, now {getattr(settings, name)!r}."
                ) from None
            # A text needs no quotation marks.
            replaced[name] = text
    return dataclasses.replace(settings, **replaced)


if __name__ == "__main__":
    sys.exit(main())
