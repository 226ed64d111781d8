"""A book of one chapter, built as ours is: what stops the build, what is flagged, and what is never shown stale."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from book._tools.extension import files_of

pytestmark = pytest.mark.book

ROOT = Path(__file__).resolve().parents[2]
JUPYTER_BOOK = Path(sys.executable).with_name("jupyter-book")
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


class SmallBook:
    """One chapter that calls ``drawn.figure``, and the page of costs."""

    def __init__(self, folder):
        self.package = folder / "drawn"
        self.home = folder / "source"
        self.chapter = self.home / "book" / "chapter.md"
        self.package.mkdir()
        (self.home / "book" / "back").mkdir(parents=True)
        (self.home / "book" / "references.bib").write_text("")
        self.chapter.write_text(CHAPTER.replace("PACKAGE_PARENT", repr(str(folder))))
        (self.home / "book" / "back" / "costs.md").write_text("# Costs\n\n```{chapter-costs}\n```\n")
        (self.home / "constraints.txt").write_text("")
        toc = """
            format: jb-book
            root: book/chapter
            chapters:
              - file: book/back/costs
            """
        (self.home / "_toc.yml").write_text(textwrap.dedent(toc))
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
                otrecon_package: {self.package}
                otrecon_constraints: {self.home / "constraints.txt"}
                mathjax3_config:
                  tex:
                    macros: {{}}
            """
        (self.home / "_config.yml").write_text(textwrap.dedent(config))

    def draw(self, body):
        (self.package / "__init__.py").write_text(f"def figure():\n    {body}\n")

    def build(self, *options, scale="smoke"):
        """Return whether the build passed, and its log."""
        command = [str(JUPYTER_BOOK), "build", str(self.home), "-n", "--keep-going", *options]
        environment = {**os.environ, "OTRECON_SCALE": scale, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, check=False
        )
        return done.returncode == 0, done.stdout

    def page(self, name="chapter"):
        return (self.home / "_build" / "html" / "book" / f"{name}.html").read_text()

    @property
    def stamped(self):
        return (self.home / "_build" / "html" / "build.json").exists()

    def pretend(self, **measured):
        """Change what the build remembers of the chapter's run."""
        (record,) = (self.home / "_build" / "execution").glob("*/book.chapter.json")
        record.write_text(json.dumps({**json.loads(record.read_text()), **measured}))


@pytest.fixture
def book(tmp_path):
    return SmallBook(tmp_path)


def test_a_changed_function_changes_the_page_and_nothing_changed_runs_no_cell(book):
    def build(shown):
        book.draw(f"print('the figure shows', {shown!r})")
        passed, log = book.build()
        assert passed, log
        return log, book.page()

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


def test_a_false_claim_stops_the_build_but_not_at_smoke_scale(book):
    book.draw("from otrecon import show; return show.claim('Two is odd', 2 % 2 == 1, 0)")
    passed, log = book.build(scale="cpu")
    assert not passed
    assert "This claim does not hold: Two is odd [0]" in log
    assert not book.stamped
    passed, log = book.build(scale="smoke")
    assert passed, log
    assert "Claim recorded at smoke scale" in book.page()


def test_over_budget_is_flagged_and_far_over_budget_fails(book):
    book.draw("return 1")
    assert book.build()[0]
    assert book.stamped
    book.pretend(seconds=100.0, megabytes=1600.0)
    passed, log = book.build()
    assert passed, log
    last = "\n".join(log.splitlines()[-25:])
    assert "over budget: book/chapter took 100 s; its budget is 90 s" in last
    assert "over budget: book/chapter peaked at 1600 MB; its budget is 1500 MB" in last
    assert "Over budget: book/chapter took 100 s" in book.page()
    assert "over budget" in book.page("back/costs")
    book.pretend(seconds=271.0)
    passed, log = book.build()
    assert not passed
    assert "More than 3 times over budget: book/chapter took 271 s" in log
    assert not book.stamped


def test_a_warning_fails_the_next_build_too(book):
    book.draw("return 1")
    book.chapter.write_text(book.chapter.read_text() + "\n### A level is missing\n")
    for _ in range(2):
        passed, log = book.build("-W")
        assert not passed
        assert "[myst.header]" in log
        assert not book.stamped


def test_every_document_of_the_table_of_contents_is_found_however_deep():
    parts = [{"chapters": [{"file": "one", "sections": [{"file": "inner"}]}, {"file": "two"}]}, {"chapters": []}]
    assert list(files_of({"root": "top", "parts": parts})) == ["top", "one", "inner", "two"]
    assert list(files_of({"root": "top", "chapters": [{"file": "one"}, {"url": "https://x.org"}]})) == ["top", "one"]
