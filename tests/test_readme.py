"""The first page that a newcomer reads: its code runs, its links lead somewhere, no chapter is missing."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from book._tools.address import read_address

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
COMMANDS = re.findall(r"^```sh\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def _chapters():
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    files = [toc["root"], *(chapter["file"] for part in toc["parts"] for chapter in part["chapters"])]
    return [name for name in files if not name.startswith("book/back/")]


def test_there_is_code_to_run():
    assert (len(BLOCKS), len(COMMANDS)) == (3, 1)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """A folder in which somebody typed the commands, small ones, and what they were told."""
    folder, programs = tmp_path_factory.mktemp("fresh"), tmp_path_factory.mktemp("programs")
    python = programs / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "OTRECON_SCALE": "smoke",
    }
    run = subprocess.run(
        ["bash", "-e", "-c", COMMANDS[0]], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return folder, run.stdout


def test_commands_lead_to_movies_where_one_stands(fresh):
    folder, told = fresh
    assert {path.name for path in folder.iterdir()} >= {"practice.mat", "results"}
    movies = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("results/**/*.gif"))
    assert len(movies) == 2
    assert all(movie in told for movie in movies)


@pytest.mark.parametrize("block", BLOCKS)
def test_code_runs_as_it_stands(block, fresh):
    run = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{block}"],
        cwd=fresh[0],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert re.search(r"converged[=:] ?True", run.stdout)
    assert all((fresh[0] / name).is_file() for name in re.findall(r'save_movie\([^"]*"([^"]+)"', block))


@pytest.mark.parametrize("docname", _chapters())
def test_every_chapter_has_its_page_its_binder_and_its_colab(docname):
    address = read_address(ROOT)
    place = f"{address.owner}/{address.name}"
    (row,) = (line for line in TEXT.splitlines() if f"{address.site}{docname}.html" in line)
    assert f"https://mybinder.org/v2/gh/{place}/{address.branch}?urlpath=lab/tree/{docname}.ipynb" in row
    assert f"https://colab.research.google.com/github/{place}/blob/gh-pages/_colab/{Path(docname).name}.ipynb" in row


def test_rows_are_in_the_order_of_the_book():
    positions = [TEXT.index(f"{name}.html") for name in _chapters()]
    assert positions == sorted(positions)
    assert [int(number) for number in re.findall(r"^\| (\d+) \|", TEXT, re.MULTILINE)] == [
        *range(1, len(positions) + 1)
    ]


def test_pictures_and_files_that_it_names_are_there():
    local = re.findall(r'(?:src|srcset)="([^":]+)"|\]\((?!https?:)([^)#]+)\)', TEXT)
    names = {name for pair in local for name in pair if name}
    assert {"book/_static/readme-light.png", "book/_static/readme-dark.png", "CONTRIBUTING.md", "LICENSE"} <= names
    assert [name for name in sorted(names) if not (ROOT / name).is_file()] == []


def test_set_up_is_two_commands():
    (shell,) = (text for kind, text in re.findall(r"^```(\w*)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL) if not kind)
    assert [line.split("#")[0].split() for line in shell.splitlines()] == [["make", "book"], ["make", "test"]]
