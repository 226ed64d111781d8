"""A contest of coordinate networks on Shepp-Logan: equal parameters, swept settings, several seeds (row 000-F2).

Every entry is tried with each of its settings on seeds of their own; the best setting is then run on the seeds that are
reported. The learning rate is constant, as in the source, so that a run which is stopped early is the run that was
planned shorter, and one run answers for equal steps and for equal time.
"""

from __future__ import annotations

import hashlib
import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from otrecon.checks import check_count
from otrecon.inr import Mlp, constant, fit, pixel_coordinates
from otrecon.lab.entries import ENTRIES, Size, count, solve_width
from otrecon.lab.files import write_json
from otrecon.metrics import psnr
from otrecon.phantoms import shepp_logan

__all__ = ["ENTRIES", "SETTINGS", "ContestSettings", "Trial", "contest", "trials"]


@dataclass(frozen=True)
class ContestSettings:
    """The rules of one contest.

    Attributes
    ----------
    size
        Pixels along each side of the image.
    width, hidden_layers
        Of a real network without encoding, ``hidden_layers`` beyond the first: its parameters are the number that each
        entry gets, by a width of its own.
    features
        Numbers that an encoding makes of a place, a multiple of four.
    steps
        Steps of Adam.
    batch
        Pixels a step; None: all of them.
    seeds
        Those that are reported.
    sweep_seeds
        Those that choose each entry's setting; none of them is reported.
    entries
        Names from `ENTRIES`.
    values, rates
        Swept values and learning rates by name of an entry, where they are not its own.
    marks
        How often, at most, a run is looked at on its way.
    device
        Where it runs, such as ``"cuda"``.
    """

    size: int = 48
    width: int = 32
    hidden_layers: int = 2
    features: int = 32
    steps: int = 140
    batch: int | None = None
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    sweep_seeds: tuple[int, ...] = (100, 101)
    entries: tuple[str, ...] = tuple(ENTRIES)
    values: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    rates: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    marks: int = 12
    device: str = "cpu"

    def __post_init__(self) -> None:
        for name in ("size", "width", "features", "steps", "marks"):
            check_count(name, getattr(self, name))
        check_count("hidden_layers", self.hidden_layers, 0)
        if self.features % 4:
            raise ValueError(f"features must be a multiple of 4, sine and cosine on two axes, got {self.features}.")
        if self.batch is not None and check_count("batch", self.batch) > self.size**2:
            raise ValueError(f"batch must be at most the {self.size**2} pixels, got {self.batch}; None takes them all.")
        for what, names in (("entries", self.entries), ("values", self.values), ("rates", self.rates)):
            unknown = [name for name in names if name not in ENTRIES]
            if unknown or not (names or what != "entries"):
                raise ValueError(f"{what} has {unknown or 'no names'}; there are: {'; '.join(ENTRIES)}.")
        if not self.seeds or not self.sweep_seeds:
            raise ValueError("seeds and sweep_seeds need at least one seed each.")
        if set(self.seeds) & set(self.sweep_seeds):
            raise ValueError("sweep_seeds and seeds share one: a setting must not be chosen on what is reported.")


SETTINGS: Mapping[str, ContestSettings] = {
    "smoke": ContestSettings(size=16, width=8, features=8, steps=4, seeds=(0, 1), marks=2, sweep_seeds=(100,)),
    "cpu": ContestSettings(),
    # Size, width, layers and steps of the thesis, full batches; it does not say at which omega or bandwidth.
    "paper": ContestSettings(
        size=400,
        width=256,
        features=256,
        steps=5000,
        marks=20,
        sweep_seeds=(100,),
        values={
            "ReLU, Gaussian encoding": (4.0, 10.0, 25.0),
            "ReLU, log-spaced encoding": (10.0, 25.0, 100.0),
            "SIREN": (30.0, 60.0, 120.0),
            "Gaussian": (8.0, 20.0, 50.0),
            "WIRE": (10.0, 20.0, 40.0),
        },
        rates={name: (1e-4, 1e-3) if name == "SIREN" else (1e-3,) for name in ENTRIES},
    ),
}
"""The contest at the three scales."""


@dataclass(frozen=True)
class Trial:
    """One run: who, with which value and learning rate, from which seed."""

    entry: str
    value: float
    lr: float
    seed: int


Watch = Callable[[Trial, int, Tensor], object]


def trials(settings: ContestSettings, name: str, seed: int) -> list[Trial]:
    """Every setting of an entry that the sweep tries, on one seed."""
    values, rates = settings.values.get(name, ENTRIES[name].values), settings.rates.get(name, ENTRIES[name].rates)
    return [Trial(name, float(value), float(rate), seed) for value in values for rate in rates]


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
        number, processor time on a CPU. Final rows have ``psnr_equal_time`` as well: the best that was seen within
        ``equal_seconds``, the time that the fastest entry needed. ``chosen``: the setting of each entry.
    """
    bench = _Bench(settings, None if folder is None else Path(folder), watch, progress=progress)
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
    facts = {"name": "contest", "settings": asdict(settings), "chosen": chosen}
    return {**facts, "equal_seconds": _at_equal_time(rows), "rows": rows}


class _Bench:
    """What all runs share, and where their rows lie."""

    def __init__(self, settings: ContestSettings, folder: Path | None, watch: Watch | None, *, progress: bool) -> None:
        self.settings, self.folder, self.watch, self.progress = settings, folder, watch, progress
        shape = (settings.size, settings.size)
        self.places = pixel_coordinates(shape).reshape(-1, 2).to(settings.device)
        self.truth = shepp_logan().image(shape).float().to(settings.device)
        self.size = Size(settings.hidden_layers, settings.features)
        self.parameters = count(ENTRIES["ReLU"].build(self.size, settings.width, 0.0, torch.Generator().manual_seed(0)))
        # What a row depends on: other seeds and entries leave those that are there as they are.
        names = ("size", "width", "hidden_layers", "features", "steps", "batch", "marks", "device")
        self.rules = {name: getattr(settings, name) for name in names}
        shares = ((k / (settings.marks + 1)) ** 1.5 for k in range(1, settings.marks + 1))
        self.marks = sorted({max(1, round(settings.steps * share)) for share in shares} - {settings.steps})

    def row(self, trial: Trial) -> dict[str, Any]:
        """Find the row of a trial, or run it."""
        identity = {**self.rules, **asdict(trial)}
        done = None
        if self.folder is not None:
            digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:12]
            word = "".join(letter if letter.isalnum() else "-" for letter in trial.entry.lower())
            done = self.folder / f"{word}_{trial.value:g}_{trial.lr:g}_seed{trial.seed}_{digest}.json"
            if done.exists():
                found: dict[str, Any] = json.loads(done.read_text(encoding="utf-8"))
                return found
        row = self._run(trial, done)
        if done is not None:
            write_json(done, row)
            for left in (done.with_suffix(".fit"), done.with_suffix(".way")):
                left.unlink(missing_ok=True)
        if self.progress:
            who = f"{trial.entry}, {trial.value:g}, lr {trial.lr:g}, seed {trial.seed}"
            sys.stderr.write(f"{who}: {row['psnr']:.2f} dB, {row['seconds']:.1f} s\n")
            sys.stderr.flush()
        return row

    def _run(self, trial: Trial, done: Path | None) -> dict[str, Any]:
        entry, settings = ENTRIES[trial.entry], self.settings
        width = solve_width(entry, self.size, self.parameters)
        network = entry.build(self.size, width, trial.value, torch.Generator().manual_seed(trial.seed))
        network = network.to(settings.device)
        checkpoint = None if done is None else done.with_suffix(".fit")
        run = _Run(self, trial, network, checkpoint)
        batches: dict[str, Any] = {}
        if settings.batch is not None:
            generator = torch.Generator().manual_seed(1_000_003 + trial.seed)
            batches = {"places": settings.size**2, "batch": settings.batch, "generator": generator}
        found = fit(
            network,
            run.objective,
            settings.steps,
            lr=trial.lr,
            schedule=constant,
            callback=run.after,
            checkpoint=checkpoint,
            checkpoint_every=max(1, min(200, settings.steps // 4)),
            **batches,
        )
        image = run.image()
        if self.watch is not None:
            self.watch(trial, settings.steps, image)
        reached = self.decibel(image)
        return {
            **asdict(trial),
            "swept": entry.swept,
            "width": width,
            "parameters": count(network),
            "psnr": reached,
            "best_step": found.best_step,
            "steps": [*run.trace, settings.steps],
            "trace": [*run.trace.values(), reached],
            "seconds": statistics.median(run.seconds) * settings.steps,
        }

    def decibel(self, image: Tensor) -> float:
        """PSNR of an image, of range 1."""
        return round(float(psnr(image, self.truth, data_range=1.0)), 4)


class _Run:
    """A run as it goes: what `fit` asks of it, and what it writes down on its way."""

    def __init__(self, bench: _Bench, trial: Trial, network: Mlp, checkpoint: Path | None) -> None:
        self.bench, self.trial, self.network = bench, trial, network
        self.way = None if checkpoint is None else checkpoint.with_suffix(".way")
        self.trace: dict[int, float] = {}
        self.seconds: list[float] = []
        self.clock = time.process_time if bench.settings.device == "cpu" else time.perf_counter
        self.step = 0
        if checkpoint is not None and checkpoint.exists() and self.way is not None and self.way.exists():
            # `fit` refuses a file that is damaged or another run's; here it is only asked how far it got.
            self.step = len(torch.load(checkpoint, weights_only=True, map_location="cpu")["history"])
            before = json.loads(self.way.read_text(encoding="utf-8"))
            self.trace = {int(step): value for step, value in before["trace"].items() if int(step) <= self.step}
            self.seconds = [before["seconds"]]
        self.start = 0.0

    def image(self) -> Tensor:
        """Draw the image as it is."""
        with torch.no_grad():
            pieces = [self.network(piece) for piece in self.bench.places.split(1 << 14)]
        return torch.cat(pieces).reshape(self.bench.truth.shape)

    def objective(self, indices: Tensor | None) -> Tensor:
        """Mean squared error; before the steps that are marked, the image is looked at."""
        if self.step in self.bench.marks and self.step not in self.trace:
            # Before the step and so before any later checkpoint: what a checkpoint has passed is on disk.
            image = self.image()
            self.trace[self.step] = self.bench.decibel(image)
            if self.bench.watch is not None:
                self.bench.watch(self.trial, self.step, image)
            if self.way is not None:
                write_json(self.way, {"trace": self.trace, "seconds": statistics.median(self.seconds)})
        self.start = self.clock()
        truth = self.bench.truth.reshape(-1, 1)
        if indices is None:
            return (self.network(self.bench.places) - truth).square().mean()
        indices = indices.to(truth.device)
        return (self.network(self.bench.places[indices]) - truth[indices]).square().mean()

    def after(self, step: int, _loss: float) -> None:
        """Note the time of a step that was taken."""
        self.seconds.append(self.clock() - self.start)
        self.step = step + 1


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
