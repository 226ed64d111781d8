"""What shows an entry of a ledger, as HTML: claims and glued values of this build's runs, by chapter."""

from __future__ import annotations

import difflib
import html
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from book._tools.execution import Run
from book._tools.ledger import GLUED, Erratum, Place, Row, refuse
from book._tools.measured import chapter_link, chapter_title


def evidence(entries: Sequence[Row | Erratum], runs: Mapping[str, Run], env: Any, name: str) -> dict[str, str]:
    """Return what shows each entry, by its id; empty where nothing does.

    A chapter that this build leaves out, as that of a single page does, is named without its results.

    Raises
    ------
    ExtensionError
        If a chapter, a label, a claim or a value is not there; the message names each entry and how to mend it.
    """
    found, mistakes = {}, []
    for entry in entries:
        places = []
        for place in entry.shown:
            try:
                places.append("".join(_of_place(place, runs, env)))
            except LookupError as error:
                mistakes.append(f"{entry.id}: {error}")
        found[entry.id] = "".join(places)
    refuse(name, mistakes)
    return found


def _of_place(place: Place, runs: Mapping[str, Run], env: Any) -> Iterator[str]:
    docname, _, label = f"book/{place.at}".partition("#")
    source = Path(env.srcdir) / f"{docname}.md"
    if not source.is_file():
        raise LookupError(f"there is no chapter {docname}.md; mend at:, as PART/NAME")
    title = chapter_title(source, label)
    if docname not in runs:
        yield f"<p>{html.escape(title)}: left out of this build.</p>"
        return
    yield f"<p>{chapter_link(env, docname, label)}</p>"
    said = [proof(text, runs[docname]) for text in place.evidence] or [html.escape(place.reason)]
    yield f"<ul>{''.join(f'<li>{one}</li>' for one in said)}</ul>"


def proof(text: str, run: Run) -> str:
    """Return, as HTML, the claim of a run that begins so, or the sentence with the run's values in its braces.

    Raises
    ------
    LookupError
        If the run has no such claim, or more than one, or no such value; the message says how to mend it.
    """
    return _sentence(text, run) if GLUED.search(text) else _claim(text, run)


def _sentence(text: str, run: Run) -> str:
    glued = {item["name"]: item["text"] for item in run.glue}
    for name in GLUED.findall(text):
        if name not in glued:
            raise LookupError(f"{run.docname} glues no value {name!r}; write one of {', '.join(sorted(glued))}")
    return GLUED.sub(lambda name: f"<strong>{html.escape(glued[name[1]])}</strong>", html.escape(text))


def _claim(beginning: str, run: Run) -> str:
    claims = {claim["text"]: claim for claim in run.claims}
    found = [beginning] if beginning in claims else [text for text in claims if text.startswith(beginning)]
    if len(found) != 1:
        near = difflib.get_close_matches(beginning, [text[: len(beginning) + 10] for text in claims], 1, 0.0)
        hint = "write more of it" if found else f"the nearest begins {near[0]!r}" if near else "it makes none"
        raise LookupError(f"{len(found) or 'no'} claims of {run.docname} begin with {beginning!r}; {hint}")
    claim = claims[found[0]]
    value = f": <strong>{html.escape(claim['evidence'])}</strong>" if claim["evidence"] else ""
    return f"{html.escape(claim['text'])}{value}{'' if claim['holds'] else ' (it does not hold at this scale)'}"
