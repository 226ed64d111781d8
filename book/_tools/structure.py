"""The parts of a chapter and their order: opening, what breaks, summary, exercises with solutions, replicated rows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from book._tools.myst import Block, Fence, Text, blocks, front_matter

CLOSING = re.compile(r"^(?:further reading|references|sources)", re.IGNORECASE)
ROW = re.compile(r"\b00[0-4]-[A-Z][A-Za-z]*\d*[a-z]?\b")
_ANY_ROW = re.compile(r"\b\d{3}-[A-Z]\w*")
_RANGE = re.compile(r"\b(?P<kind>00[0-4]-[A-Z][A-Za-z]*)(?P<first>\d+) to (?P=kind)(?P<last>\d+)\b")
_HEADING = re.compile(r"^(?P<marks>#{1,6})\s+(?P<title>.*?)\s*$")


class Complaint(NamedTuple):
    """Something to mend."""

    line: int
    what: str


class Section(NamedTuple):
    """A heading."""

    line: int
    level: int
    title: str


def _sections(found: list[Block]) -> list[Section]:
    sections = []
    for block in found:
        for line in block.lines if isinstance(block, Text) else ():
            if match := _HEADING.match(line.text):
                sections.append(Section(line.number, len(match["marks"]), match["title"]))
    return sections


def directives(found: list[Block], path: Path) -> Iterator[Fence]:
    """Yield every directive of a page, nested ones too."""
    for block in found:
        if isinstance(block, Fence) and block.name:
            yield block
            if block.name not in ("code-block", "code-cell", "math", "raw"):
                yield from directives(blocks(block.body, path), path)


def parts(found: list[Block], path: Path) -> Iterator[Complaint]:
    """Check that a chapter opens, breaks something and closes as every chapter does."""
    sections = _sections(found)
    named = list(directives(found, path))
    # The opening is all up to the second section: its own block, or the first section itself.
    second = [section.line for section in sections if section.level == 2][1:2]
    opening = _text_before(second[0] if second else 10**9, found, named)
    for phrase in ("What you will learn", "What you need"):
        if phrase.lower() not in opening:
            yield Complaint(1, f"no block {phrase!r} at the opening; start with :::{{admonition}} {phrase}")
    titles = [section.title for section in sections] + [block.argument for block in named]
    if not any(title.lower().startswith("what breaks") for title in titles):
        yield Complaint(1, "no section that starts with 'What breaks'; show one deliberate failure and diagnose it")
    yield from _closing(sections, found)


def _text_before(line: int, found: list[Block], named: list[Fence]) -> str:
    words = [item.text for block in found if isinstance(block, Text) for item in block.lines if item.number < line]
    words += [f"{block.argument}\n{block.text}" for block in named if block.line < line and block.name != "code-cell"]
    return "\n".join(words).lower()


def _closing(sections: list[Section], found: list[Block]) -> Iterator[Complaint]:
    second = [section for section in sections if section.level == 2]
    kinds = [_kind(section.title) for section in second]
    lacking = [kind for kind in ("summary", "exercises", "rows") if kind not in kinds]
    wording = {
        "summary": "## Summary",
        "exercises": "## Exercises",
        "rows": "## What this chapter replicates, with the ids of its rows",
    }
    for kind in lacking:
        yield Complaint(1, f"no section for its {kind}; close with {wording[kind]}")
    if lacking:
        return
    tail = kinds[kinds.index("summary") :]
    expected = [kind for kind in tail if kind in ("summary", "exercises", "rows")]
    if expected != ["summary", "exercises", "rows"] or "" in tail:
        yield Complaint(
            second[kinds.index("summary")].line,
            "a chapter closes with its summary, its exercises and the rows that it replicates, in this order, and "
            "nothing but further reading after them; move the sections",
        )
    rows = second[kinds.index("rows")]
    text = _text_of(rows, sections, found)
    if not ROW.search(text):
        yield Complaint(
            rows.line, "no row id such as 000-E2 in this section; name the rows that the chapter replicates"
        )
    for wrong in sorted({match.group() for match in _ANY_ROW.finditer(text)} - set(ROW.findall(text))):
        yield Complaint(rows.line, f"{wrong!r} is no row of the seeds 000 to 004; write ids such as 000-E2")


def _kind(title: str) -> str:
    lowered = title.lower()
    if lowered.startswith(("summary", "in short", "take-away", "takeaway", "what you learned")):
        return "summary"
    if lowered.startswith("exercise"):
        return "exercises"
    if "replicat" in lowered:
        return "rows"
    return "further" if CLOSING.match(title) else ""


def _text_of(section: Section, sections: list[Section], found: list[Block]) -> str:
    end = min(
        (other.line for other in sections if other.line > section.line and other.level <= section.level), default=10**9
    )
    parts = []
    for block in found:
        if isinstance(block, Text):
            parts += [line.text for line in block.lines if section.line < line.number < end]
        elif isinstance(block, Fence) and section.line < block.line < end:
            parts.append(block.text)
    return "\n".join(parts)


def replicated_rows(path: Path) -> set[str]:
    """Return the ids in the section of a chapter that lists the rows it replicates, such as 000-E1 to 000-E6."""
    found = list(blocks(front_matter(path.read_text(encoding="utf-8"))[1], path))
    sections = _sections(found)
    listed = next(section for section in sections if section.level == 2 and _kind(section.title) == "rows")
    text = _text_of(listed, sections, found)
    ranges = [(one["kind"], range(int(one["first"]), int(one["last"]) + 1)) for one in _RANGE.finditer(text)]
    return set(ROW.findall(text)) | {f"{kind}{number}" for kind, numbers in ranges for number in numbers}


def exercises(found: list[Block], path: Path) -> Iterator[Complaint]:
    """Check that each exercise has a folded solution."""
    asked: dict[str, int] = {}
    solved: dict[str, int] = {}
    for block in directives(found, path):
        if block.name in ("exercise", "exercise-start"):
            label = str(block.options.get("label", ""))
            if not label:
                yield Complaint(block.line, "this exercise has no :label:; give it one that its solution names")
            asked[label] = block.line
        elif block.name in ("solution", "solution-start"):
            solved[block.argument.strip()] = block.line
            classes = block.options.get("class", "")
            if "dropdown" not in (classes if isinstance(classes, list) else str(classes).split()):
                yield Complaint(block.line, "this solution stands open; fold it with :class: dropdown")
    if not asked:
        yield Complaint(1, "no {exercise}; ask for a prediction, then the run, and fold the solution")
    for label in asked.keys() - solved.keys() - {""}:
        yield Complaint(asked[label], f"exercise {label!r} has no solution; add {{solution}} {label}, folded")
    for label in solved.keys() - asked.keys():
        yield Complaint(
            solved[label], f"a solution to {label!r}, which is no exercise of this chapter; mend its argument"
        )
