"""Chapters are written in MyST Markdown; this writes the notebook beside each, for Binder, download and tests.

``python -m book._tools.notebooks sync`` writes every NAME.ipynb from its NAME.md, and the shared first cell.
``python -m book._tools.notebooks check`` names the files that are out of step and exits with 1.
The notebooks hold no outputs, and the same source gives the same bytes: cell ids come from the cells' own text.
"""

from __future__ import annotations

import hashlib
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from book._tools.address import Address, read_address
from book._tools.myst import ROOT, Fence, MystError, blocks, front_matter, notebooks

KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
INSTALL_TAG = "remove-cell"
INSTALL_MARK = "# Where otrecon is missing, as on Colab, install it; the numpy and torch already there stay untouched."


def install_source(address: Address) -> str:
    """Text of the first code cell of every chapter."""
    return f"""{INSTALL_MARK}
import importlib
import importlib.metadata
import importlib.util
import subprocess
import sys

if importlib.util.find_spec("otrecon") is None:
    there = [name for name in ("numpy", "torch") if importlib.util.find_spec(name)]
    keep = [f"{{name}}=={{importlib.metadata.version(name)}}" for name in there]
    package = "otrecon[notebook] @ git+{address.url}.git@{address.branch}"
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", package, *keep], check=True)
    importlib.invalidate_caches()"""


def install_cell(address: Address) -> str:
    """Return the first code cell as MyST, with the tag that hides it in the book."""
    return f"```{{code-cell}} ipython3\n:tags: [{INSTALL_TAG}]\n\n{install_source(address)}\n```"


def is_install_cell(cell: Fence) -> bool:
    """Whether a code cell is the shared first one, in this or an earlier wording."""
    return INSTALL_TAG in cell.options.get("tags", []) and 'find_spec("otrecon")' in cell.text


def code_cells(text: str, path: Path | str) -> list[Fence]:
    """Code cells of a MyST notebook, in order."""
    _, lines = front_matter(text)
    return [block for block in blocks(lines, path) if isinstance(block, Fence) and block.name == "code-cell"]


def with_install_cell(text: str, path: Path | str, address: Address) -> str:
    """Return the page with the shared cell before its first code cell; unchanged where it has no code."""
    cells = code_cells(text, path)
    if not cells:
        return text
    lines = text.splitlines()
    start = cells[0].line - 1
    stop = start
    if is_install_cell(cells[0]):
        stop = cells[0].body[-1].number + 1
        new = [install_cell(address)]
    else:
        new = [install_cell(address), ""]
    return "\n".join([*lines[:start], *new, *lines[stop:]]) + "\n"


def to_notebook(text: str) -> Any:
    """Convert a page by jupytext, and remove what would differ from one run to the next.

    Returns
    -------
    nbformat.NotebookNode
        Without outputs, with cell ids from the cells' text and the metadata of a plain Python notebook.
    """
    import jupytext

    notebook = jupytext.reads(text, fmt="md:myst")
    notebook.metadata = {"kernelspec": dict(KERNELSPEC), "language_info": {"name": "python"}}
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for cell, name in zip(notebook.cells, cell_ids([cell.source for cell in notebook.cells]), strict=True):
        cell.id = name
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def cell_ids(sources: list[str]) -> list[str]:
    """One id a cell, from a hash of its text, so that editing one cell leaves the ids of the others alone."""
    seen: Counter[str] = Counter()
    ids = []
    for source in sources:
        digest = hashlib.sha256(source.encode()).hexdigest()[:10]
        ids.append(f"{digest}-{seen[digest]}" if seen[digest] else digest)
        seen[digest] += 1
    return ids


def dumps(notebook: Any) -> str:
    """Write a notebook as text that ends in a newline."""
    import nbformat

    return str(nbformat.writes(notebook)).rstrip("\n") + "\n"


def expected(path: Path, address: Address) -> tuple[str, str]:
    """Compute what a chapter's .md and .ipynb should hold."""
    text = with_install_cell(path.read_text(encoding="utf-8"), path, address)
    return text, dumps(to_notebook(text))


def out_of_step(root: Path) -> list[Path]:
    """Files that `sync` would change, with notebooks whose chapter is gone."""
    return [path for path, _ in _changes(root)]


def sync(root: Path) -> list[Path]:
    """Write what is out of step; return the files that changed. A notebook whose chapter is gone is removed."""
    changes = _changes(root)
    for path, text in changes:
        if text is None:
            path.unlink()
        else:
            path.write_text(text, encoding="utf-8")
    return [path for path, _ in changes]


def _changes(root: Path) -> list[tuple[Path, str | None]]:
    address = read_address(root)
    changes: list[tuple[Path, str | None]] = []
    chapters = notebooks(root)
    for path in chapters:
        source, notebook = expected(path, address)
        for target, text in ((path, source), (path.with_suffix(".ipynb"), notebook)):
            if not target.exists() or target.read_text(encoding="utf-8") != text:
                changes.append((target, text))
    kept = {path.with_suffix(".ipynb") for path in chapters}
    for orphan in sorted((root / "book").rglob("*.ipynb")):
        if orphan not in kept and ".ipynb_checkpoints" not in orphan.parts:
            changes.append((orphan, None))
    return changes


def main(arguments: list[str], root: Path = ROOT) -> int:
    """Run ``sync`` or ``check``; return the exit status."""
    if arguments not in (["sync"], ["check"]):
        print("usage: python -m book._tools.notebooks sync|check", file=sys.stderr)
        return 2
    try:
        changed = sync(root) if arguments == ["sync"] else out_of_step(root)
    except MystError as error:
        print(error, file=sys.stderr)
        return 1
    for path in changed:
        name = path.relative_to(root)
        print(f"written: {name}" if arguments == ["sync"] else f"{name}: out of step; run `make notebooks`")
    return 1 if changed and arguments == ["check"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
