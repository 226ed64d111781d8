"""A table from rows of named cells: readable aloud, scrolling on a narrow screen, plain text without a browser."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Table", "table"]


@dataclass(frozen=True)
class Table:
    """A table as it stands on the page.

    Attributes
    ----------
    columns : tuple of str
        Heads of the columns.
    cells : tuple of tuple of str
        Cells, row by row; the first of each row names it.
    caption : str
        The finding, in a sentence.
    """

    columns: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]
    caption: str

    def __repr__(self) -> str:
        lines = [self.columns, *self.cells]
        widths = [max(len(line[k]) for line in lines) for k in range(len(self.columns))]
        body = [
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
        ]
        return "\n".join([self.caption, *body])

    def _repr_mimebundle_(self, **_kwargs: Any) -> dict[str, str]:
        return {"text/html": self._html(), "text/plain": repr(self)}

    def _html(self) -> str:
        head = "".join(f'<th scope="col">{html.escape(column)}</th>' for column in self.columns)
        body = "".join(
            f'<tr><th scope="row">{html.escape(name)}</th>'
            + "".join(f'<td style="text-align: end">{html.escape(cell)}</td>' for cell in rest)
            + "</tr>"
            for name, *rest in self.cells
        )
        caption = html.escape(self.caption)
        return (
            # The caption stands outside the part that scrolls: on a phone it stays where it can be read.
            f'<p class="otrecon-table-caption" aria-hidden="true">{caption}</p>'
            f'<div style="overflow-x:auto" role="region" tabindex="0" aria-label="{caption}">'
            '<table class="table otrecon-table" style="min-width: 60%">'
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        )


def table(rows: Sequence[Mapping[str, object]], *, caption: str) -> Table:
    """Show rows as a table.

    Parameters
    ----------
    rows
        Mappings from the head of a column to its cell, all with the same heads in the same order. The first cell of a
        row names it. Cells are shown as ``str`` gives them: format numbers, with units in the heads.
    caption
        The finding, in a sentence; it also names the table to screen readers.

    Returns
    -------
    Table
        Leave it as the last expression of the cell, or hand it to ``display``.

    Raises
    ------
    ValueError
        If there are no rows or no caption, or if the heads differ from row to row.

    Examples
    --------
    >>> from otrecon import show
    >>> show.table([{"image": "64 x 64", "time / s": "0.1"}], caption="Small images take no time.")
    Small images take no time.
    image    time / s
    64 x 64  0.1
    """
    if not rows:
        raise ValueError("a table needs at least one row")
    if not caption.strip():
        raise ValueError("a table needs a caption: the finding, in a sentence")
    columns = tuple(rows[0])
    for row in rows:
        if tuple(row) != columns or not columns:
            raise ValueError(f"all rows need the same heads in the same order: {list(columns)}, not {list(row)}")
    return Table(columns, tuple(tuple(str(cell) for cell in row.values()) for row in rows), caption)
