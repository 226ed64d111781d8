"""The first page that a newcomer reads: its code runs, its links lead somewhere, no chapter is missing."""

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


def _chapters():
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    files = [toc["root"], *(chapter["file"] for part in toc["parts"] for chapter in part["chapters"])]
    return [name for name in files if not name.startswith("book/back/")]


def test_there_is_code_to_run():
    assert len(BLOCKS) == 2


@pytest.mark.parametrize("block", BLOCKS)
def test_code_runs_as_it_stands(block, tmp_path):
    run = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{block}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert re.search(r"converged[=:] ?True", run.stdout)


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
