"""Read a BibTeX file into what the notebook edition shows: author and year in the text, one line in the list."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Reference:
    """An entry of the bibliography.

    Attributes
    ----------
    key : str
        Its BibTeX key.
    authors : str
        Family names as a citation gives them: ``Ong and Lustig``, ``Ong et al.``.
    year : str
        Year, or ``n.d.``.
    markdown : str
        The line of the list of references.
    """

    key: str
    authors: str
    year: str
    markdown: str


def read_references(path: Path) -> dict[str, Reference]:
    """Read every entry of a BibTeX file.

    Raises
    ------
    ValueError
        If the file is not BibTeX.
    """
    from pybtex.database import parse_file
    from pybtex.exceptions import PybtexError

    try:
        database = parse_file(str(path), bib_format="bibtex")
    except PybtexError as error:
        raise ValueError(f"{path} cannot be read as BibTeX: {error}") from error
    return {key: _reference(key, entry) for key, entry in database.entries.items()}


def _reference(key: str, entry: Any) -> Reference:
    fields = {name.lower(): _text(value) for name, value in entry.fields.items()}
    people = entry.persons.get("author") or entry.persons.get("editor") or []
    families = [_text(" ".join([*person.prelast_names, *person.last_names])) for person in people]
    year = fields.get("year", "n.d.")
    return Reference(key, _cited_as(families) or fields.get("title", key), year, _listed(people, year, fields))


def _cited_as(families: list[str]) -> str:
    if len(families) > 2 or "others" in families:
        return f"{families[0]} et al."
    return " and ".join(families)


def _listed(people: list[Any], year: str, fields: dict[str, str]) -> str:
    names = [_full_name(person) for person in people]
    if names and names[-1] == "others":
        names[-1] = "et al."
    head = f"{', '.join(names)} ({year}). " if names else f"({year}). "
    venue = fields.get("journal") or fields.get("booktitle") or fields.get("publisher") or fields.get("school") or ""
    volume = fields.get("volume", "")
    if volume and "number" in fields:
        volume += f"({fields['number']})"
    pages = fields.get("pages", "").replace("--", "–")
    where = ", ".join(part for part in (f"*{venue}*" if venue else "", volume, pages) if part)
    title = fields.get("title", "").rstrip(".")
    return head + ". ".join(part for part in (title, where, _link(fields)) if part)


def _full_name(person: Any) -> str:
    initials = " ".join(f"{_text(name)[0]}." for name in [*person.first_names, *person.middle_names] if _text(name))
    family = _text(" ".join([*person.prelast_names, *person.last_names]))
    return f"{family} {initials}".strip()


def _link(fields: dict[str, str]) -> str:
    if "doi" in fields:
        doi = fields["doi"].removeprefix("https://doi.org/")
        return f"[doi:{doi}](https://doi.org/{doi})"
    if "eprint" in fields:
        return f"[arXiv:{fields['eprint']}](https://arxiv.org/abs/{fields['eprint']})"
    return f"[{fields['url']}]({fields['url']})" if "url" in fields else ""


def _text(latex: str) -> str:
    """Unicode text of a LaTeX field, braces gone."""
    from pybtex.richtext import Text

    return str(Text.from_latex(latex)).replace("\\", "").strip()
