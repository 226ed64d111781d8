"""The contest: equal sizes, fair choices, and rows that survive whatever happens to the process."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
import torch

from otrecon.inr import FourierFeatures
from otrecon.lab.contest import (
    ENTRIES,
    SETTINGS,
    ContestSettings,
    Size,
    Trial,
    contest,
    count,
    runs,
    solve_width,
    tournament,
    trials,
)

ROOT = Path(__file__).resolve().parents[2]
SMALL = ContestSettings(
    size=12, width=8, features=8, steps=12, batch=40, seeds=(0, 1), sweep_seeds=(100,), marks=3,
    entries=("ReLU", "SIREN"), values={"SIREN": (10.0, 30.0)}, rates={"ReLU": (1e-2,), "SIREN": (1e-3,)},
)  # fmt: skip


def without_times(found):
    timed = ("seconds", "psnr_equal_time")
    return [{name: value for name, value in row.items() if name not in timed} for row in found["rows"]]


@pytest.mark.parametrize("name", ENTRIES)
@pytest.mark.parametrize("scale", ["cpu", "paper"])
def test_everybody_has_as_many_parameters(name, scale):
    settings, generator = SETTINGS[scale], torch.Generator().manual_seed(0)
    size = Size(settings.hidden_layers, settings.features)
    goal = count(ENTRIES["ReLU"].build(size, settings.width, 0.0, generator))
    entry = ENTRIES[name]
    width = solve_width(entry, size, goal)
    network = entry.build(size, width, entry.values[0], generator)
    assert abs(count(network) / goal - 1) < 0.05
    wider = count(entry.build(size, width + 1, entry.values[0], generator))
    assert abs(wider - goal) >= abs(count(network) - goal)
    if network.encoding is not None and "basic" not in name:
        assert isinstance(network.encoding, FourierFeatures)
        assert network.encoding.out_features == settings.features


def test_rows_say_what_was_run_and_the_choice_is_made_on_other_seeds():
    found = contest(SMALL)
    rows = found["rows"]
    assert [(row["stage"], row["entry"], row["seed"]) for row in rows] == [
        *(("final", "ReLU", 0), ("final", "ReLU", 1)),
        *(("sweep", "SIREN", 100), ("sweep", "SIREN", 100), ("final", "SIREN", 0), ("final", "SIREN", 1)),
    ]
    best = max((row for row in rows if row["stage"] == "sweep"), key=lambda row: row["psnr"])
    assert found["chosen"]["SIREN"] == {"value": best["value"], "lr": best["lr"]}
    assert all(row["value"] == best["value"] for row in rows[-2:])
    for row in rows:
        assert row["steps"][-1] == 12
        assert row["trace"][-1] == row["psnr"]
        assert len(row["steps"]) == len(row["trace"]) == 4
        assert row["seconds"] > 0
    assert all(
        row["trace"][0] <= row["psnr_equal_time"] <= max(row["trace"]) for row in rows if row["stage"] == "final"
    )
    json.dumps(found, allow_nan=False)


@pytest.mark.parametrize(("last", "best"), [(5, 1.0), (10, 1.0), (15, 2.0), (20, 3.0), (25, 3.0), (30, 3.0), (99, 7.0)])
def test_the_best_within_a_time_is_read_off_the_trace(last, best):
    assert tournament._best_within([10, 20, 30, 40], [1.0, 3.0, 2.0, 7.0], last) == best


def test_at_equal_time_the_fastest_sets_the_budget():
    def row(entry, seconds, trace):
        facts = {"stage": "final", "entry": entry, "seconds": seconds, "steps": [10, 20], "trace": trace}
        return {**facts, "psnr": trace[-1]}

    rows = [row("fast", 1.0, [5.0, 8.0]), row("slow", 2.0, [6.0, 9.0]), row("slower", 4 / 3, [6.0, 9.0])]
    assert tournament._at_equal_time(rows) == 1.0
    assert [one["psnr_equal_time"] for one in rows] == [8.0, 6.0, 7.5]


def test_full_batches_end_with_the_best_that_was_seen():
    row = contest(dataclasses.replace(SMALL, batch=None, steps=40, seeds=(0,), entries=("ReLU",)))["rows"][0]
    assert row["psnr"] >= max(row["trace"])
    assert row["psnr"] > row["trace"][0] + 0.5


def test_no_row_is_run_twice_and_more_seeds_run_only_what_is_missing(tmp_path):
    seen = []
    watch = lambda trial, step, image: seen.append((trial, step, tuple(image.shape)))  # noqa: E731
    first = contest(SMALL, folder=tmp_path, watch=watch)
    assert len(seen) == 6 * 4
    assert {shape for _, _, shape in seen} == {(12, 12)}
    seen.clear()
    assert contest(SMALL, folder=tmp_path, watch=watch) == first
    assert seen == []
    contest(dataclasses.replace(SMALL, seeds=(0, 1, 2)), folder=tmp_path, watch=watch)
    assert {trial.seed for trial, _, _ in seen} == {2}
    assert {path.suffix for path in tmp_path.iterdir()} == {".json"}
    contest(dataclasses.replace(SMALL, steps=13, entries=("ReLU",)), folder=tmp_path, watch=watch)
    assert Trial("ReLU", 0.0, 1e-2, 0) in {trial for trial, _, _ in seen}


@pytest.mark.parametrize("last", [1, 4, 11])
def test_an_interruption_by_the_keyboard_after_any_step_changes_nothing(tmp_path, monkeypatch, last):
    settings = dataclasses.replace(SMALL, entries=("ReLU",), seeds=(0,))
    whole = contest(settings)
    after = runs._Run.after

    def interrupt(run, step, loss):
        after(run, step, loss)
        if step + 1 == last:
            raise KeyboardInterrupt

    monkeypatch.setattr(runs._Run, "after", interrupt)
    with pytest.raises(KeyboardInterrupt):
        contest(settings, folder=tmp_path)
    monkeypatch.setattr(runs._Run, "after", after)
    assert without_times(contest(settings, folder=tmp_path)) == without_times(whole)


def test_an_interruption_within_a_row_changes_nothing(tmp_path):
    whole = contest(SMALL)

    def stop(trial, step, _image):
        if (trial.entry, trial.seed, step) == ("SIREN", 100, whole["rows"][2]["steps"][1]) and trial.value == 30:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        contest(SMALL, folder=tmp_path, watch=stop)
    assert list(tmp_path.glob("*.fit"))
    seen = []
    resumed = contest(SMALL, folder=tmp_path, watch=lambda trial, step, _image: seen.append((trial, step)))
    assert without_times(resumed) == without_times(whole)
    assert "ReLU" not in {trial.entry for trial, _ in seen}


KILLED = """
    import os, signal, sys, torch
    from otrecon.lab.contest import ContestSettings, contest

    torch.set_num_threads(1)
    settings = ContestSettings(size=12, width=8, features=8, steps=400, seeds=(0, 1), marks=9, entries=("ReLU",),
                               rates={"ReLU": (1e-2,)})

    def watch(trial, step, image):
        if "die" in sys.argv and trial.seed == 1 and step > 250:
            os.kill(os.getpid(), signal.SIGKILL)

    found = contest(settings, folder=sys.argv[1], watch=watch)
    print([(row["seed"], row["psnr"], row["steps"], row["trace"]) for row in found["rows"]])
"""


def test_a_process_killed_in_the_middle_goes_on_to_the_same_rows(tmp_path):
    def start(folder, *more):
        command = [sys.executable, "-c", textwrap.dedent(KILLED), str(tmp_path / folder), *more]
        return subprocess.run(
            command, capture_output=True, text=True, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}
        )

    dead = start("one", "die")
    assert dead.returncode == -signal.SIGKILL
    assert len(list((tmp_path / "one").glob("*.json"))) == 1
    assert len(list((tmp_path / "one").glob("*.fit"))) == 1
    finished = next((tmp_path / "one").glob("*.json"))
    written = finished.stat().st_mtime_ns
    time.sleep(0.01)
    again, whole = start("one"), start("two")
    assert again.returncode == whole.returncode == 0, again.stderr + whole.stderr
    assert again.stdout == whole.stdout
    assert finished.stat().st_mtime_ns == written


def test_trials_are_all_settings_of_an_entry():
    entry = ENTRIES["SIREN"]
    found = trials(ContestSettings(), "SIREN", 7)
    assert len(set(found)) == len(entry.values) * len(entry.rates)
    assert {trial.seed for trial in found} == {7}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"entries": ("Siren",)}, r"entries has \['Siren'\]; there are: ReLU; .*SIREN"),
        ({"entries": ()}, "entries must be at least one"),
        ({"values": {"wire": (1.0,)}}, r"values has \['wire'\]; there are"),
        ({"rates": {"wire": (1.0,)}}, r"rates has \['wire'\]; there are"),
        ({"seeds": (0, 100)}, "must not be chosen on what is reported"),
        ({"seeds": ()}, "seeds must be at least one"),
        ({"features": 30}, "multiple of 4, sine and cosine on two axes, got 30"),
        ({"batch": 5000}, "at most the 2304 pixels, got 5000; None takes them all"),
        ({"steps": 0}, "steps must be"),
    ],
)
def test_bad_settings_name_the_fix(change, message):
    with pytest.raises((ValueError, TypeError), match=message):
        dataclasses.replace(ContestSettings(), **change)
