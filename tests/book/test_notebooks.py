import importlib.metadata
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from book._tools import address, myst, notebooks

ROOT = Path(__file__).resolve().parents[2]
HEADER = """---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---
"""
PAGE = (
    HEADER
    + """
(a-label)=
# A chapter

Some words.

```{code-cell} ipython3
:tags: [hide-input]

x = 1
```

:::{note}
```{code-block} python
not_a_cell = 1
```
:::

```{code-cell} ipython3
x + 1
```

```{code-cell} ipython3
x + 1
```
"""
)


@pytest.fixture
def root(tmp_path):
    (tmp_path / "book" / "part").mkdir(parents=True)
    config = "repository:\n  url: https://github.com/someone/otrecon\n  branch: main\n"
    (tmp_path / "_config.yml").write_text(config)
    (tmp_path / "book" / "part" / "one.md").write_text(PAGE)
    (tmp_path / "book" / "part" / "plain.md").write_text("# No notebook\n")
    return tmp_path


def test_sync_writes_a_notebook_without_outputs(root):
    assert [path.name for path in notebooks.sync(root)] == ["one.md", "one.ipynb"]
    notebook = json.loads((root / "book" / "part" / "one.ipynb").read_text())
    assert [cell["cell_type"] for cell in notebook["cells"]] == ["markdown", "code", "code", "markdown", "code", "code"]
    assert notebook["cells"][1]["metadata"] == {"tags": ["remove-cell"]}
    assert "https://github.com/someone/otrecon.git@main" in "".join(notebook["cells"][1]["source"])
    assert notebook["cells"][2] == {
        "cell_type": "code",
        "execution_count": None,
        "id": notebook["cells"][2]["id"],
        "metadata": {"tags": ["hide-input"]},
        "outputs": [],
        "source": ["x = 1"],
    }
    assert notebook["metadata"] == {"kernelspec": notebooks.KERNELSPEC, "language_info": {"name": "python"}}
    assert not (root / "book" / "part" / "plain.ipynb").exists()


def test_the_same_source_gives_the_same_bytes(root):
    notebooks.sync(root)
    first = (root / "book" / "part" / "one.ipynb").read_bytes()
    (root / "book" / "part" / "one.ipynb").unlink()
    notebooks.sync(root)
    assert (root / "book" / "part" / "one.ipynb").read_bytes() == first
    assert notebooks.sync(root) == []


def test_ids_are_unique_and_survive_an_edit_elsewhere():
    before = notebooks.cell_ids(["a", "b", "b", "c"])
    after = notebooks.cell_ids(["a, edited", "b", "b", "c"])
    assert len(set(before)) == 4
    assert before[1:] == after[1:]
    assert before[0] != after[0]


def test_check_names_what_is_out_of_step(root, capsys):
    notebooks.sync(root)
    assert notebooks.main(["check"], root) == 0
    source = root / "book" / "part" / "one.md"
    source.write_text(source.read_text() + "\nOne more sentence.\n")
    assert notebooks.main(["check"], root) == 1
    assert capsys.readouterr().out == "book/part/one.ipynb: out of step; run `make notebooks`\n"
    assert notebooks.main(["sync"], root) == 0
    assert notebooks.main(["check"], root) == 0


def test_a_notebook_whose_chapter_is_gone_is_removed(root):
    notebooks.sync(root)
    (root / "book" / "part" / "one.md").unlink()
    assert notebooks.out_of_step(root) == [root / "book" / "part" / "one.ipynb"]
    notebooks.sync(root)
    assert not (root / "book" / "part" / "one.ipynb").exists()


def test_the_install_cell_is_renewed_in_place(root):
    source = root / "book" / "part" / "one.md"
    notebooks.sync(root)
    synced = source.read_text()
    source.write_text(synced.replace(notebooks.INSTALL_MARK, "# An older wording."))
    notebooks.sync(root)
    assert source.read_text() == synced
    (root / "_config.yml").write_text("repository:\n  url: https://github.com/other/otrecon\n  branch: dev\n")
    notebooks.sync(root)
    assert source.read_text() == synced.replace("someone/otrecon.git@main", "other/otrecon.git@dev")


def test_a_page_without_code_gets_no_install_cell(root):
    text = HEADER + "\n# Words alone\n"
    assert notebooks.with_install_cell(text, "x.md", address.read_address(root)) == text


def run_install_cell(monkeypatch, *, there):
    """Run the cell on a machine where the named packages, with made-up versions, are installed."""
    commands = []
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object() if name in there else None)
    monkeypatch.setattr(importlib.metadata, "version", lambda name: there[name])
    monkeypatch.setattr(subprocess, "run", lambda command, check: commands.append((command, check)))
    exec(notebooks.install_source(address.Address("someone", "otrecon", "main")), {})  # noqa: S102
    return commands


def test_the_install_cell_does_nothing_where_otrecon_is_installed(monkeypatch):
    assert run_install_cell(monkeypatch, there={"otrecon": "0.1.0", "torch": "2.6.0", "numpy": "2.0.2"}) == []


def test_the_install_cell_holds_numpy_and_torch_where_they_are(monkeypatch):
    [(command, check)] = run_install_cell(monkeypatch, there={"torch": "2.6.0+cu124", "numpy": "2.0.2"})
    package = "otrecon[notebook] @ git+https://github.com/someone/otrecon.git@main"
    assert command == [sys.executable, "-m", "pip", "install", "--quiet", package, "numpy==2.0.2", "torch==2.6.0+cu124"]
    assert check is True


def test_our_reader_sees_the_cells_that_jupytext_sees():
    jupytext = pytest.importorskip("jupytext")
    theirs = [cell.source for cell in jupytext.reads(PAGE, fmt="md:myst").cells if cell.cell_type == "code"]
    assert [cell.text.strip("\n") for cell in notebooks.code_cells(PAGE, "x.md")] == theirs


def test_an_open_fence_is_named_with_its_line(root, capsys):
    (root / "book" / "part" / "one.md").write_text(HEADER + "\n# A\n\n```{code-cell}\nx = 1\n")
    assert notebooks.main(["check"], root) == 1
    assert "one.md:14: the fence ```{code-cell} is never closed; add ```" in capsys.readouterr().err


REAL = myst.notebooks(ROOT)


@pytest.mark.skipif(not REAL, reason="the book has no chapters yet")
def test_the_chapters_and_their_notebooks_are_in_step():
    assert [str(path.relative_to(ROOT)) for path in notebooks.out_of_step(ROOT)] == []


@pytest.mark.parametrize("path", REAL, ids=lambda path: path.stem)
def test_our_reader_sees_what_jupytext_sees_in_the_real_chapters(path):
    jupytext = pytest.importorskip("jupytext")
    text = path.read_text(encoding="utf-8")
    theirs = [cell.source for cell in jupytext.reads(text, fmt="md:myst").cells if cell.cell_type == "code"]
    assert [cell.text.strip("\n") for cell in notebooks.code_cells(text, path)] == theirs
