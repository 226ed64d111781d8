"""The rules of a chapter that a machine can check: ``python -m book._tools.lint [file ...]``, part of ``make lint``.

Every page: no bare number in prose, no empty phrase. Every chapter (a notebook in a folder of the book): its size, its
parts in their order, alternative text for every figure, a claim, no dead widget. Every paired notebook: no outputs.
Each line of the answer is ``file:line: what is wrong; how to mend it``.
"""

from __future__ import annotations

import ast
import json
import re
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from book._tools.myst import ROOT, Block, Fence, MystError, blocks, front_matter, is_notebook, pages
from book._tools.notebooks import is_install_cell
from book._tools.prose import bare_numbers, prose
from book._tools.structure import Complaint, directives, exercises, parts

MIN_CELLS, MAX_CELLS = 15, 25
MEDIAN_STATEMENTS, MAX_LINES, MAX_WIDTH = 6, 30, 92
FOLDED = frozenset({"hide-cell", "hide-input", "remove-cell", "remove-input"})
"""Tags of cells whose code a reader does not see before asking for it."""
NEED_ALT = frozenset(
    {"beside", "complex_image", "error_maps", "figure", "images", "kspace", "mask", "phase", "row", "spokes"}
)
"""Functions of `otrecon.show` that require alt; a test holds this against the package. A slider asks for it by itself,
unless the function that draws its frames has given each its own."""
SHORTEST_ALT = 12
EMPTY_PHRASES = ("it is important to note", "it should be noted", "delve", "needless to say", "it is worth noting")


class Call(NamedTuple):
    """A call of something in `otrecon.show`."""

    line: int
    name: str
    node: ast.Call


class Cell(NamedTuple):
    """A code cell and its syntax tree (``None`` where it has none)."""

    fence: Fence
    tree: ast.Module | None
    in_solution: bool = False

    @property
    def visible(self) -> bool:
        """Whether a reader sees its code without asking."""
        tags = self.fence.options.get("tags", ())
        return FOLDED.isdisjoint(tags.split() if isinstance(tags, str) else tags)

    @property
    def statements(self) -> int:
        """Its statements, nested ones too: one that is wrapped over several lines counts once."""
        return sum(isinstance(node, ast.stmt) for node in ast.walk(self.tree)) if self.tree else self.size

    @property
    def first_line(self) -> int:
        """Line of the page where its code starts."""
        return self.fence.body[0].number if self.fence.body else self.fence.line

    @property
    def size(self) -> int:
        """Lines that are not empty."""
        return sum(1 for line in self.fence.body if line.text.strip())


def lint(path: Path, root: Path = ROOT) -> list[Complaint]:
    """Check one page by the rules of its kind."""
    text = path.read_text(encoding="utf-8")
    header, lines = front_matter(text)
    try:
        found = blocks(lines, path)
        complaints = [*_numbers(text, path), *_phrases(text, path)]
    except MystError as error:
        return [Complaint(error.line, error.message)]
    if is_notebook(header):
        cells = list(_cells(found))
        complaints += [
            *_syntax(cells),
            *_widths(cells),
            *_alt(cells),
            *_widgets(cells),
            *_shown_claims(cells),
            *_nested_cells(found, path),
        ]
        complaints += _committed(path.with_suffix(".ipynb"))
        if _is_chapter(path, root):
            complaints += [*_sizes(cells, found), *parts(found, path), *exercises(found, path), *_has_claim(cells)]
    return sorted(complaints)


def _is_chapter(path: Path, root: Path) -> bool:
    """Chapters stand in the folder of their part; the pages beside these folders only lead to them."""
    return path.resolve().parent != (root / "book").resolve() and path.parent.name != "back"


# ---------------------------------------------------------------------------------------------------------------------
# Prose


def _numbers(text: str, path: Path) -> Iterator[Complaint]:
    for line, words in prose(text, path):
        for number in bare_numbers(words):
            yield Complaint(
                line,
                f"the bare number {number!r} in prose; compute it with show.glue and quote it as {{glue:text}}`name`, "
                f"or, if it is a constant, write {{const}}`{number}`",
            )


def _phrases(text: str, path: Path) -> Iterator[Complaint]:
    for line, words in prose(text, path):
        for phrase in EMPTY_PHRASES:
            if re.search(rf"\b{phrase}", words, re.IGNORECASE):
                yield Complaint(line, f"the empty phrase {phrase!r}; say the thing itself")


# ---------------------------------------------------------------------------------------------------------------------
# Code cells


def _cells(found: list[Block]) -> Iterator[Cell]:
    in_solution = False
    for block in found:
        if not isinstance(block, Fence):
            continue
        if block.name in ("solution-start", "solution-end"):
            in_solution = block.name == "solution-start"
        elif block.name == "code-cell" and not is_install_cell(block):
            yield Cell(block, _tree(block), in_solution)


def _tree(fence: Fence) -> ast.Module | None:
    source = "\n".join(
        re.sub(r"\S.*$", "pass", line.text) if line.text.lstrip().startswith(("%", "!")) else line.text
        for line in fence.body
    )
    try:
        return ast.parse(source)
    except SyntaxError:
        return None


def _syntax(cells: list[Cell]) -> Iterator[Complaint]:
    for cell in cells:
        if cell.tree is None:
            yield Complaint(cell.first_line, "this cell is not Python; mend its syntax")


def _sizes(cells: list[Cell], found: list[Block]) -> Iterator[Complaint]:
    last = next((block for block in reversed(found) if isinstance(block, Fence) and block.name == "code-cell"), None)
    if not MIN_CELLS <= len(cells) <= MAX_CELLS:
        change = "split what does two things" if len(cells) < MIN_CELLS else "move plumbing into the package"
        yield Complaint(
            last.line if last else 1,
            f"{len(cells)} code cells, without the install cell; a chapter has {MIN_CELLS} to {MAX_CELLS}: {change}",
        )
    read = [cell for cell in cells if cell.visible and not cell.in_solution]
    if read and (median := statistics.median(cell.statements for cell in read)) > MEDIAN_STATEMENTS:
        yield Complaint(
            read[0].fence.line,
            f"the median cell has {median:g} statements (folded cells and solutions not counted); at most "
            f"{MEDIAN_STATEMENTS}: move plumbing into the package",
        )
    for cell in cells:
        if cell.size > MAX_LINES:
            yield Complaint(
                cell.fence.line,
                f"this cell has {cell.size} lines; at most {MAX_LINES}: move it into the package, with a test",
            )


def _widths(cells: list[Cell]) -> Iterator[Complaint]:
    for cell in cells:
        for line in cell.fence.body if cell.visible else ():
            if len(line.text) > MAX_WIDTH:
                yield Complaint(
                    line.number,
                    f"this line of code has {len(line.text)} characters and wraps on the page; at most {MAX_WIDTH}: "
                    "break it, one thought a line (a statement counts once, however many lines it takes)",
                )


def _calls(cells: list[Cell]) -> Iterator[Call]:
    """Find calls of `show.NAME(...)`, and of names imported from `otrecon.show`."""
    imported: dict[str, str] = {}
    for cell in cells:
        for node in ast.walk(cell.tree) if cell.tree else ():
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("otrecon.show"):
                imported.update({alias.asname or alias.name: alias.name for alias in node.names})
    for cell in cells:
        for node in ast.walk(cell.tree) if cell.tree else ():
            if isinstance(node, ast.Call) and (name := _show_name(node.func, imported)):
                yield Call(cell.first_line + node.lineno - 1, name, node)


def _show_name(function: ast.expr, imported: dict[str, str]) -> str:
    if isinstance(function, ast.Name):
        return imported.get(function.id, "")
    if isinstance(function, ast.Attribute):
        owner = function.value
        if isinstance(owner, ast.Name) and owner.id == "show":
            return function.attr
        if isinstance(owner, ast.Attribute) and owner.attr == "show":
            return function.attr if isinstance(owner.value, ast.Name) and owner.value.id == "otrecon" else ""
    return ""


def _alt(cells: list[Cell]) -> Iterator[Complaint]:
    for call in _calls(cells):
        if call.name not in NEED_ALT:
            continue
        alt = next((keyword.value for keyword in call.node.keywords if keyword.arg == "alt"), None)
        if alt is None:
            yield Complaint(call.line, f"show.{call.name} without alt=; say in a sentence what the picture shows")
        elif isinstance(alt, ast.Constant) and len(str(alt.value).strip()) < SHORTEST_ALT:
            yield Complaint(call.line, f"alt={alt.value!r} says too little; say in a sentence what the picture shows")


def _widgets(cells: list[Cell]) -> Iterator[Complaint]:
    for cell in cells:
        for node in ast.walk(cell.tree) if cell.tree else ():
            if not isinstance(node, ast.Call):
                continue
            function = node.func
            name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
            line = cell.first_line + node.lineno - 1
            if name in ("interact", "interactive", "interact_manual", "interactive_output"):
                yield Complaint(line, f"{name} is dead in the built page; use show.slider")
            elif isinstance(function, ast.Attribute) and ast.unparse(function) in ("plt.show", "pyplot.show"):
                yield Complaint(
                    line, "plt.show gives a picture without alt text; hand the figure to show.figure(..., alt=...)"
                )


def _shown_claims(cells: list[Cell]) -> Iterator[Complaint]:
    for cell in cells:
        for statement in cell.tree.body[:-1] if cell.tree else ():
            call = statement.value if isinstance(statement, ast.Expr) else None
            if isinstance(call, ast.Call) and _show_name(call.func, {"claim": "claim"}) == "claim":
                yield Complaint(
                    cell.first_line + statement.lineno - 1,
                    "this claim shows no box: only the last line of a cell is shown; give it a cell of its own, "
                    "or display(show.claim(...), show.claim(...))",
                )


def _nested_cells(found: list[Block], path: Path) -> Iterator[Complaint]:
    for block in directives(found, path):
        if block.name == "code-cell" and block not in found:
            yield Complaint(
                block.line,
                "a code cell inside a directive is not run; use {solution-start} and {solution-end} around it, "
                "or {code-block} for code that is only read",
            )


def _has_claim(cells: list[Cell]) -> Iterator[Complaint]:
    if not any(call.name == "claim" for call in _calls(cells)):
        yield Complaint(1, "no show.claim; claim at least one result, so that the build checks it")


def _committed(notebook: Path) -> Iterator[Complaint]:
    if not notebook.exists():
        return
    for number, cell in enumerate(json.loads(notebook.read_text(encoding="utf-8"))["cells"], start=1):
        if cell.get("outputs") or cell.get("execution_count"):
            yield Complaint(1, f"{notebook.name} holds outputs (cell {number}); run `make notebooks`")
            return


def main(arguments: list[str], root: Path = ROOT) -> int:
    """Check the given pages, or all; print what is wrong; return the exit status."""
    paths = [Path(argument) for argument in arguments] or pages(root)
    count = 0
    for path in paths:
        name = path.resolve().relative_to(root.resolve()) if path.resolve().is_relative_to(root.resolve()) else path
        for line, what in lint(path, root):
            print(f"{name}:{line}: {what}")
            count += 1
    if count:
        print(f"{count} to mend in {len(paths)} pages", file=sys.stderr)
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
