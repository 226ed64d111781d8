"""The second edition of a chapter: a notebook that reads well where nothing renders MyST, as on Colab.

Directives become block quotes with a bold title (solutions stay folded), roles become text or links to the published
page, citations become author and year with a list of references at the end, glued numbers become the numbers of the
build. What this edition does not know stops the build with file and line, so that no raw MyST slips through.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from book._tools.bibliography import Reference, read_references
from book._tools.colab_blocks import convert, tidy
from book._tools.colab_page import Page, Target, gather
from book._tools.myst import ROOT, Break, Fence, MystError, blocks, front_matter
from book._tools.notebooks import KERNELSPEC, cell_ids, dumps
from book._tools.raw_myst import has_raw_myst

__all__ = ["Target", "has_raw_myst", "to_colab", "write"]


def to_colab(
    md_path: Path,
    *,
    glue: Mapping[str, str],
    labels: Mapping[str, Target],
    site_url: str,
    macros: Mapping[str, Any],
    bibliography: Path | Mapping[str, Reference],
    substitutions: Mapping[str, Any] | None = None,
    root: Path = ROOT,
) -> Any:
    """Convert a chapter into a notebook without MyST.

    Parameters
    ----------
    md_path
        The MyST notebook.
    glue
        Text of every glued number, by name.
    labels
        Address of every label and document of the book; a pair adds the words that stand for it. Labels that the page
        itself defines need not be listed.
    site_url
        Address of the published book, with a slash at its end.
    macros
        Macros of MathJax: name to expansion, or to a list of expansion, number of arguments and optional default.
    bibliography
        A BibTeX file, or its entries as `read_references` gives them.
    substitutions
        Values of ``{{ name }}``, besides those of the page's own header.
    root
        Top of the book, which document names are relative to.

    Returns
    -------
    nbformat.NotebookNode

    Raises
    ------
    MystError
        If the page holds a directive, role, label, citation or glued number that is not known here.
    """
    import nbformat

    header, lines = front_matter(md_path.read_text(encoding="utf-8"))
    page = Page(
        path=md_path,
        docname=_docname(md_path, root),
        root=root,
        glue=glue,
        labels=labels,
        site_url=site_url.rstrip("/") + "/",
        references=read_references(bibliography) if isinstance(bibliography, Path) else bibliography,
        substitutions={
            **(substitutions or {}),
            **header.get("myst", {}).get("substitutions", {}),
            **header.get("substitutions", {}),
        },
    )
    gather(lines, page)
    cells = [_opening_cell(page, macros)]
    text: list[str] = []
    in_solution = False

    def end_of_text() -> None:
        source = tidy("\n".join(text))
        if source:
            cells.append(nbformat.v4.new_markdown_cell(source))
        text.clear()

    for block in blocks(lines, md_path):
        if isinstance(block, Fence) and block.name == "code-cell":
            end_of_text()
            cells.append(_code_cell(block, folded=in_solution))
        elif isinstance(block, Break):
            end_of_text()
        else:
            if isinstance(block, Fence) and block.name in ("solution-start", "solution-end"):
                in_solution = block.name == "solution-start"
            text.extend(convert(block, page))
    end_of_text()
    if page.cited:
        cells.append(nbformat.v4.new_markdown_cell(_reference_list(page)))
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata = {
        "accelerator": "None",
        "colab": {"name": f"{md_path.stem}.ipynb", "provenance": []},
        "kernelspec": dict(KERNELSPEC),
        "language_info": {"name": "python"},
    }
    for cell, name in zip(notebook.cells, cell_ids([cell.source for cell in notebook.cells]), strict=True):
        cell.id = name
    if left := has_raw_myst(notebook):
        raise MystError(md_path, 1, f"this MyST would show raw in Colab: {left[0]}")
    return notebook


def write(notebook: Any, path: Path) -> None:
    """Write a notebook to a file, the same bytes for the same notebook."""
    path.write_text(dumps(notebook), encoding="utf-8")


def _docname(path: Path, root: Path) -> str:
    try:
        return path.resolve().relative_to(root.resolve()).with_suffix("").as_posix()
    except ValueError:
        return path.stem


def _opening_cell(page: Page, macros: Mapping[str, Any]) -> Any:
    import nbformat

    lines = [f"*The notebook edition of [this page of the book]({page.url}).*"]
    if macros:
        lines += ["", f"${''.join(_macro(name, value) for name, value in macros.items())}$"]
    return nbformat.v4.new_markdown_cell("\n".join(lines))


def _macro(name: str, value: Any) -> str:
    if isinstance(value, str):
        return f"\\newcommand{{\\{name}}}{{{value}}}"
    expansion, arguments, *default = value
    optional = f"[{default[0]}]" if default else ""
    return f"\\newcommand{{\\{name}}}[{arguments}]{optional}{{{expansion}}}"


def _code_cell(block: Fence, *, folded: bool) -> Any:
    import nbformat

    tags = block.options.get("tags") or []
    cell = nbformat.v4.new_code_cell("\n".join(line.text for line in block.body).strip("\n"))
    if tags:
        cell.metadata["tags"] = list(tags)
    if folded or {"hide-input", "hide-cell", "remove-input", "remove-cell"} & set(tags):
        # The first is JupyterLab's word for a folded cell, the second Colab's.
        cell.metadata["jupyter"] = {"source_hidden": True}
        cell.metadata["cellView"] = "form"
    return cell


def _reference_list(page: Page) -> str:
    entries = sorted(
        (page.references[key] for key in page.cited), key=lambda entry: (entry.authors.lower(), entry.year)
    )
    return "\n".join(["## References", "", *[f'- <a name="ref-{entry.key}"></a>{entry.markdown}' for entry in entries]])
