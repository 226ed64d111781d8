"""The runs of a contest: each is done once, looked at on its way, and goes on where it was interrupted."""

from __future__ import annotations

import hashlib
import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from otrecon.inr import Mlp, constant, fit, pixel_coordinates
from otrecon.inr.checkpoint import steps_done
from otrecon.inr.mlp import in_pieces
from otrecon.lab.contest.entries import ENTRIES, Size, count, solve_width
from otrecon.lab.contest.settings import ContestSettings, Trial
from otrecon.lab.files import write_json
from otrecon.metrics import psnr
from otrecon.phantoms import shepp_logan

__all__ = ["Bench", "Watch"]

Watch = Callable[[Trial, int, Tensor], object]
"""Gets the trial, the number of steps taken and the image as it is then."""


class Bench:
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
        self.found = self.ran = 0
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
                self.found += 1
                return found
        self.ran += 1
        row = self._run(trial, done)
        if done is not None:
            write_json(done, row)
            for left in (done.with_suffix(".fit"), done.with_suffix(".way")):
                left.unlink(missing_ok=True)
        if self.progress:
            swept = f", {row['swept']} {trial.value:g}" if row["swept"] else ""
            who = f"{trial.entry}{swept}, lr {trial.lr:g}, seed {trial.seed}"
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
            "seconds": statistics.median(run.seconds or [0.0]) * settings.steps,
        }

    def decibel(self, image: Tensor) -> float:
        """PSNR of an image, of range 1."""
        return round(float(psnr(image, self.truth, data_range=1.0)), 4)


class _Run:
    """A run as it goes: what `fit` asks of it, and what it writes down on its way."""

    def __init__(self, bench: Bench, trial: Trial, network: Mlp, checkpoint: Path | None) -> None:
        self.bench, self.trial, self.network = bench, trial, network
        self.way = None if checkpoint is None else checkpoint.with_suffix(".way")
        self.trace: dict[int, float] = {}
        self.seconds: list[float] = []
        self.clock = time.process_time if bench.settings.device == "cpu" else time.perf_counter
        self.step = 0
        if checkpoint is not None and checkpoint.exists():
            self.step = steps_done(checkpoint)
        if self.way is not None and self.step and self.way.exists():
            before = json.loads(self.way.read_text(encoding="utf-8"))
            self.trace = {int(step): value for step, value in before["trace"].items() if int(step) <= self.step}
            self.seconds = before["seconds"]
        self.start = 0.0

    def image(self) -> Tensor:
        """Draw the image as it is."""
        with torch.no_grad():
            return in_pieces(self.network, self.bench.places).reshape(self.bench.truth.shape)

    def objective(self, indices: Tensor | None) -> Tensor:
        """Mean squared error; before the steps that are marked, the image is looked at."""
        if self.step in self.bench.marks and self.step not in self.trace:
            # Before the step and so before any later checkpoint: what a checkpoint has passed is on disk.
            image = self.image()
            self.trace[self.step] = self.bench.decibel(image)
            if self.bench.watch is not None:
                self.bench.watch(self.trial, self.step, image)
            if self.way is not None:
                write_json(self.way, {"trace": self.trace, "seconds": self.seconds[-100:]})
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
