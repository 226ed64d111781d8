"""The command line: experiments by name, reports whole with where they come from, errors that name the fix."""

import json
import shlex
import sys

import pytest

from otrecon.lab import SCALES
from otrecon.lab import __main__ as command
from otrecon.lab.experiments import REGISTRY, load, product
from otrecon.lab.files import write_json
from otrecon.lab.provenance import provenance
from otrecon.lab.report import table

TOY = "tests.lab.toys:TOY"


def read(home, name):
    return json.loads((home / "results" / f"{name}.json").read_text(encoding="utf-8"))


def test_every_experiment_has_three_scales_that_are_plans():
    for name in REGISTRY:
        experiment = load(name)
        assert experiment.name == name
        for scale in SCALES:
            assert list(product(experiment.plans[scale]))


def test_list_names_them(capsys):
    assert command.main(["list"]) == 0
    assert "contest: Coordinate networks" in capsys.readouterr().out


def test_a_run_leaves_a_report_with_its_rows_and_provenance(tmp_path, capsys):
    assert command.main(["run", TOY, "--scale", "smoke"], home=tmp_path) == 0
    found = read(tmp_path, "toy_smoke")
    assert [row["seed"] for row in found["rows"]] == [0, 1, 2, 3]
    assert (found["scale"], found["changed"], found["over"]) == ("smoke", [], {"seed": [0, 1, 2, 3]})
    assert {"command", "date", "versions", "cpu", "torch_threads"} <= set(found["provenance"])
    assert found["provenance"]["runs_elsewhere"] == 0
    told = capsys.readouterr()
    assert "results/toy_smoke.json" in told.out
    assert "seed" in told.out
    assert told.err.count(" of 4: seed=") == 4
    assert command.main(["run", TOY, "--scale", "smoke", "--resume"], home=tmp_path) == 0
    assert "4 of 4 were finished before" in capsys.readouterr().err
    assert read(tmp_path, "toy_smoke")["rows"] == found["rows"]


def test_another_plan_has_a_report_of_its_own(tmp_path):
    arguments = ["sweep", TOY, "--scale", "smoke", "--over", "seed=1..2", "word=b,c", "--set", "size=5", "word=a"]
    assert command.main(arguments, home=tmp_path) == 0
    found = read(tmp_path, "toy_smoke_changed")
    assert [(row["seed"], row["word"], row["size"]) for row in found["rows"]] == [
        (1, "b", 5), (1, "c", 5), (2, "b", 5), (2, "c", 5)
    ]  # fmt: skip
    assert found["changed"] == ["size", "over seed", "over word"]
    assert command.main([*arguments, "--out", "mine"], home=tmp_path) == 0
    reports = {path.stem for path in (tmp_path / "results").glob("*.json")}
    assert reports == {"toy_smoke_changed", "mine"}


def test_a_report_runs_nothing(tmp_path, capsys):
    with pytest.raises(SystemExit):
        command.main(["report", TOY, "--scale", "smoke"], home=tmp_path)
    assert f"no finished run of this plan: python -m otrecon.lab run {TOY} --scale smoke" in capsys.readouterr().err
    command.main(["sweep", TOY, "--scale", "smoke", "--over", "seed=0..1"], home=tmp_path)
    assert command.main(["report", TOY, "--scale", "smoke"], home=tmp_path) == 0
    assert [row["seed"] for row in read(tmp_path, "toy_smoke")["rows"]] == [0, 1]


def test_fresh_runs_again_and_a_pool_does_the_same(tmp_path):
    rows = []
    for more in (["run"], ["run", "--fresh"], ["sweep", "--fresh", "--workers", "2"]):
        assert command.main([more[0], TOY, "--scale", "smoke", *more[1:]], home=tmp_path) == 0
        rows.append(read(tmp_path, "toy_smoke")["rows"])

    def without_time(table):
        return [(row["seed"], row["value"], row["threads"]) for row in table]

    assert without_time(rows[0]) == without_time(rows[1]) == without_time(rows[2])
    log = tmp_path / "_build" / "lab" / "toy" / "steps-0"
    assert len(log.read_text().split()) == 30


def test_an_interruption_says_how_to_go_on_and_leaves_no_report(tmp_path, capsys):
    arguments = ["run", TOY, "--scale", "cpu", "--set", "word=stop"]
    for more, words in ((["--fresh"], "the same command without --fresh goes on"), ([], "the same command goes on")):
        assert command.main([*arguments, *more], home=tmp_path) == 130
        assert words in capsys.readouterr().err
        assert not list((tmp_path / "results").glob("*.json"))


def test_failed_runs_are_told_and_counted_beside_finished_ones(tmp_path, capsys):
    arguments = ["sweep", TOY, "--scale", "smoke", "--over", "word=fine,fail", "--out", "bad"]
    assert command.main(arguments, home=tmp_path) == 1
    assert "failed: FloatingPointError: the loss is nan" in capsys.readouterr().err
    found = read(tmp_path, "bad")
    assert len(found["failed"]) == len(found["rows"]) == 4


def test_where_all_runs_fail_an_earlier_report_stays(tmp_path, capsys):
    kept = ["run", TOY, "--scale", "smoke", "--out", "kept"]
    assert command.main(kept, home=tmp_path) == 0
    before = read(tmp_path, "kept")
    assert command.main([*kept, "--set", "word=fail"], home=tmp_path) == 1
    assert "earlier reports stay as they are" in capsys.readouterr().err
    assert read(tmp_path, "kept") == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "contset"], "no experiment 'contset'; there are: contest"),
        (["run", TOY, "--scale", "large"], "invalid choice: 'large'"),
        (["run", TOY, "--out", "somewhere/else"], "--out takes a name, of a file in"),
        (["run", TOY, "--set", "sise=4"], "no setting 'sise'; there are: seed, size, word"),
        (["run", TOY, "--set", "word"], "--set takes NAME=VALUE, got 'word'"),
        (["run", TOY, "--set", "size=big"], "size takes a value such as 3, got 'big'"),
        (["run", TOY, "--set", "seed=1"], "seed is varied in this plan; for one value alone: sweep --over seed=1"),
        (["run", "dynamic-radial", "--set", "data=file"], "data='file' wants the name of one"),
        (["sweep", TOY, "--over", "seed=4..2"], "--over seed must be at least one value"),
        (["sweep", TOY, "--over", "seed=1,1"], "all different"),
        (["sweep", TOY, "--over", "seeds=0..2"], "no setting 'seeds'"),
        (["sweep", TOY, "--workers", "0"], "--workers must be at least 1, got 0"),
        (["run", TOY, "--threads", "0"], "--threads must be at least 1, got 0"),
        (["run", "contest", "--set", "device=tpu"], "device must be one that is there, such as 'cpu', got 'tpu'"),
        (["run", "dynamic-radial", "--set", "file=5"], "file must be the name of one, such as 'my.mat', got int"),
        (["run", "contest", "--set", "seeds=3"], "seeds must be a tuple, such as (0, 1), got int 3"),
        (["run", "contest", "--set", "seeds=(0, 0)"], "seeds must be at least one, all different"),
        (["run", "contest", "--set", "seeds=(0, 100)"], "sweep_seeds and seeds share [100]"),
        (["run", "contest", "--set", "entries='ReLU'"], "entries must be a tuple"),
        (["run", "contest", "--set", "entries=('Siren',)"], "entries has ['Siren']; there are: ReLU"),
        (["run", "contest", "--set", "rates={'ReLU': ()}"], "rates of ReLU must be at least one"),
        (["run", "contest", "--set", "rates={'ReLU': (-1.0,)}"], "rates of ReLU must be positive"),
        (["run", TOY, "--resume", "--fresh"], "not allowed with"),
        ([], "required: command"),
    ],
)
def test_bad_commands_name_the_fix(arguments, message, capsys, tmp_path):
    with pytest.raises(SystemExit):
        command.main(arguments, home=tmp_path)
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_contest_itself_runs_from_here(tmp_path):
    small = [
        "--scale",
        "smoke",
        "--set",
        "seeds=(0,)",
        "--set",
        "entries=('ReLU',)",
        "--set",
        "rates={'ReLU': (1e-3,)}",
    ]
    assert command.main(["run", "contest", *small], home=tmp_path) == 0
    found = read(tmp_path, "contest_smoke_changed")
    assert [row["entry"] for row in found["rows"]] == ["ReLU"]
    assert found["settings"]["size"] == 16


def test_fresh_forgets_the_rows_of_a_contest_and_several_contests_are_all_told(tmp_path, capsys):
    small = ["--set", "seeds=(0,)", "--set", "entries=('ReLU',)", "--set", "rates={'ReLU': (1e-3,)}"]
    for more in ([], ["--fresh"]):
        assert command.main(["run", "contest", "--scale", "smoke", *small, *more], home=tmp_path) == 0
        assert "ReLU, lr 0.001, seed 0" in capsys.readouterr().err
    assert not list((tmp_path / "_build" / "lab" / "contest").rglob("*.json"))
    assert command.main(["sweep", "contest", "--scale", "smoke", "--over", "steps=3,4", *small], home=tmp_path) == 0
    found = read(tmp_path, "contest_smoke_changed")
    assert [(row["contest"], row["steps"][-1]) for row in found["rows"]] == [(0, 3), (1, 4)]
    assert [one["settings"]["steps"] for one in found["contests"]] == [3, 4]


def test_an_unknown_scale_of_the_environment_is_an_error_of_the_command(monkeypatch, capsys):
    monkeypatch.setenv("OTRECON_SCALE", "huge")
    with pytest.raises(SystemExit):
        command.main(["run", TOY])
    assert "OTRECON_SCALE is 'huge'" in capsys.readouterr().err


def test_the_command_of_a_result_can_be_pasted_and_names_no_folder(monkeypatch):
    arguments = ["--set", "entries=('ReLU', 'WIRE')", "/home/someone/state.json"]
    monkeypatch.setattr(sys, "argv", ["run.py", *arguments])
    found = provenance()
    assert shlex.split(found["command"])[-3:] == ["--set", "entries=('ReLU', 'WIRE')", "state.json"]
    assert "someone" not in json.dumps(found)
    commit = found["commit"]
    assert commit is None or len(commit.rstrip("+")) == 12


def test_a_table_shows_what_differs():
    rows = [{"a": 1, "b": "x", "c": 0.123456, "d": [1]}, {"a": 1, "b": "y", "c": None}]
    assert table(rows) == "b  c\nx  0.1235\ny\n"
    assert table([{"a": 1, "word": "x", "film": [1, 2]}]) == "a     1\nword  x\n"


def test_a_file_is_whole_or_untouched(tmp_path):
    path = tmp_path / "deep" / "one.json"
    write_json(path, {"a": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(path, {"a": float("nan")})
    assert json.loads(path.read_text(encoding="utf-8")) == {"a": 1}
    assert [file.name for file in path.parent.iterdir()] == ["one.json"]
