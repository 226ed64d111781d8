"""The ledgers at the back of the book: which rows of the sources are replicated, and where the sources err.

`book/replication.yml` and `book/errata.yml` say what was found, in which chapter, and which of its results shows it:
the beginning of a claim, or a sentence with the names of glued values in braces. Values come from this build's runs.
"""

from __future__ import annotations

import difflib
import html
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

from book._tools.execution import Run
from book._tools.measured import chapter_link, raw_html, runs_of, smoke_notice
from book._tools.prose import bare_numbers

ROWS, ERRATA = "book/replication.yml", "book/errata.yml"
STATUSES = {"replicated": "●", "partly": "◐", "not confirmed": "≠", "refuted": "✗", "open": "○"}  # with their signs
ROW_ID, ERRATUM_ID = re.compile(r"00[0-4]-[A-Z][A-Za-z]*\d*"), re.compile(r"00[0-4]-[1-9]\d*")
_GLUED = re.compile(r"\{([\w-]+)\}")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives."""
    for name, directive in (("replication-counts", Counts), ("replicated-rows", Rows), ("errata", Errata)):
        app.add_directive(name, directive)
    return {"version": "1", "parallel_read_safe": False, "parallel_write_safe": True}


@dataclass(frozen=True, kw_only=True)
class Place:
    """A chapter that shows something: by results of its run or, where none can be given, for a reason."""

    at: str
    """``PART/NAME`` or ``PART/NAME#label``."""
    evidence: Sequence[str] = ()
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Row:
    """Something in a source that a replication should contain."""

    id: str
    kind: str
    what: str
    status: str
    note: str = ""
    shown: Sequence[Place] = ()


@dataclass(frozen=True, kw_only=True)
class Erratum:
    """A slip, a contradiction or an omission of a source."""

    id: str
    where: str
    says: str
    finding: str
    reason: str = ""
    shown: Sequence[Place] = ()


E = TypeVar("E", bound=Row | Erratum)


def read(path: Path, kind: type[E]) -> list[E]:
    """Read a data file.

    Raises
    ------
    ExtensionError
        If an entry is incomplete, contradicts itself or stands twice; the message names each and how to mend it.
    """
    entries: list[E] = []
    mistakes: list[str] = []
    for given in yaml.safe_load(path.read_text(encoding="utf-8")):
        try:
            entry = kind(**{**given, "shown": [Place(**place) for place in given.get("shown", ())]})
        except TypeError as error:
            mistakes.append(f"{given.get('id', given)}: {error}; see the head of the file")
            continue
        wrong = [*(_of_row(entry) if isinstance(entry, Row) else _of_erratum(entry))]
        wrong += [one for place in entry.shown for one in _of_place(place)]
        wrong += ["it stands twice; keep one"] * (entry.id in {other.id for other in entries})
        mistakes += [f"{entry.id}: {one}" for one in wrong]
        entries.append(entry)
    _raise(path.name, mistakes)
    return entries


def _of_row(row: Row) -> Iterator[str]:
    if not ROW_ID.fullmatch(row.id):
        yield "this id is no row's; write ids such as 000-E2"
    if row.status not in STATUSES:
        yield f"the status {row.status!r} is unknown; write one of {', '.join(STATUSES)}"
    elif row.status == "open" and row.shown:
        yield "an open row is shown nowhere; take shown: away, or change the status"
    elif row.status != "open" and not row.shown:
        yield f"it is {row.status} without evidence; write shown: with at:, and evidence: or reason:"
    if row.status in ("partly", "not confirmed", "refuted") and not row.note:
        yield f"it is {row.status}; say in note: what is missing or different"


def _of_erratum(erratum: Erratum) -> Iterator[str]:
    if not ERRATUM_ID.fullmatch(erratum.id):
        yield "this id is no erratum's; write ids such as 000-12"
    if bool(erratum.shown) == bool(erratum.reason):
        yield "it needs either shown:, with evidence, or reason:, such as by reading"


def _of_place(place: Place) -> Iterator[str]:
    if isinstance(place.evidence, str) or bool(place.evidence) == bool(place.reason):
        yield f"{place.at} needs a list of evidence, or a reason; name claims or glued values, or say why none is given"
    for text in place.evidence:
        if _GLUED.search(text) and (typed := bare_numbers(_GLUED.sub("x", text))):
            yield f"{place.at} types the number {typed[0]!r}; glue it in the chapter and write its name in braces"


def _raise(name: str, mistakes: list[str]) -> None:
    if mistakes:
        raise ExtensionError(f"{len(mistakes)} to mend in {name}:\n" + "\n".join(mistakes))


def proof(text: str, run: Run) -> str:
    """Return, as HTML, the claim of a run that begins so, or the sentence with the run's values in its braces.

    Raises
    ------
    LookupError
        If the run has no such claim, or more than one, or no such value; the message says how to mend it.
    """
    glued = {item["name"]: item["text"] for item in run.glue}
    if names := set(_GLUED.findall(text)):
        for name in names - set(glued):
            raise LookupError(f"{run.docname} glues no value {name!r}; write one of {', '.join(sorted(glued))}")
        return _GLUED.sub(lambda name: f"<strong>{html.escape(glued[name[1]])}</strong>", html.escape(text))
    claims = {claim["text"]: claim["evidence"] for claim in run.claims}
    found = [text] if text in claims else [claim for claim in claims if claim.startswith(text)]
    if len(found) != 1:
        near = difflib.get_close_matches(text, [claim[: len(text) + 10] for claim in claims], 1, 0.0)
        hint = "write more of it" if found else f"the nearest begins {near[0]!r}" if near else "it makes none"
        raise LookupError(f"{len(found) or 'no'} claims of {run.docname} begin with {text!r}; {hint}")
    value = claims[found[0]]
    return html.escape(found[0]) + (f" [<strong>{html.escape(value)}</strong>]" if value else "")


def proofs(entries: list[E], runs: Mapping[str, Run], env: Any, name: str) -> dict[str, str]:
    """Return what shows each entry, as an HTML list with links to the chapters; empty where nothing does.

    Raises
    ------
    ExtensionError
        If a chapter, a label, a claim or a value is not there; the message names each entry and how to mend it.
    """
    lists, mistakes = {}, []
    for entry in entries:
        items = []
        for place in entry.shown:
            try:
                items.append(f"<li>{_shown(place, runs, env)}</li>")
            except LookupError as error:
                mistakes.append(f"{entry.id}: {error}")
        lists[entry.id] = f"<ul>{''.join(items)}</ul>" if items else ""
    _raise(name, mistakes)
    return lists


def _shown(place: Place, runs: Mapping[str, Run], env: Any) -> str:
    docname, _, label = f"book/{place.at}".partition("#")
    if docname not in runs:
        raise LookupError(f"this build ran no {docname}; mend at:, as PART/NAME")
    if label and f"({label})=" not in Path(env.doc2path(docname)).read_text(encoding="utf-8"):
        raise LookupError(f"{docname} has no label ({label})=; mend at:, or label the section")
    said = [proof(text, runs[docname]) for text in place.evidence] or [html.escape(place.reason)]
    return f"{chapter_link(env, docname, label)}: {'<br>'.join(said)}"


def _ledger(directive: Directive, name: str, kind: type[E]) -> tuple[list[E], dict[str, str]]:
    """Entries of the source that a directive names, and what shows each; the whole file is checked at once."""
    env = directive.state.document.settings.env
    entries = read(Path(env.srcdir) / name, kind)
    shown = proofs(entries, runs_of(env.app), env, name)
    return [entry for entry in entries if entry.id.startswith(directive.arguments[0])], shown


class Counts(Directive):
    """How many rows have which status, as switches that show these rows alone."""

    def run(self) -> list[nodes.Node]:
        """Count the rows of all sources."""
        count = Counter(row.status for row in read(Path(self.state.document.settings.env.srcdir) / ROWS, Row))
        switches = "".join(
            f'<label><input type="radio" name="status" value="{status}"{" checked" * (status == "all")}> '
            f"{sign} {status} <strong>{n}</strong></label>"
            for status, sign, n in [("all", "", count.total()), *((s, sign, count[s]) for s, sign in STATUSES.items())]
        )
        switches = f'<fieldset class="otrecon-filter"><legend>Rows to show</legend>{switches}</fieldset>'
        return [raw_html(switches + smoke_notice())]


class Rows(Directive):
    """The table of the rows of one source."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Build the table."""
        rows, shown = _ledger(self, ROWS, Row)
        names = ("Row", "What", "Status", "Shown in, with the numbers of this build")
        head = "".join(f'<th role="columnheader">{name}</th>' for name in names)
        body = "".join(
            f'<tr role="row" id="row-{row.id}" data-status="{row.status}"><td role="cell"><code>{row.id}</code></td>'
            f'<td role="cell">{html.escape(row.what)} <small>{html.escape(row.kind)}</small></td>'
            f'<td role="cell"><span aria-hidden="true">{STATUSES[row.status]}</span> {row.status}</td>'
            f'<td role="cell">{f"<p>{html.escape(row.note)}</p>" if row.note else ""}{shown[row.id]}</td></tr>'
            for row in rows
        )  # the roles, because the style sheet lays the rows out as cards
        table = f'<thead role="rowgroup"><tr role="row">{head}</tr></thead><tbody role="rowgroup">{body}</tbody>'
        return [raw_html(f'<table role="table" class="table otrecon-ledger">{table}</table>')]


class Errata(Directive):
    """The numbered errata of one source."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Build the list."""
        errata, shown = _ledger(self, ERRATA, Erratum)
        items = "".join(
            f'<li id="erratum-{one.id}" value="{one.id[4:]}"><p><strong>{html.escape(one.where)}.</strong> '
            f"{html.escape(one.says)} <em>{html.escape(one.finding)}</em></p>"
            f"{shown[one.id] or f'<p>Evidence: {html.escape(one.reason)}.</p>'}</li>"
            for one in errata
        )
        return [raw_html(f'{smoke_notice()}<ol class="otrecon-errata">{items}</ol>')]
