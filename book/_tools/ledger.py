"""The ledgers of the book, read and checked: the rows of the sources with how far each is replicated, and their errata.

`book/replication.yml` and `book/errata.yml` say what was found, in which chapters, and which of their results show it.
The head of each file explains its fields.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import yaml
from sphinx.errors import ExtensionError

from book._tools.prose import bare_numbers

ROWS, ERRATA = "book/replication.yml", "book/errata.yml"
SOURCES = {
    "000": "Networks of moving images",
    "001": "Transport between contrasts",
    "002": "Shapes of cells",
    "003": "Generative priors",
    "004": "A Wasserstein loss",
}
STATUSES = ("replicated", "partly", "not confirmed", "refuted", "open")
ROW_ID, ERRATUM_ID = re.compile(r"00[0-4]-[A-Z][A-Za-z]*\d*"), re.compile(r"00[0-4]-[1-9]\d*")
GLUED = re.compile(r"\{([\w-]+)\}")


@dataclass(frozen=True, kw_only=True)
class Place:
    """A chapter that shows something: by results of its run or, where none can be given, for a reason."""

    at: str
    """``PART/NAME`` or ``PART/NAME#label``."""
    evidence: Sequence[str] = ()
    """Beginnings of claims, or sentences with names of glued values in braces."""
    reason: str = ""

    def mistakes(self) -> Iterator[str]:
        """Yield what is wrong with it."""
        if isinstance(self.evidence, str) or bool(self.evidence) == bool(self.reason):
            yield f"{self.at} needs a list of evidence, or a reason; name claims or values, or say why there are none"
        for text in self.evidence:
            if GLUED.search(text) and (typed := bare_numbers(GLUED.sub("x", text))):
                yield f"{self.at} types the number {typed[0]!r}; glue it in the chapter and write its name in braces"


@dataclass(frozen=True, kw_only=True)
class Row:
    """Something in a source that a replication should contain."""

    id: str
    kind: str
    what: str
    status: str
    note: str = ""
    shown: Sequence[Place] = ()

    def mistakes(self) -> Iterator[str]:
        """Yield what is wrong with it, its places aside."""
        if not ROW_ID.fullmatch(self.id):
            yield "this id is no row's; write ids such as 000-E2"
        if self.status not in STATUSES:
            yield f"the status {self.status!r} is unknown; write one of {', '.join(STATUSES)}"
        elif self.status == "open" and self.shown:
            yield "an open row is shown nowhere; take shown: away, or change the status"
        elif self.status != "open" and not self.shown:
            yield f"it is {self.status} without evidence; write shown: with at:, and evidence: or reason:"
        if self.status in STATUSES[1:] and not self.note:
            yield f"it is {self.status}; say in note: what is missing or different, or what it waits for"


@dataclass(frozen=True, kw_only=True)
class Erratum:
    """A slip, a contradiction or an omission of a source."""

    id: str
    where: str
    says: str
    finding: str
    reason: str = ""
    shown: Sequence[Place] = ()

    def mistakes(self) -> Iterator[str]:
        """Yield what is wrong with it, its places aside."""
        if not ERRATUM_ID.fullmatch(self.id):
            yield "this id is no erratum's; write ids such as 000-12"
        if bool(self.shown) == bool(self.reason):
            yield "it needs either shown:, with evidence, or reason:, such as by reading"


E = TypeVar("E", bound=Row | Erratum)


def read(path: Path, kind: type[E]) -> list[E]:
    """Read a ledger.

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
        wrong = [*entry.mistakes(), *(one for place in entry.shown for one in place.mistakes())]
        wrong += ["it stands twice; keep one"] * (entry.id in {other.id for other in entries})
        mistakes += [f"{entry.id}: {one}" for one in wrong]
        entries.append(entry)
    refuse(path.name, mistakes)
    return entries


def refuse(name: str, mistakes: Sequence[str]) -> None:
    """Stop the build if a ledger has mistakes, and name them all."""
    if mistakes:
        raise ExtensionError(f"{len(mistakes)} to mend in {name}:\n" + "\n".join(mistakes))
