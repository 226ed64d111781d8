"""Results measured beforehand are found in the repository and in an installed package."""

import tomllib
from pathlib import Path

import pytest

from otrecon import lab
from otrecon.lab import stored

ROOT = Path(__file__).resolve().parents[2]


def test_every_result_says_where_it_comes_from():
    reports = [*ROOT.glob("results/*.json"), *ROOT.glob("results/benchmarks/*.json")]
    names = [path.relative_to(ROOT / "results").with_suffix("").as_posix() for path in reports]
    assert "benchmarks/toeplitz" in names
    for name in names:
        found = lab.results(name)
        assert found["rows"]
        assert {"command", "date", "cpu", "versions"} <= set(found["provenance"])


def test_an_installed_package_has_a_copy(tmp_path, monkeypatch):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "one.json").write_text('{"rows": [1]}')
    monkeypatch.setattr(stored, "_FOLDERS", (tmp_path / "nowhere", tmp_path))
    assert stored.results("sub/one") == {"rows": [1]}
    with pytest.raises(FileNotFoundError, match=r"no result 'two'; there are: sub/one\."):
        stored.results("two")


def test_the_wheel_carries_the_results_to_where_they_are_read():
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]["targets"]
    assert ROOT / wheel["wheel"]["force-include"]["results"] in stored._FOLDERS
    assert ROOT / "results" in stored._FOLDERS
