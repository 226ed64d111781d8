"""Read MyST Markdown line by line: the blocks of a page, each with the line it came from.

This is not a full parser. It knows what the tools beside it need (fences and directives with their options, formulas,
code, inline roles) and keeps line numbers, so that every complaint can name its place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import yaml

ROOT = Path(__file__).resolve().parents[2]
"""Top of the repository."""


class Line(NamedTuple):
    """One line of a file."""

    number: int
    text: str


@dataclass(frozen=True)
class Text:
    """Lines of ordinary Markdown."""

    lines: list[Line]


@dataclass(frozen=True)
class Math:
    """A display formula: what stands between the dollars, or an amsmath environment whole."""

    line: int
    body: str
    label: str = ""
    indent: str = ""


@dataclass(frozen=True)
class Break:
    """``+++``: the notebook starts a new Markdown cell here."""

    line: int


@dataclass(frozen=True)
class Fence:
    """A fenced block: a directive when it has a name, else code."""

    line: int
    name: str
    argument: str
    body: list[Line]
    options: dict[str, Any] = field(default_factory=dict)
    info: str = ""
    indent: str = ""

    @property
    def text(self) -> str:
        """The body as one text."""
        return "\n".join(line.text for line in self.body)


Block = Text | Math | Break | Fence

_OPEN = re.compile(r"^(?P<indent>\s*)(?P<fence>`{3,}(?=[^`]*$)|~{3,}|:{3,})(?P<info>.*)$")
_NAME = re.compile(r"^\s*\{(?P<name>[^}\s]+)\}\s*(?P<argument>.*)$")
_OPTION = re.compile(r"^\s*:(?P<key>[A-Za-z][\w-]*):(?:\s+(?P<value>.*))?\s*$")
_MATH = re.compile(r"^(?P<indent>\s*)\$\$(?P<rest>.*)$")
_MATH_END = re.compile(r"^(?P<body>.*?)\$\$\s*(?:\((?P<label>[^()]+)\))?\s*$")
_AMSMATH = re.compile(
    r"^(?P<indent>\s*)\\begin\{(?P<name>(?:equation|align|gather|multline|alignat|flalign|eqnarray)\*?)\}"
)
VERBATIM = frozenset({"code", "code-block", "code-cell", "sourcecode", "math", "raw", "literalinclude", "figure-md"})
"""Directives whose body is no Markdown (the options are still read)."""


class MystError(Exception):
    """Something on a page that cannot be read or carried over; the message starts with ``file:line``."""

    def __init__(self, path: Path | str, line: int, message: str) -> None:
        super().__init__(f"{path}:{line}: {message}")
        self.line, self.message = line, message


def front_matter(text: str) -> tuple[dict[str, Any], list[Line]]:
    """Split a page into its YAML header (empty where there is none) and its numbered lines."""
    lines = [Line(number, line) for number, line in enumerate(text.splitlines(), start=1)]
    if not lines or lines[0].text.strip() != "---":
        return {}, lines
    for index, line in enumerate(lines[1:], start=1):
        if line.text.strip() in ("---", "..."):
            header = yaml.safe_load("\n".join(item.text for item in lines[1:index])) or {}
            return (header, lines[index + 1 :]) if isinstance(header, dict) else ({}, lines)
    return {}, lines


def is_notebook(header: dict[str, Any]) -> bool:
    """Whether a page's header makes it a MyST notebook."""
    return "jupytext" in header or "kernelspec" in header


def pages(root: Path) -> list[Path]:
    """Every MyST page under ``root/book``, folders that start with ``_`` or ``.`` excepted."""
    book = root / "book"
    found = (path for path in book.rglob("*.md"))
    return sorted(path for path in found if not any(part[0] in "._" for part in path.relative_to(book).parts))


def notebooks(root: Path) -> list[Path]:
    """Those of `pages` that are MyST notebooks."""
    return [path for path in pages(root) if is_notebook(front_matter(path.read_text(encoding="utf-8"))[0])]


def blocks(lines: list[Line], path: Path | str) -> list[Block]:
    """Cut lines into blocks.

    Raises
    ------
    MystError
        If a fence or a formula is opened and not closed, or the options of a directive are not YAML.
    """
    return list(_blocks(lines, path))


def _blocks(lines: list[Line], path: Path | str) -> Iterator[Block]:
    text: list[Line] = []
    index = 0
    while index < len(lines):
        line = lines[index]
        block: Block
        if opening := _OPEN.match(line.text):
            block, index = _fence(lines, index, opening, path)
        elif _MATH.match(line.text):
            block, index = _math(lines, index, path)
        elif environment := _AMSMATH.match(line.text):
            block, index = _amsmath(lines, index, environment, path)
        elif line.text.startswith("+++"):
            block, index = Break(line.number), index + 1
        else:
            text.append(line)
            index += 1
            continue
        if text:
            yield Text(text)
            text = []
        yield block
    if text:
        yield Text(text)


def _fence(lines: list[Line], index: int, opening: re.Match[str], path: Path | str) -> tuple[Fence, int]:
    fence, indent = opening["fence"], opening["indent"]
    closing = re.compile(rf"^\s*{re.escape(fence[0])}{{{len(fence)},}}\s*$")
    start = lines[index].number
    named = _NAME.match(opening["info"])
    end = _closing_line(lines, index + 1, closing)
    if end is None:
        raise MystError(path, start, f"the fence {fence}{opening['info'].rstrip()} is never closed; add {fence}")
    body = [Line(line.number, _dedent(line.text, indent)) for line in lines[index + 1 : end]]
    if named is None:
        return Fence(
            start, "", "", body, info=opening["info"].strip() or ":" * (fence[0] == ":"), indent=indent
        ), end + 1
    options, body = _options(body, path, start)
    return Fence(start, named["name"], named["argument"].strip(), body, options, "", indent), end + 1


def _closing_line(lines: list[Line], index: int, closing: re.Pattern[str]) -> int | None:
    """Find the first bare fence that is as long: a fence inside must be shorter or of the other kind."""
    return next((i for i in range(index, len(lines)) if closing.match(lines[i].text)), None)


def _dedent(text: str, indent: str) -> str:
    return text[len(indent) :] if text[: len(indent)].isspace() or not indent else text.lstrip()


def _options(body: list[Line], path: Path | str, start: int) -> tuple[dict[str, Any], list[Line]]:
    if body and body[0].text.strip() == "---":
        end = next((i for i, line in enumerate(body[1:], start=1) if line.text.strip() == "---"), None)
        if end is None:
            raise MystError(path, start, "the options of this directive are never closed; add ---")
        source, rest = [line.text for line in body[1:end]], body[end + 1 :]
        try:
            options = yaml.safe_load("\n".join(source)) or {}
        except yaml.YAMLError as error:
            raise MystError(path, start, f"the options of this directive are not YAML: {error}") from error
        return options, rest
    count = next((i for i, line in enumerate(body) if not _OPTION.match(line.text)), len(body))
    options = {}
    for line in body[:count]:
        match = _OPTION.match(line.text)
        if match is not None:
            options[match["key"]] = _option_value(match["value"])
    return options, body[count:]


def _option_value(value: str | None) -> Any:
    if value is None or not value.strip().startswith("["):
        return (value or "").strip()
    try:
        return yaml.safe_load(value)
    except yaml.YAMLError:
        return value.strip()


def _math(lines: list[Line], index: int, path: Path | str) -> tuple[Block, int]:
    opening = _MATH.match(lines[index].text)
    indent, rest = (opening["indent"], opening["rest"]) if opening is not None else ("", "")
    body: list[str] = []
    for position in range(index, len(lines)):
        text = rest if position == index else lines[position].text
        if end := _MATH_END.match(text):
            body.append(end["body"])
            formula = "\n".join(body).strip("\n")
            return Math(lines[index].number, formula, end["label"] or "", indent), position + 1
        if position == index and "$$" in text:
            # `$$a$$ and then words`: an inline use, which stays text.
            return Text([lines[index]]), index + 1
        body.append(text)
    raise MystError(path, lines[index].number, "this formula is never closed; add $$")


def _amsmath(lines: list[Line], index: int, opening: re.Match[str], path: Path | str) -> tuple[Math, int]:
    closing = f"\\end{{{opening['name']}}}"
    for position in range(index, len(lines)):
        if closing in lines[position].text:
            body = "\n".join(line.text for line in lines[index : position + 1])
            return Math(lines[index].number, body.strip(), indent=opening["indent"]), position + 1
    raise MystError(path, lines[index].number, f"this formula is never closed; add {closing}")


_CODE_SPAN = re.compile(r"(?<![`\\])(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
_ROLE_SPAN = re.compile(r"\{(?P<name>[A-Za-z][\w:.+-]*)\}(?P<ticks>`+)(?P<content>.+?)(?<!`)(?P=ticks)(?!`)", re.DOTALL)
_INLINE_MATH = re.compile(r"(?<![\\$])(\$\$?)(?![\s$])(.+?)(?<![\s\\$])\1(?![\d$])", re.DOTALL)


def map_inline(
    text: str,
    *,
    role: Callable[[str, str, int], str],
    code: Callable[[str], str],
    math: Callable[[str], str],
    plain: Callable[[str, int], str],
) -> str:
    """Rebuild a text from its roles, code spans, inline formulas and the plain stretches between them.

    Each callable gets what it stands for, whole (``role`` gets name and content); ``role`` and ``plain`` also get where
    it starts in the text. Code wins over mathematics and roles that start later, as in CommonMark.
    """
    result, position = [], 0
    while position < len(text):
        found = [
            (match.start(), rank, match)
            for rank, pattern in enumerate((_ROLE_SPAN, _CODE_SPAN, _INLINE_MATH))
            if (match := pattern.search(text, position))
        ]
        if not found:
            break
        start, rank, match = min(found, key=lambda item: item[:2])
        result.append(plain(text[position:start], position))
        if rank == 0:
            result.append(role(match["name"], match["content"], start))
        else:
            result.append((code, math)[rank - 1](match.group()))
        position = match.end()
    result.append(plain(text[position:], position))
    return "".join(result)
