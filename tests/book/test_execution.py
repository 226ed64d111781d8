"""Chapters are measured, run again when and only when something they depend on changed, and fail loudly."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import nbformat
import pytest

from book._tools.execution import ChapterError, Executor, Run, environment_key, over_budget

ROOT = Path(__file__).resolve().parents[2]
JUPYTER_BOOK = Path(sys.executable).with_name("jupyter-book")


def notebook(*cells):
    content = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})
    content.cells = [nbformat.v4.new_code_cell(source) for source in cells]
    return content


@pytest.fixture
def sources(tmp_path):
    package = tmp_path / "package"
    package.mkdir()
    (package / "a.py").write_text("value = 1\n")
    (tmp_path / "constraints.txt").write_text("numpy==2\n")
    return tmp_path


def key(sources, scale="cpu", data=""):
    return environment_key(sources / "package", sources / "constraints.txt", scale, data=data)


def test_key_follows_everything_that_can_change_an_output(sources):
    keys = [key(sources), key(sources, scale="smoke"), key(sources, data="rat-cine")]
    (sources / "constraints.txt").write_text("numpy==3\n")
    keys.append(key(sources))
    (sources / "package" / "a.py").write_text("value = 2\n")
    keys.append(key(sources))
    (sources / "package" / "a.py").rename(sources / "package" / "b.py")
    keys.append(key(sources))
    assert len(set(keys)) == len(keys)
    (sources / "package" / "__pycache__").mkdir()
    (sources / "package" / "__pycache__" / "b.pyc").write_bytes(b"compiled")
    assert key(sources) == keys[-1]


def test_run_measures_and_collects_and_is_taken_from_the_cache(tmp_path):
    executor = Executor(tmp_path, "key", scale="smoke")
    chapter = notebook(
        "import json, os, time\nhoard = b'x' * 200_000_000\ntime.sleep(0.5)",
        "open(os.environ['OTRECON_CLAIMS'], 'a').write(json.dumps({'text': os.environ['OTRECON_SCALE']}) + chr(10))",
        "open(os.environ['OTRECON_GLUE'], 'a').write(json.dumps({'name': 'n', 'text': '1'}) + chr(10))",
    )
    run, executed = executor.run("part/one", chapter)
    assert executed
    assert 0.5 <= run.seconds < 60
    assert run.megabytes > 200
    assert run.claims == [{"text": "smoke"}]
    assert run.glue == [{"name": "n", "text": "1"}]
    again, executed = Executor(tmp_path, "key", scale="smoke").run("part/one", chapter)
    assert (again, executed) == (run, False)


def test_changed_code_runs_again_and_changed_prose_does_not(tmp_path):
    executor = Executor(tmp_path, "key", scale="smoke")
    chapter = notebook("print(1)")
    executor.run("one", chapter)
    chapter.cells.insert(0, nbformat.v4.new_markdown_cell("A sentence."))
    assert not executor.run("one", chapter)[1]
    chapter.cells[1].source = "print(2)"
    assert executor.run("one", chapter)[1]


def test_a_failing_chapter_is_an_error_with_its_traceback_and_is_not_cached(tmp_path):
    executor = Executor(tmp_path, "key", scale="smoke")
    for _ in range(2):
        with pytest.raises(ChapterError, match=r"(?s)one: .*1/0.*ZeroDivisionError"):
            executor.run("one", notebook("1/0"))


def test_old_environments_are_forgotten(tmp_path):
    for number in range(5):
        home = Executor(tmp_path, f"key{number}", scale="smoke").home
        os.utime(home, (number, number))
    assert len(list(tmp_path.iterdir())) <= 4


def test_budget_names_the_chapter_and_both_limits():
    run = Run("part/one", "key", "cpu", seconds=100.0, megabytes=1600.0, cores=2)
    complaints = over_budget([run], seconds=90, megabytes=1500)
    assert complaints == [
        "part/one took 100 s; its budget is 90 s",
        "part/one peaked at 1600 MB; its budget is 1500 MB",
    ]
    assert over_budget([run], seconds=90, megabytes=1500, factor=3) == []


CHAPTER = """\
---
file_format: mystnb
kernelspec:
  name: python3
  display_name: Python 3
---
# A chapter

```{code-cell} ipython3
import sys
sys.path.insert(0, PACKAGE_PARENT)
from drawn import figure
figure()
```
"""


@pytest.mark.book
def test_a_changed_function_changes_the_page_and_nothing_changed_runs_no_cell(tmp_path):
    package = tmp_path / "drawn"
    package.mkdir()
    book = tmp_path / "source"
    (book / "book" / "back").mkdir(parents=True)
    (book / "book" / "references.bib").write_text("")
    (book / "book" / "chapter.md").write_text(CHAPTER.replace("PACKAGE_PARENT", repr(str(tmp_path))))
    (book / "book" / "back" / "costs.md").write_text("# Costs\n\n```{chapter-costs}\n```\n")
    (book / "constraints.txt").write_text("")
    toc = """
        format: jb-book
        root: book/chapter
        chapters:
          - file: book/back/costs
        """
    (book / "_toc.yml").write_text(textwrap.dedent(toc))
    config = f"""
        title: A small book
        only_build_toc_files: true
        execute:
          execute_notebooks: cache
        repository:
          url: https://github.com/otrecon/otrecon
        html:
          baseurl: https://example.org/
        sphinx:
          recursive_update: true
          local_extensions:
            book._tools.extension: {ROOT}
          config:
            otrecon_package: {package}
            otrecon_constraints: {book / "constraints.txt"}
            mathjax3_config:
              tex:
                macros: {{}}
        """
    (book / "_config.yml").write_text(textwrap.dedent(config))

    def build(shown):
        (package / "__init__.py").write_text(f"def figure():\n    print('the figure shows', {shown!r})\n")
        command = [str(JUPYTER_BOOK), "build", str(book), "-n", "--keep-going"]
        environment = {**os.environ, "OTRECON_SCALE": "smoke", "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout, (book / "_build" / "html" / "book" / "chapter.html").read_text()

    log, page = build("circle")
    assert "book/chapter: executed" in log
    assert "the figure shows circle" in page
    log, page = build("circle")
    assert "book/chapter: taken from the cache" in log
    assert "executed" not in log.replace("jupyter_execute", "")
    assert "the figure shows circle" in page
    log, page = build("square")
    assert "book/chapter: executed" in log
    assert "the figure shows square" in page
    assert "shows circle" not in page
    assert "MB at scale" in page
