"""The pages made of the ledgers: how far each row of the sources is replicated, and where the sources err."""

from __future__ import annotations

import html
from collections import Counter
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx

from book._tools.evidence import evidence
from book._tools.ledger import ERRATA, ROWS, SOURCES, STATUSES, E, Erratum, Row, read
from book._tools.measured import raw_html, runs_of

_SIGNS = dict(zip(STATUSES, "●◐≠✗○", strict=True))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives."""
    for name, directive in (("replication-overview", Overview), ("replicated-rows", Rows), ("errata", Errata)):
        app.add_directive(name, directive)
    return {"version": "1", "parallel_read_safe": False, "parallel_write_safe": True}


class Overview(Directive):
    """How many rows of each source have which status, and switches that show the rows of one status alone."""

    def run(self) -> list[nodes.Node]:
        """Count the rows."""
        counts = {source: Counter[str]() for source in SOURCES}
        for row in read(Path(self.state.document.settings.env.srcdir) / ROWS, Row):
            counts[row.id[:3]][row.status] += 1
        total = sum(counts.values(), Counter[str]())
        lines = "".join(_line(source, count) for source, count in counts.items())
        switches = _switch("all", "all", total.total()) + "".join(
            _switch(status, f"{_sign(status)} {status}", total[status]) for status in STATUSES
        )
        filters = f'<fieldset class="otrecon-filter"><legend>Rows to show</legend>{switches}</fieldset>'
        return [raw_html(f'<ul class="otrecon-overview">{lines}</ul>{filters}')]


def _line(source: str, count: Counter[str]) -> str:
    """One source: its rows by status in words, and the same as a bar."""
    met = [status for status in STATUSES if count[status]]
    words = ", ".join(f"<strong>{count[status]}</strong>&nbsp;{status.replace(' ', '&nbsp;')}" for status in met)
    bar = "".join(f'<i class="otrecon-{_slug(status)}" style="flex-grow: {count[status]}"></i>' for status in met)
    return (
        f'<li><a href="#rows-{source}">{source}: {SOURCES[source]}</a> <span>{words}</span>'
        f'<span class="otrecon-bar" aria-hidden="true">{bar}</span></li>'
    )


def _switch(value: str, words: str, count: int) -> str:
    button = f'<input type="radio" name="status" value="{value}"{" checked" * (value == "all")}>'
    return f"<label>{button} {words} <strong>{count}</strong></label>"


def _sign(status: str) -> str:
    return f'<span class="otrecon-sign otrecon-{_slug(status)}" aria-hidden="true">{_SIGNS[status]}</span>'


def _slug(status: str) -> str:
    return status.replace(" ", "-")


class _Ledger(Directive):
    """A directive that shows the entries of one source."""

    required_arguments = 1

    def entries(self, name: str, kind: type[E]) -> tuple[list[E], dict[str, str]]:
        """Return the entries of the source, and what shows each; the whole ledger is checked at once."""
        env = self.state.document.settings.env
        found = read(Path(env.srcdir) / name, kind)
        shown = evidence(found, runs_of(env.app), env, name)
        return [entry for entry in found if entry.id.startswith(self.arguments[0])], shown


class Rows(_Ledger):
    """The table of the rows of one source."""

    def run(self) -> list[nodes.Node]:
        """Build the table; its roles are spelled out, because the style sheet lays the rows out as cards."""
        rows, shown = self.entries(ROWS, Row)
        names = ("Row", "What", "Status", "Shown in, with the numbers of this build")
        head = "".join(f'<th role="columnheader">{name}</th>' for name in names)
        body = "".join(_row(row, shown[row.id]) for row in rows)
        table = f'<thead role="rowgroup"><tr role="row">{head}</tr></thead><tbody role="rowgroup">{body}</tbody>'
        return [raw_html(f'<table role="table" class="otrecon-ledger" id="rows-{self.arguments[0]}">{table}</table>')]


def _row(row: Row, shown: str) -> str:
    cells = (
        f'<a href="#row-{row.id}">{row.id}</a>',
        f"{html.escape(row.what)} <small>({html.escape(row.kind)})</small>",
        f"{_sign(row.status)} {row.status}",
        (f"<p>{html.escape(row.note)}</p>" if row.note else "") + shown,
    )
    data = "".join(f'<td role="cell">{cell}</td>' for cell in cells)
    return f'<tr role="row" id="row-{row.id}" data-status="{row.status}">{data}</tr>'


class Errata(_Ledger):
    """The numbered errata of one source."""

    def run(self) -> list[nodes.Node]:
        """Build the list."""
        errata, shown = self.entries(ERRATA, Erratum)
        items = "".join(_erratum(one, shown[one.id]) for one in errata)
        return [raw_html(f'<ol class="otrecon-errata">{items}</ol>')]


def _erratum(one: Erratum, shown: str) -> str:
    return (
        f'<li id="erratum-{one.id}" value="{one.id[4:]}">'
        f"<p><strong>{html.escape(one.where)}.</strong> {html.escape(one.says)}</p>"
        f'<p class="otrecon-finding">{html.escape(one.finding)}</p>'
        f"{shown or f'<p>Evidence: {html.escape(one.reason)}.</p>'}</li>"
    )
