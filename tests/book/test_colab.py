from pathlib import Path

import nbformat
import pytest

from book._tools import colab, myst
from book._tools.bibliography import read_references
from book._tools.myst import MystError

ROOT = Path(__file__).resolve().parents[2]
HEADER = "---\nkernelspec:\n  name: python3\n  display_name: Python 3\nsubstitutions:\n  scanner: the *scanner*\n---\n"
BIB = r"""
@article{one2019, author = {Ong, Frank}, title = {The {SigPy} way}, journal = {J. Things}, volume = {3}, number = {2},
 pages = {1--9}, year = {2019}, doi = {10.1000/x}}
@article{two2014, author = {Uecker, Martin and M{\"u}ller, J. K.}, title = {Maps}, year = {2014}, eprint = {1234.5678}}
@book{many, author = {van der Berg, A. and B, C. and D, E.}, title = {Book}, publisher = {Press}, year = {2001}}
"""
SITE = "https://someone.github.io/otrecon/"


@pytest.fixture
def convert(tmp_path):
    (tmp_path / "book" / "part").mkdir(parents=True)
    (tmp_path / "book" / "references.bib").write_text(BIB)
    (tmp_path / "book" / "part" / "other.md").write_text(
        "# The other {math}`k`-space\n\n(deep-label)=\n## A deep part\n"
    )

    def run(body, *, glue=None, labels=None, macros=None, header=HEADER):
        path = tmp_path / "book" / "part" / "one.md"
        path.write_text(header + body)
        return colab.to_colab(
            path,
            glue=glue or {},
            labels=labels or {},
            site_url=SITE,
            macros=macros or {},
            bibliography=tmp_path / "book" / "references.bib",
            root=tmp_path,
        )

    return run


def markdown(notebook):
    """Text cells after the opening one."""
    return "\n\n".join(cell.source for cell in notebook.cells[1:] if cell.cell_type == "markdown")


ADMONITION = """:::{note}
Some words.
:::
"""
CASES = {
    "note": (ADMONITION, "> **Note**\n>\n> Some words."),
    "words on the opening line": ("```{tip} First words\nand more.\n```\n", "> **Tip**\n>\n> First words\n> and more."),
    "own title": (":::{admonition} What {math}`k` is\n:class: tip\nA.\n:::", "> **What $k$ is**\n>\n> A."),
    "warning in a list": ("- item\n\n  :::{warning}\n  Hot.\n  :::\n", "- item\n\n  > **Warning**\n  >\n  > Hot."),
    "nested": (
        "::::{note}\nA.\n\n:::{hint}\nB.\n\n```{code-block} python\nx = 1  # (label)=\n```\n:::\n::::",
        "> **Note**\n>\n> A.\n>\n> > **Hint**\n> >\n> > B.\n> >\n> > ```python\n> > x = 1  # (label)=\n> > ```",
    ),
    "backticks in backticks": ("````{note}\n```{math}\nx\n```\n````", "> **Note**\n>\n> $$\n> x\n> $$"),
    "margin": ("```{margin}\nBy the way.\n```", "> **Aside**\n>\n> By the way."),
    "dropdown": (
        ":::{dropdown} Why\nSo.\n:::",
        "<details>\n<summary><b>Why</b></summary>\n\nSo.\n\n</details>",
    ),
    "folded admonition": (
        ":::{note}\n:class: dropdown\nSo.\n:::",
        "<details>\n<summary><b>Note</b></summary>\n\nSo.\n\n</details>",
    ),
    "exercise and solution": (
        "```{exercise} Predict\n:label: ex-a\nWhat?\n```\n\n```{solution} ex-a\n:class: dropdown\nThis.\n```",
        (
            "> **Exercise 1 (Predict)**\n>\n> What?\n\n"
            "<details>\n<summary><b>Solution to Exercise 1</b></summary>\n\nThis.\n\n</details>"
        ),
    ),
    "theorem": (":::{prf:theorem} Brenier\nA map.\n:::", "> **Theorem (Brenier)**\n>\n> A map."),
    "yaml options": ("```{note}\n---\nclass: wide\n---\nA.\n```", "> **Note**\n>\n> A."),
    "figure": (
        "```{figure} ../_static/a.png\n:alt: A disc\n:name: fig-a\nA *disc*.\n```\n\nIn {numref}`fig-a`.",
        f"![A disc]({SITE}_images/a.png)\n\n**Figure 1.** A *disc*.\n\nIn [Figure 1]({SITE}book/part/one.html#fig-a).",
    ),
    "math directive": ("```{math}\n:label: eq-a\nx = 1\n```", "$$\nx = 1\n$$"),
    "labelled math": (
        "$$\nx = 1\n$$ (eq-b)\n\n{eq}`eq-b`",
        f"$$\nx = 1\n$$\n\n[this equation]({SITE}book/part/one.html#eq-b)",
    ),
    "one-line math": ("$$x = 1$$ (eq-c)", "$$\nx = 1\n$$"),
    "amsmath": ("\\begin{align}\na &= b \\label{e}\n\\end{align}", "$$\n\\begin{align}\na &= b \n\\end{align}\n$$"),
    "inline math stays": ("a $x_{i}$ and ${y}`$ b", "a $x_{i}$ and ${y}`$ b"),
    "code stays": ("`{role}` and ``a `{b}` c`` d", "`{role}` and ``a `{b}` c`` d"),
    "code fence stays": ("```python\n% x\n(a)=\n{{ b }}\n```", "```python\n% x\n(a)=\n{{ b }}\n```"),
    "target and comment": ("(a-label)=\n## Title\n% hidden\nWords.", "## Title\nWords."),
    "const": ("at {const}`42.58 MHz/T` and", "at 42.58 MHz/T and"),
    "math role": ("{math}`x^2` and", "$x^2$ and"),
    "code role": ("{py:func}`~otrecon.mri.cg` and {code}`x`", "`cg` and `x`"),
    "sub and sup": ("T{sub}`2`{sup}`*`", "T<sub>2</sub><sup>*</sup>"),
    "link to a page": ("[there](other.md#deep-label)", f"[there]({SITE}book/part/other.html#deep-label)"),
    "link to a label": ("(here)=\n# Title\n[words](#here)", f"# Title\n[words]({SITE}book/part/one.html#here)"),
    "link without words": ("[](other.md)", f"[The other k-space]({SITE}book/part/other.html)"),
    "link outside": ('[a](https://example.org/x_(y "t")', '[a](https://example.org/x_(y "t")'),
    "doc": ("{doc}`other` {doc}`/book/part/other`", " ".join([f"[The other k-space]({SITE}book/part/other.html)"] * 2)),
    "doc with words": ("{doc}`that one <other>`", f"[that one]({SITE}book/part/other.html)"),
    "image attributes": ("![alt](x.png){width=50%}", f"![alt]({SITE}_images/x.png)"),
    "block attributes": ("{.wide #x}\nWords.", "Words."),
    "substitution": ("In {{ scanner }}.", "In the *scanner*."),
    "footnote": ("Word[^a].\n\n[^a]: The note.", "Word<sup>a</sup>.\n\n<sup>a</sup> The note."),
    "definition list": ("Term\n: What it is.", "**Term**\n\nWhat it is."),
    "glossary": ("```{glossary}\nBlur\n  A length.\n```", "**Blur**\n\nA length."),
    "list table": (
        "```{list-table} Caption\n:header-rows: 1\n* - A\n  - B\n* - 1\n  - {const}`2`\n```",
        "**Caption**\n\n| A | B |\n| --- | --- |\n| 1 | 2 |",
    ),
    "grid and cards": ("::::{grid} 2\n:::{grid-item-card} One\nA.\n:::\n::::", "**One**\n\nA."),
    "dropped": ("```{tableofcontents}\n```\nA.", "A."),
    "rubric": ("```{rubric} Aside\n```", "**Aside**"),
}


@pytest.mark.parametrize(("body", "expected"), CASES.values(), ids=CASES)
def test_each_construct(convert, body, expected):
    notebook = convert(body + "\n")
    assert markdown(notebook) == expected
    assert colab.has_raw_myst(notebook) == []


def test_glued_numbers(convert):
    glue = {"psnr": "31.4\u00a0dB", "ratio": "0.5"}
    assert (
        markdown(convert("It gains {glue:text}`psnr`, {glue:text}`ratio:.2f`.", glue=glue))
        == "It gains 31.4\u00a0dB, 0.50."
    )
    with pytest.raises(MystError, match=r"one\.md:8: the number 'lost' is not glued"):
        convert("It gains {glue:text}`lost`.", glue=glue)
    with pytest.raises(MystError, match="cannot format"):
        convert("{glue:text}`psnr:.2f`", glue=glue)


def test_citations_and_their_list(convert):
    notebook = convert("As {cite:t}`one2019` says {cite:p}`two2014,many`; again {cite}`one2019`.")
    two, many = "[Uecker and Müller, 2014](#ref-two2014)", "[van der Berg et al., 2001](#ref-many)"
    assert notebook.cells[1].source == (
        f"As [Ong (2019)](#ref-one2019) says ({two}; {many}); again ([Ong, 2019](#ref-one2019))."
    )
    doi = "[doi:10.1000/x](https://doi.org/10.1000/x)"
    assert notebook.cells[-1].source.split("\n") == [
        "## References",
        "",
        f'- <a name="ref-one2019"></a>Ong F. (2019). The SigPy way. *J. Things*, 3(2), 1–9. {doi}',
        '- <a name="ref-two2014"></a>Uecker M., Müller J. K. (2014). Maps. [arXiv:1234.5678](https://arxiv.org/abs/1234.5678)',
        '- <a name="ref-many"></a>van der Berg A., B C., D E. (2001). Book. *Press*',
    ]


def test_labels_lead_to_the_site(convert):
    labels = {
        "deep-label": f"{SITE}book/part/other.html#deep-label",
        "eq-x": (f"{SITE}book/part/other.html#eq-x", "(3)"),
        "fig-x": (f"{SITE}book/part/other.html#fig-x", "Figure 7"),
        "blur": f"{SITE}book/back/glossary.html#term-blur",
    }
    text = markdown(
        convert(
            "{ref}`deep-label`, {ref}`words <deep-label>`, {eq}`eq-x`, {numref}`Fig. %s <fig-x>`, {term}`blur`",
            labels=labels,
        )
    )
    assert text == (
        f"[A deep part]({SITE}book/part/other.html#deep-label), [words]({SITE}book/part/other.html#deep-label), "
        f"[(3)]({SITE}book/part/other.html#eq-x), [Fig. 7]({SITE}book/part/other.html#fig-x), "
        f"[blur]({SITE}book/back/glossary.html#term-blur)"
    )


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("\n\n```{mystery} x\n```", r"one\.md:10: the directive \{mystery\}"),
        ("a\nb {mystery}`x`", r"one\.md:9: the role \{mystery\}"),
        (":::{note}\nA.\n\n{mystery}`x`\n:::", r"one\.md:11: the role \{mystery\}"),
        ("{ref}`nowhere`", r"one\.md:8: the label 'nowhere'"),
        ("{doc}`nowhere`", r"one\.md:8: the page 'nowhere'"),
        ("{cite:p}`nobody`", r"one\.md:8: the citation 'nobody'"),
        ("{{ nothing }}", r"one\.md:8: the substitution \{\{ nothing \}\}"),
        ("::: \nA.\n:::", r"one\.md:8: a ::: block without a name"),
        (":::{note}\nA.", r"one\.md:8: the fence :::\{note\} is never closed"),
        ("$$\nx", r"one\.md:8: this formula is never closed"),
        ("```{include} gone.md\n```", r"one\.md:8: the included file gone\.md"),
        ("> ```{note}\n> A.\n> ```", r"would show raw"),
    ],
)
def test_what_is_not_known_is_named_with_its_line(convert, body, message):
    with pytest.raises(MystError, match=message):
        convert(body + "\n")


def test_cells_macros_and_metadata(convert):
    body = """# Title

```{code-cell} ipython3
:tags: [remove-cell]

import sys
```

+++

Words.

```{solution-start} ex
:class: dropdown
```

```{code-cell} ipython3
y = 1
```

```{solution-end}
```
"""
    notebook = convert(body, macros={"R": "\\mathbb{R}", "norm": ["\\lVert #1 \\rVert", 1], "d": ["a#1b#2", 2, "z"]})
    nbformat.validate(notebook)
    assert [cell.cell_type for cell in notebook.cells] == ["markdown", "markdown", "code", "markdown", "code"]
    opening = notebook.cells[0].source
    assert f"{SITE}book/part/one.html" in opening
    assert opening.endswith(
        "$\\newcommand{\\R}{\\mathbb{R}}\\newcommand{\\norm}[1]{\\lVert #1 \\rVert}\\newcommand{\\d}[2][z]{a#1b#2}$"
    )
    assert notebook.cells[2].source == "import sys"
    assert notebook.cells[2].metadata == {
        "tags": ["remove-cell"],
        "jupyter": {"source_hidden": True},
        "cellView": "form",
    }
    assert notebook.cells[3].source == "Words.\n\n> **Solution**"
    assert notebook.cells[4].metadata["cellView"] == "form"
    assert notebook.metadata["kernelspec"]["name"] == "python3"
    assert notebook.metadata["accelerator"] == "None"


def test_the_same_chapter_gives_the_same_bytes(convert, tmp_path):
    for name in ("a", "b"):
        colab.write(convert("# T\n\nWords.\n\n```{code-cell}\nx = 1\n```\n"), tmp_path / f"{name}.ipynb")
    assert (tmp_path / "a.ipynb").read_bytes() == (tmp_path / "b.ipynb").read_bytes()
    nbformat.validate(nbformat.read(tmp_path / "a.ipynb", as_version=4))


@pytest.mark.parametrize(
    "raw",
    [
        "```{note}\nx\n```",
        ":::{note}\nx\n:::",
        "> ```{note}\n> x\n> ```",
        "{ref}`x`",
        "(label)=\n# T",
        "% comment",
        "{{ name }}",
        "+++",
        ":class: tip",
        "![a](b){width=3}",
        "{.class}",
        "$$x$$ (label)",
        "a[^1]",
        "Term\n: What",
    ],
)
def test_the_check_finds_raw_myst(raw):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(f"Words.\n\n{raw}\n")])
    assert len(colab.has_raw_myst(notebook)) >= 1


@pytest.mark.parametrize(
    "fine",
    [
        "`{ref}`x",
        "```python\n% x\n{{a}}\n```",
        "~~~\n:::{note}\n~~~",
        "$x_{a}`b$",
        "100 % sure",
        "(a) = b",
        "$$\n\\frac{{a}}{{b}}\n$$",
        "a: b",
        "|:---|---:|",
    ],
)
def test_the_check_leaves_markdown_alone(fine):
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_markdown_cell(fine), nbformat.v4.new_code_cell("% {{a}}")]
    )
    assert colab.has_raw_myst(notebook) == []


def test_a_broken_bibliography_is_named(tmp_path):
    (tmp_path / "x.bib").write_text("@article{a, title = {")
    with pytest.raises(ValueError, match=r"x\.bib cannot be read"):
        read_references(tmp_path / "x.bib")


class Everything(dict):
    """A map that knows every name: the real numbers and addresses exist only after a build."""

    def __contains__(self, key):
        return True

    def __missing__(self, key):
        return "1.5" if self.get("kind") == "glue" else f"{SITE}x.html#{key}"


@pytest.mark.parametrize("path", myst.notebooks(ROOT), ids=lambda path: path.stem)
def test_no_real_chapter_shows_raw_myst(path):
    notebook = colab.to_colab(
        path,
        glue=Everything(kind="glue"),
        labels=Everything(kind="labels"),
        site_url=SITE,
        macros={},
        bibliography=ROOT / "book" / "references.bib",
    )
    assert colab.has_raw_myst(notebook) == []
    nbformat.validate(notebook)
