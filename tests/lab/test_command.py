"""The command line: experiments by name, results whole with where they come from, errors that name the fix."""

import dataclasses
import json
import shlex
import sys
from types import MappingProxyType

import pytest

from otrecon.lab import SCALES
from otrecon.lab import __main__ as command
from otrecon.lab.files import write_json
from otrecon.lab.provenance import provenance
from otrecon.lab.registry import EXPERIMENTS, Experiment


@dataclasses.dataclass(frozen=True)
class Settings:
    size: int = 3
    seeds: tuple = (0, 1)
    word: str = "a"


@pytest.fixture
def toy(monkeypatch):
    calls = []

    def run(settings, *, folder, progress):
        calls.append((settings, folder, progress, folder.exists()))
        folder.mkdir(parents=True, exist_ok=True)
        if settings.word == "stop":
            raise KeyboardInterrupt
        return {"settings": dataclasses.asdict(settings), "rows": [{"seed": seed} for seed in settings.seeds]}

    every = {**EXPERIMENTS, "toy": Experiment("A toy", run, {scale: Settings() for scale in SCALES})}
    monkeypatch.setattr(command, "EXPERIMENTS", MappingProxyType(every))
    return calls


def test_every_experiment_has_three_scales_and_seeds():
    for experiment in EXPERIMENTS.values():
        assert set(experiment.settings) == set(SCALES)
        assert all(settings.seeds for settings in experiment.settings.values())


def test_list_names_them(capsys, toy):
    assert command.main(["list"]) == 0
    assert "contest: Coordinate networks" in capsys.readouterr().out


def test_a_run_leaves_its_rows_settings_and_provenance(tmp_path, toy, capsys):
    arguments = ["run", "toy", "--scale", "smoke", "--seeds", "3", "--set", "size=5", "--set", "word=b"]
    assert command.main(arguments, home=tmp_path) == 0
    found = json.loads((tmp_path / "results" / "toy_smoke_changed.json").read_text(encoding="utf-8"))
    assert found["settings"] == {"size": 5, "seeds": [0, 1, 2], "word": "b"}
    assert found["rows"] == [{"seed": 0}, {"seed": 1}, {"seed": 2}]
    assert (found["scale"], found["changed"]) == ("smoke", ["size", "seeds", "word"])
    assert {"command", "date", "versions", "cpu", "torch_threads"} <= set(found["provenance"])
    assert "results/toy_smoke_changed.json" in capsys.readouterr().out
    assert [path.name for path in (tmp_path / "results").iterdir()] == ["toy_smoke_changed.json"]
    assert command.main(["run", "toy", "--scale", "smoke"], home=tmp_path) == 0
    assert command.main([*arguments, "--out", "part"], home=tmp_path) == 0
    assert {path.stem for path in (tmp_path / "results").iterdir()} == {"toy_smoke", "toy_smoke_changed", "part"}


def test_resume_is_the_default_and_fresh_forgets(tmp_path, toy, monkeypatch):
    monkeypatch.setenv("OTRECON_SCALE", "smoke")
    for more in ([], ["--resume"], ["--fresh"]):
        command.main(["run", "toy", *more], home=tmp_path)
    assert [there for *_, there in toy] == [False, True, False]
    assert toy[0][1] == tmp_path / "_build" / "lab" / "toy_smoke"


def test_an_interruption_says_how_to_go_on_and_leaves_no_result(tmp_path, toy, capsys):
    assert command.main(["run", "toy", "--scale", "cpu", "--set", "word=stop"], home=tmp_path) == 130
    assert "the same command goes on from here" in capsys.readouterr().err
    assert command.main(["run", "toy", "--scale", "cpu", "--set", "word=stop", "--fresh"], home=tmp_path) == 130
    assert "the same command without --fresh goes on from here" in capsys.readouterr().err
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "contset"], "no experiment 'contset'; there are: contest"),
        (["run", "toy", "--scale", "large"], "invalid choice: 'large'"),
        (["run", "toy", "--set", "sise=4"], "no setting 'sise'; there are: size, seeds, word"),
        (["run", "toy", "--seeds", "0"], "--seeds must be at least 1, got 0"),
        (["run", "contest", "--set", "entries=('Siren',)"], "entries has ['Siren']; there are: ReLU"),
        (["run", "toy", "--set", "word"], "--set takes NAME=VALUE, got 'word'"),
        (["run", "toy", "--set", "size=big"], "'big' is not Python's way to write a value of size"),
        (["run", "toy", "--threads", "0"], "--threads must be at least 1, got 0"),
        (["run", "contest", "--set", "device=tpu"], "device must be one that is there, such as 'cpu', got 'tpu'"),
        (["run", "contest", "--seeds", "200"], "sweep_seeds and seeds share [100"),
        (["run", "contest", "--set", "seeds=3"], "seeds must be a tuple, such as (0, 1), got int 3"),
        (["run", "contest", "--set", "seeds=(0, 0)"], "seeds must be at least one, all different"),
        (["run", "contest", "--set", "entries='ReLU'"], "entries must be a tuple"),
        (["run", "contest", "--set", "rates={'ReLU': ()}"], "rates of ReLU must be at least one"),
        (["run", "contest", "--set", "rates={'ReLU': (-1.0,)}"], "rates of ReLU must be positive"),
        (["run", "toy", "--resume", "--fresh"], "not allowed with"),
        ([], "required: command"),
    ],
)
def test_bad_commands_name_the_fix(arguments, message, toy, capsys, tmp_path):
    with pytest.raises(SystemExit):
        command.main(arguments, home=tmp_path)
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_contest_itself_runs_from_here(tmp_path):
    small = ["--scale", "smoke", "--seeds", "1", "--set", "entries=('ReLU',)", "--set", "rates={'ReLU': (1e-3,)}"]
    assert command.main(["run", "contest", *small], home=tmp_path) == 0
    found = json.loads((tmp_path / "results" / "contest_smoke_changed.json").read_text(encoding="utf-8"))
    assert [row["entry"] for row in found["rows"]] == ["ReLU"]
    assert found["settings"]["size"] == 16


def test_an_unknown_scale_of_the_environment_is_an_error_of_the_command(toy, monkeypatch, capsys):
    monkeypatch.setenv("OTRECON_SCALE", "huge")
    with pytest.raises(SystemExit):
        command.main(["run", "toy"])
    assert "OTRECON_SCALE is 'huge'" in capsys.readouterr().err


def test_the_command_of_a_result_can_be_pasted_and_names_no_folder(monkeypatch):
    arguments = ["--set", "entries=('ReLU', 'WIRE')", "/home/someone/state.json"]
    monkeypatch.setattr(sys, "argv", ["run.py", *arguments])
    found = provenance()
    assert shlex.split(found["command"])[-3:] == ["--set", "entries=('ReLU', 'WIRE')", "state.json"]
    assert "someone" not in json.dumps(found)
    commit = found["commit"]
    assert commit is None or len(commit.rstrip("+")) == 12


def test_a_file_is_whole_or_untouched(tmp_path):
    path = tmp_path / "deep" / "one.json"
    write_json(path, {"a": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(path, {"a": float("nan")})
    assert json.loads(path.read_text(encoding="utf-8")) == {"a": 1}
    assert [file.name for file in path.parent.iterdir()] == ["one.json"]
