import inspect
import json
from pathlib import Path

import pytest

from book._tools import lint, myst, notebooks
from book._tools.address import Address
from book._tools.prose import bare_numbers, prose

ROOT = Path(__file__).resolve().parents[2]
HEADER = "---\nkernelspec:\n  name: python3\n  display_name: Python 3\n---\n"
OPENING = """
# A chapter

:::{admonition} What you will learn
Why a hole in k-space is not a hole in the image.
:::

:::{admonition} What you need
The chapter before.
:::

## A question
"""
ENDING = """
## What breaks: the mask without a centre

It fails, and this is why.

## Summary

One idea.

## Exercises

```{exercise} Predict
:label: ex-predict
What will halving do?
```

```{solution} ex-predict
:class: dropdown
It doubles.
```

## What this chapter replicates

Rows 000-E2 and 003-S.
"""
INSTALL = notebooks.install_cell(Address("someone", "otrecon", "main"))


def cell(code):
    return f"\n```{{code-cell}} ipython3\n{code}\n```\n"


def chapter(*, cells=15, code="x = 1", extra="", opening=OPENING, ending=ENDING, claim='show.claim("It holds", True)'):
    body = "".join(cell(code) for _ in range(cells - bool(claim))) + (cell(claim) if claim else "")
    return f"{HEADER}{opening}\n{INSTALL}\n{body}\n{extra}\n{ending}"


@pytest.fixture
def complaints(tmp_path):
    (tmp_path / "book" / "part").mkdir(parents=True)

    def run(text, name="part/one.md"):
        path = tmp_path / "book" / name
        path.write_text(text)
        return [what for _, what in lint.lint(path, tmp_path)]

    return run


def test_a_good_chapter_passes(complaints):
    assert complaints(chapter()) == []
    assert complaints(chapter(cells=25)) == []


SOLUTION = (
    "```{{exercise-start}}\n:label: ex-b\n```\nA.\n```{{exercise-end}}\n```\n"
    "```{{solution-start}} ex-b\n:class: dropdown\n```\n{}```{{solution-end}}\n```\n"
)
HIDDEN = ":tags: [hide-input]\n"
SEVEN = "\n".join(["x = 1"] * 7)

# What each rule refuses, and what it says.
REFUSED = {
    "too few cells": (chapter(cells=14), "14 code cells"),
    "too many cells": (chapter(cells=26), "26 code cells"),
    "long median": (chapter(code="\n".join(["x = 1"] * 7)), "the median cell has 7 statements"),
    "long line": (chapter(extra=cell("x = " + "1" * 89)), "this line of code has 93 characters"),
    "long line in a solution": (
        chapter(extra=SOLUTION.format(cell("x = " + "1" * 89))),
        "this line of code has 93 characters",
    ),
    "long cell": (chapter(extra=cell("\n".join(["x = 1"] * 31))), "this cell has 31 lines"),
    "no opening": (chapter(opening="\n# A chapter\n\n## A\n\n## B\n"), "no block 'What you will learn'"),
    "no needs": (chapter(opening=OPENING.replace("What you need", "Before")), "no block 'What you need'"),
    "late opening": (
        chapter(opening="\n# A chapter\n\n## A\n\n## B\n" + OPENING.replace("# A chapter", "")),
        "no block 'What you will learn'",
    ),
    "no summary": (chapter(ending=ENDING.replace("## Summary", "## So")), "no section for its summary"),
    "no exercises": (chapter(ending=ENDING.replace("## Exercises", "## Ask")), "no section for its exercises"),
    "no rows": (chapter(ending=ENDING.replace("replicates", "owes")), "no section for its rows"),
    "no row id": (chapter(ending=ENDING.replace("000-E2 and 003-S", "many")), "no row id"),
    "wrong row id": (chapter(ending=ENDING.replace("003-S", "005-E1")), "'005-E1' is no row"),
    "wrong order": (
        chapter(
            ending=ENDING.replace("## Summary", "## X")
            .replace("## Exercises", "## Summary")
            .replace("## X", "## Exercises")
        ),
        "closes with",
    ),
    "more after the end": (chapter(ending=ENDING + "\n## One more thing\n"), "closes with"),
    "nothing breaks": (chapter(ending=ENDING.replace("What breaks", "What works")), "What breaks"),
    "no exercise": (chapter(ending=ENDING.replace("{exercise}", "{note}")), "no {exercise}"),
    "no solution": (chapter(ending=ENDING.replace("{solution} ex-predict", "{note}")), "has no solution"),
    "solution of nothing": (
        chapter(ending=ENDING.replace("{solution} ex-predict", "{solution} ex")),
        "a solution to 'ex'",
    ),
    "open solution": (chapter(ending=ENDING.replace(":class: dropdown\n", "")), "fold it"),
    "exercise without label": (chapter(ending=ENDING.replace(":label: ex-predict\n", "")), "has no :label:"),
    "no claim": (chapter(claim=""), "no show.claim"),
    "claim that shows no box": (chapter(extra=cell('show.claim("A", True)\nx = 1')), "shows no box"),
    "figure without alt": (chapter(extra=cell("show.figure(f)")), "show.figure without alt="),
    "imported figure without alt": (
        chapter(extra=cell("from otrecon.show import images as pictures\npictures([x])")),
        "show.images without alt=",
    ),
    "short alt": (chapter(extra=cell('show.figure(f, alt="plot")')), "says too little"),
    "interact": (chapter(extra=cell("widgets.interact(f, x=3)")), "interact is dead"),
    "interact as decorator": (chapter(extra=cell("@interact(x=3)\ndef f(x):\n    return x")), "interact is dead"),
    "plt.show": (chapter(extra=cell("plt.show()")), "plt.show"),
    "not Python": (chapter(extra=cell("x = = 1")), "not Python"),
    "nested code cell": (chapter(extra=":::{note}\n```{code-cell}\nx = 1\n```\n:::"), "inside a directive is not run"),
    "bare number": (chapter(extra="It gains 3.1 dB."), "the bare number '3.1 dB'"),
    "bare number in a note": (chapter(extra=":::{note}\nIt gains 12%.\n:::"), "the bare number '12%'"),
    "bare number in a solution": (
        chapter(ending=ENDING.replace("It doubles.", "It takes 48 steps.")),
        "the bare number '48'",
    ),
    "empty phrase": (chapter(extra="It is important\nto say: we Delve into it."), "'delve'"),
    "open fence": (chapter(extra="```{note}\nA."), "never closed"),
}


@pytest.mark.parametrize(("text", "message"), REFUSED.values(), ids=REFUSED)
def test_each_rule_refuses(complaints, text, message):
    found = complaints(text)
    assert any(message in what for what in found), found


ACCEPTED = {
    "alt": cell('show.figure(f, alt="A disc, bright in its middle.")'),
    "alt from a variable": cell("show.images([x], alt=words)"),
    "slider": cell("show.slider(f, x=[1, 2])"),
    "shell and magic": cell("%matplotlib inline\n!ls\nx = 1"),
    "claims displayed": cell('display(show.claim("A", True), show.claim("B", True))\nx = 1'),
    "claim kept": cell('made = show.claim("A", True)\nmade'),
    "long but blank": cell("\n\n".join(["x = 1"] * 25)),
    "gated exercise": SOLUTION.format(cell("x = 1")),
    "long line that is folded": cell(HIDDEN + "x = " + "1" * 89),
    "line of the full width": cell("x = " + "1" * 88),
    "figure of something else": cell("plt.figure(3)\nother.mask(x)"),
}


@pytest.mark.parametrize("extra", ACCEPTED.values(), ids=ACCEPTED)
def test_what_is_fine_passes(complaints, extra):
    assert complaints(chapter(extra=extra)) == []


@pytest.mark.parametrize(
    "code",
    [
        HIDDEN + SEVEN,
        ":tags: [remove-cell, hide-input]\n" + SEVEN,
        "x = f(\n" + "    1,\n" * 6 + ")",
    ],
    ids=["folded", "removed", "one statement on eight lines"],
)
def test_the_median_counts_thoughts_that_are_read(complaints, code):
    assert complaints(chapter(code=code)) == []


def test_the_median_passes_over_solutions(complaints):
    some = chapter(cells=10, code=SEVEN, extra=SOLUTION.format(cell("x = 1") * 11))
    assert any("the median cell has 7 statements" in what for what in complaints(some))
    solved = chapter(cells=10, extra=SOLUTION.format(cell(SEVEN) * 11))
    assert complaints(solved) == []


def test_further_reading_may_follow(complaints):
    assert complaints(chapter(ending=ENDING + "\n## Further reading\n\nMore.\n")) == []


def test_a_page_that_is_no_chapter_answers_for_its_prose_alone(complaints):
    assert complaints("# Welcome\n\nIt has words.\n", "welcome.md") == []
    assert complaints(HEADER + "# Welcome\n" + cell("x = 1"), "welcome.md") == []
    assert len(complaints("# Welcome\n\nIt takes 15 minutes.\n", "welcome.md")) == 1


def test_committed_outputs(complaints, tmp_path):
    notebook = {"cells": [{"cell_type": "code", "outputs": [], "execution_count": None}]}
    (tmp_path / "book" / "part" / "one.ipynb").write_text(json.dumps(notebook))
    assert complaints(chapter()) == []
    notebook["cells"][0]["outputs"] = [{"output_type": "stream", "text": "x"}]
    (tmp_path / "book" / "part" / "one.ipynb").write_text(json.dumps(notebook))
    assert complaints(chapter()) == ["one.ipynb holds outputs (cell 1); run `make notebooks`"]


def test_the_answer_names_file_and_line(tmp_path, capsys):
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "welcome.md").write_text("# Welcome\n\nTwo lines,\nand 3.5 px.\n")
    assert lint.main([], tmp_path) == 1
    assert capsys.readouterr().out.startswith(
        "book/welcome.md:4: the bare number '3.5 px' in prose; compute it with show.glue"
    )
    (tmp_path / "book" / "welcome.md").write_text("# Welcome\n\nTwo lines.\n")
    assert lint.main([], tmp_path) == 0


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("gains 3.1 dB", ["3.1 dB"]),
        ("loses −0.4\u00a0dB", ["−0.4\u00a0dB"]),
        ("12% or 12 percent", ["12%", "12 percent"]),
        ("64 spokes", ["64"]),
        ("1,234 points", ["1,234"]),
        ("2048 px", ["2048 px"]),
        ("a 3 T scanner", ["3 T"]),
        ("a 3T scanner", ["3T"]),
        ("5 times, 3-fold", ["5 times", "3-fold"]),
        ("to 1e-3", ["1e-3"]),
        ("R = 2.5", ["2.5"]),
        (".5 of it", [".5"]),
        ("256×256", ["256×", "256"]),
        ("90° apart", ["90°"]),
    ],
)
def test_numbers_that_are_bare(words, found):
    assert bare_numbers(words) == found


@pytest.mark.parametrize(
    "words",
    [
        "in 2019, the 1990s and 1999–2003",
        "T1, T2, B0, L1-wavelet, float64, H200, W1D4",
        "2-D, 3D and 2‑D",
        "000-E2, 003-S and 000-T1b",
        "the 19th century, the 1st",
        "CC BY 4.0, BSD-3-Clause",
        "two coils, 2 coils, k = 8, 1/2",
        "Python 3.11",
    ],
)
def test_numbers_that_are_names(words):
    assert bare_numbers(words) == []


@pytest.mark.parametrize(
    "source",
    [
        "`12` and ``3.4``",
        "$x = 12$ and $$y = 3.4$$",
        "$$\nx = 12\n$$",
        "```\n12.5\n```",
        "```{code-block} python\nx = 12.5\n```",
        "```{math}\n12.5\n```",
        "{const}`42.58 MHz/T` and {glue:text}`psnr_12` and {cite:p}`ong2019,x12`",
        "[words](https://example.org/12.5) <https://example.org/12.5> https://example.org/12",
        "[words](page-12.md#part-34)",
        "## Part 12",
        "```{figure} a-12.png\n:alt: 12 px\n:width: 300px\n```",
        "![words](a-12.png){width=50%}",
        "| a |\n|--:12|\n".replace("12", ""),
        "12. the twelfth item",
        "% 12.5 in a comment",
        "(label-12)=",
        "<span style='width: 12.5px'>words</span>",
        "arXiv:1907.12345 and doi:10.1002/mrm.1910380414",
        "```{admonition} The 12.5 dB\nWords.\n```",
    ],
)
def test_what_is_no_prose(source):
    assert [number for _, words in prose(source, "x.md") for number in bare_numbers(words)] == []


@pytest.mark.parametrize(
    "source",
    [
        "- item with 12.5",
        "> quoted 12.5",
        "[12.5](page.md)",
        "| cell | 12.5 |",
        "**12.5** and *x*",
        "```{figure} a.png\nCaption 12.5\n```",
        "```{note} Opening 12.5\n```",
        ":::{margin}\n12.5\n:::",
        "a `code` 12.5 `code`",
        "a $x$ 12.5 $y$",
        "![alt with 12.5](a.png)",
    ],
)
def test_what_is_prose(source):
    assert [number for _, words in prose(source, "x.md") for number in bare_numbers(words)] == ["12.5"]


def test_lines_are_kept_where_things_are_removed():
    source = "one {const}`1\n2` three\n12 and `a\nb` 13\n"
    found = [(line, number) for line, words in prose(source, "x.md") for number in bare_numbers(words)]
    assert found == [(3, "12"), (4, "13")]


def test_every_function_that_requires_alt_is_looked_at():
    show = pytest.importorskip("otrecon.show")
    functions = {name: getattr(show, name) for name in show.__all__ if inspect.isfunction(getattr(show, name))}
    signatures = {name: inspect.signature(function).parameters for name, function in functions.items()}
    required = {
        name
        for name, parameters in signatures.items()
        if "alt" in parameters and parameters["alt"].default is inspect.Parameter.empty
    }
    assert required == lint.NEED_ALT


@pytest.mark.parametrize("path", myst.pages(ROOT), ids=lambda path: path.stem)
def test_the_real_pages_obey(path):
    assert [f"{path.name}:{line}: {what}" for line, what in lint.lint(path)] == []
