"""A scan of one's own, from the command line: what the file must be, which file a run belongs to, where results go."""

import dataclasses
import json
import shutil
from pathlib import Path

import pytest
import scipy.io

from otrecon.data import load_radial_cine, save_radial_cine
from otrecon.lab import __main__ as command
from otrecon.lab.experiments import digest
from otrecon.lab.files import REPOSITORY, _home
from otrecon.lab.heart import PLANS, HeartSettings
from otrecon.lab.heart import __main__ as practice
from otrecon.lab.heart.radial import _agreement, simulate

CONFIG = dataclasses.replace(PLANS["smoke"].config, coils=12)
KDATA = simulate(CONFIG)


def reconstruct(home, file, *more):
    over = ["--over", "method=gridding", "sampling=every frame"]
    arguments = ["sweep", "dynamic-radial", "--scale", "smoke", "--set", f"file={file}", *over, *more]
    return command.main(arguments, home=home)


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    return save_radial_cine(tmp_path_factory.mktemp("scan") / "mine.mat", KDATA)


def test_practice_is_a_scan_like_ones_own(tmp_path, capsys):
    path = tmp_path / "practice.mat"
    assert practice.main([str(path), "--scale", "smoke"]) == 0
    assert f"-> {path}: 5 frames of 20 spokes, 2 coils, 24 x 24 pixels" in capsys.readouterr().out
    assert load_radial_cine(path).kdata.shape == (5, 2, 20, 48)
    assert reconstruct(tmp_path, path) == 0
    told = capsys.readouterr()
    assert "practice.mat: 5 frames of 20 spokes, 2 coils, 24 x 24 pixels\n" in told.err
    assert "1 of 1: " in told.err


def test_practice_never_replaces_a_scan(scan, tmp_path, capsys):
    before = scan.read_bytes()
    for name, message in (
        (scan, "is there already, perhaps a scan of yours"),
        (tmp_path / "a.h5", "must be named .mat"),
    ):
        with pytest.raises(SystemExit):
            practice.main([str(name), "--scale", "smoke"])
        assert message in capsys.readouterr().err
    assert scan.read_bytes() == before


def test_all_spokes_of_an_undersampled_scan(tmp_path):
    few = save_radial_cine(tmp_path / "few.mat", KDATA[:, :, ::3])
    assert reconstruct(tmp_path, few, "--set", "acceleration=1") == 0
    (row,) = json.loads((tmp_path / "results" / "dynamic-radial_smoke_changed.json").read_text())["rows"]
    assert row["psnr_observed"] > 15
    with pytest.raises(ValueError, match="acceleration must be at least 2"):
        HeartSettings(data="rat", acceleration=1)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        (
            lambda data: {"kspace": data},
            "has no variable 'data'; it has kspace. Choose a file that holds it, or save it by",
        ),
        (
            lambda data: {"data": data[0]},
            "scan.mat has shape (5, 96, 20, 12, 2) and type float32; (1, frame, readout, ",
        ),
        (lambda data: {"data": data[..., 0] + 0j}, "(1, 5, 96, 20, 12) and type complex"),
        # The readout where coils should be, and no zeros around it.
        (
            lambda data: {"data": data.swapaxes(2, 4)},
            "from sample 0 to 11 of 12; only 3 to 8 is allowed, the rest being",
        ),
        (lambda data: {"data": data.swapaxes(2, 4)}, "Axes are (1, frame, readout, spoke, coil, 2). Choose a file as"),
        (
            lambda data: {"data": data[:, :, 24:72]},
            "or write your own with otrecon.data.save_radial_cine, from complex ",
        ),
        # Nothing but the data themselves tells spokes from coils.
        (
            lambda data: {"data": data.swapaxes(3, 4)},
            "the 12 spokes of a frame of scan.mat have 0% of the energy at the",
        ),
        (
            lambda data: {"data": data.swapaxes(3, 4)},
            "axes of data are in another order than (1, frame, readout, spoke, ",
        ),
        (
            lambda data: {"data": data[:, :, :, :9]},
            "9 spokes: at least 3 frames and 10 spokes are needed at acceleration",
        ),
        (lambda data: {"data": data[:, :, :, :9]}, "acceleration=1 takes all spokes."),
    ],
)
def test_a_file_that_holds_something_else_names_the_fix(variables, message, scan, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    scipy.io.savemat("scan.mat", variables(scipy.io.loadmat(scan)["data"]))
    assert reconstruct(tmp_path, "scan.mat") == 1
    told = capsys.readouterr()
    assert message in told.err
    assert not told.out


def test_the_acceleration_is_held_against_the_spokes_of_the_file_alone(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    save_radial_cine("scan.mat", simulate(dataclasses.replace(CONFIG, spokes=60)))
    acceleration = 25
    assert 2 * acceleration > CONFIG.spokes
    assert reconstruct(tmp_path, "scan.mat", "--set", f"acceleration={acceleration}") == 0
    assert reconstruct(tmp_path, "scan.mat", "--set", "acceleration=31") == 1
    assert "60 spokes: at least 3 frames and 62 spokes are needed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lambda _: None, "there is no file scan.mat. Check the path"),
        (lambda _: b"", "scan.mat is empty"),
        (lambda _: b"frame spoke coil\n" * 50, "scan.mat cannot be read (ValueError: Unknown mat file type"),
        (lambda _: b"frame spoke coil\n" * 50, "or of another format: copy or save it again."),
        (lambda scan: scan[:20_000], "It may be truncated"),
        (lambda scan: scan[:100], "It may be truncated"),
    ],
)
def test_a_file_that_is_none_names_the_fix(content, message, scan, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    if (broken := content(scan.read_bytes())) is not None:
        Path("scan.mat").write_bytes(broken)
    assert reconstruct(tmp_path, "scan.mat") == 1
    assert message in capsys.readouterr().err


def test_spokes_agree_in_the_middle_of_k_space_and_coils_do_not(scan):
    cine = load_radial_cine(scan)
    assert _agreement(cine) > 0.99
    swapped = dataclasses.replace(cine, kdata=cine.kdata.transpose(1, 2))
    assert _agreement(swapped) < 0.01


def test_another_file_under_the_same_name_is_another_run(scan, tmp_path, capsys):
    path = tmp_path / "scan.mat"
    found = []
    for kdata in (KDATA, 2 * KDATA):
        save_radial_cine(path, kdata)
        assert reconstruct(tmp_path, path) == 0
        found.append({one.stem for one in (tmp_path / "results" / "dynamic-radial").glob("*.json")})
        assert "finished before" not in capsys.readouterr().err
    assert [len(one) for one in found] == [1, 2]
    assert reconstruct(tmp_path, path) == 0
    assert "1 of 1 were finished before" in capsys.readouterr().err


def test_the_same_file_under_another_name_is_the_same_run(scan, tmp_path, monkeypatch):
    copy = Path(shutil.copy(scan, tmp_path / "copy.mat"))
    names = {digest("a", dataclasses.replace(CONFIG, file=str(path))) for path in (scan, copy)}
    monkeypatch.setenv("HOME", str(tmp_path))
    names.add(digest("a", dataclasses.replace(CONFIG, file="~/copy.mat")))
    assert len(names) == 1
    names |= {digest("a", CONFIG), digest("a", dataclasses.replace(CONFIG, file="none.mat"))}
    assert len(names) == 3


def test_results_are_where_one_stands_and_in_a_clone_at_its_top(tmp_path):
    assert _home(tmp_path) == tmp_path
    assert _home(REPOSITORY / "book") == REPOSITORY
    assert (REPOSITORY / "pyproject.toml").is_file()
