"""One symbol means one thing: the notation page and the formulas of the chapters, held against each other."""

import re
from collections import Counter

import pytest
import yaml

from book._tools.myst import ROOT, Fence, Math, blocks, front_matter

NOTATION = ROOT / "book" / "back" / "notation.md"
# Counters, constants of mathematics, the imaginary unit and differentials name nothing of their own.
BOUND = frozenset("deijlmn")
GREEK = frozenset(
    name
    for line in (
        "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta kappa lambda mu nu xi rho sigma tau",
        "phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega Fourier",
    )
    for name in line.split()
)
_WORDS = re.compile(r"\\(?:text|mathrm|operatorname\*?|label|tag|mbox|textrm|begin|end)\s*\{[^{}]*\}")
_INLINE = re.compile(r"(?<![\\$])\$(?!\$)([^$]+?)(?<!\\)\$(?!\$)")
_CODE = re.compile(r"`[^`]*`")
_CALLIGRAPHIC = re.compile(r"\\math(?:cal|frak|scr)\s*\{?\s*([A-Za-z])\s*\}?")
_SUBSCRIPT = re.compile(r"_(?:\{[^{}]*\}|\\[A-Za-z]+(?:\s*\{[^{}]*\})?|\S)")


def chapters():
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    names = [chapter["file"] for part in toc["parts"] for chapter in part["chapters"]]
    return [ROOT / f"{name}.md" for name in names if not name.startswith("book/back/")]


def formulas(text, path="page"):
    """Every formula of a page, inline or displayed, directives included."""
    _, lines = front_matter(text)
    pending, found = list(blocks(lines, path)), []
    while pending:
        block = pending.pop()
        if isinstance(block, Math):
            found.append(block.body)
        elif isinstance(block, Fence):
            if block.name == "math":
                found.append("\n".join(line.text for line in block.body))
            elif block.name and block.name != "code-cell":
                pending += blocks(block.body, path)
        elif hasattr(block, "lines"):
            found += _INLINE.findall(_CODE.sub("", "\n".join(line.text for line in block.lines)))
    return found


def symbols(formula):
    r"""Letters of a formula without their indices: ``\hat u_c = \Fourier^* f`` holds u, \Fourier and f."""
    rest = _WORDS.sub(" ", formula)
    rest = _SUBSCRIPT.sub(" ", rest)
    found = {f"\\mathcal{{{letter}}}" for letter in _CALLIGRAPHIC.findall(rest)}
    rest = _CALLIGRAPHIC.sub(" ", rest)
    commands = re.findall(r"\\([A-Za-z]+)", rest)
    found |= {f"\\{name}" for name in commands if name in GREEK}
    rest = re.sub(r"\\[A-Za-z]+", " ", rest)
    return (found | set(re.findall(r"[A-Za-z]", rest))) - BOUND


def table():
    """First column of the table of symbols, without the dollars."""
    rows = re.findall(r"^\| (\$[^|]+?) +\|(?! \[)", NOTATION.read_text(encoding="utf-8"), re.MULTILINE)
    return [formula for row in rows for formula in _INLINE.findall(row)]


def borrowed():
    """Symbols that a chapter uses in a meaning of its own, as pairs of chapter and symbol."""
    rows = re.findall(
        r"^\| \$([^|]+?)\$ \| \[[^]]+\]\(\.\./([^)]+)\) \|", NOTATION.read_text(encoding="utf-8"), re.MULTILINE
    )
    return {(ROOT / "book" / chapter, symbol) for formula, chapter in rows for symbol in symbols(formula)}


def used():
    """Symbols of each chapter."""
    missing = [path.name for path in chapters() if not path.exists()]
    if missing:
        pytest.skip(f"these chapters of _toc.yml are not written yet: {', '.join(missing)}")
    pages = {path: formulas(path.read_text(encoding="utf-8"), path) for path in chapters()}
    return {path: set().union(*(symbols(formula) for formula in page)) for path, page in pages.items()}


def test_every_symbol_of_the_page_is_used():
    everywhere = set().union(*used().values())
    unused = [formula for formula in table() if not symbols(formula) <= everywhere]
    assert unused == [], "take them from book/back/notation.md, or use them"


def test_every_borrowed_letter_is_used_by_its_chapter():
    by_chapter = used()
    idle = [f"{path.name}: {symbol}" for path, symbol in borrowed() if symbol not in by_chapter[path]]
    assert sorted(idle) == [], "take them from the borrowed letters of book/back/notation.md"


def test_every_symbol_that_chapters_share_is_on_the_page():
    by_chapter = used()
    count = Counter(symbol for found in by_chapter.values() for symbol in found)
    explained = set().union(*(symbols(formula) for formula in table()))
    unexplained = [
        f"{path.name}: {symbol}"
        for path, found in by_chapter.items()
        for symbol in found - explained
        if count[symbol] > 1 and (path, symbol) not in borrowed()
    ]
    assert sorted(unexplained) == [], (
        "several chapters use these: explain them in book/back/notation.md, for all or as borrowed by one"
    )


def test_no_symbol_is_explained_twice():
    entries = table()
    assert len(entries) == len(set(entries)) >= 15
    assert len(borrowed()) >= 2


@pytest.mark.parametrize(
    ("formula", "found"),
    [
        (r"\hat u = (A^* A + \lambda)^{-1} A^* f", {"u", "A", "\\lambda", "f"}),
        (r"f_c = M \Fourier S_{c} u + \eta_\text{coil}", {"f", "M", "\\Fourier", "S", "u", "\\eta"}),
        (r"\mathcal{R}(u) + \mathrm{TV}(u)", {"\\mathcal{R}", "u"}),
        (r"e^{2 \pi i k \cdot x}", {"k", "x"}),
        (r"\sum_{j=1}^n \tfrac12 \abs{g_j}^2", {"g"}),
    ],
)
def test_symbols_of_a_formula(formula, found):
    assert symbols(formula) == found


def test_formulas_of_a_page():
    page = (
        "# T\n\nText $u$ and `code $v$` and $A\nf$.\n\n$$\nB = C\n$$\n\n```{note}\nHere $G$.\n```\n\n"
        "```{code-cell} ipython3\nx = '$K$'\n```\n"
    )
    assert {symbol for formula in formulas(page) for symbol in symbols(formula)} == {"u", "A", "f", "B", "C", "G"}
