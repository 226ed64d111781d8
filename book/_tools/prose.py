"""The prose of a page: its words without code, formulas, links, roles and options; and the bare numbers in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from book._tools.myst import VERBATIM, Block, Fence, Line, Text, blocks, front_matter, map_inline

_NO_PROSE = VERBATIM | {
    "bibliography",
    "chapter-costs",
    "collected-claims",
    "contents",
    "glue",
    "image",
    "include",
    "index",
    "list-table-of-contents",
    "math",
    "raw",
    "tableofcontents",
    "toctree",
}
_ARGUMENT_IS_PROSE = frozenset({"hint", "important", "margin", "note", "seealso", "tip", "warning"})
_HEADING = re.compile(r"^\s*#{1,6}\s")
_SILENT_LINE = re.compile(r"^\s*(?:%(?!\w)|\([^()\s]+\)=\s*$|\{[.#][^{}]*\}\s*$|\|?[\s:|-]*-{3,}[\s:|-]*$)")
_REMOVED = (
    re.compile(r"<!--.*?-->", re.DOTALL),
    re.compile(r"<https?://[^>]*>|https?://[^\s)>\]]+"),
    re.compile(r"</?[A-Za-z][^<>]*>"),
    re.compile(r"(?<=\])\((?:<[^>]*>|[^()\s]*)(?:\s+\"[^\"]*\")?\)"),
    re.compile(r"(?<=[)\]])\{[.#\w][^{}]*\}"),
    re.compile(r"\{\{.*?\}\}"),
    re.compile(r"\[\^[^\]]+\]:?"),
    re.compile(r"^\s*(?:>\s*)*\d+[.)]\s", re.MULTILINE),
    re.compile(r"\b(?:arXiv|doi):\S+|\b10\.\d{4,}/\S+", re.IGNORECASE),
)
_UNIT = (
    r"(?:[%‰°×]|(?:dB|px|ppm|rad|[mµnk]?s|min|h|[mcµk]?m|[kMG]?Hz|m?T|T/m|[kMGT]i?B|[mnµ]?mol|K|x|fold|times"
    r"|percent|per[ ]cent|degrees?|pixels?|voxels?|seconds?|minutes?|hours?|days?|weeks?|metres?|decibels?)\b)"
)
_NAMES = re.compile(
    r"""
    \b00[0-4]-[A-Z][A-Za-z]*\d*[a-z]?            # rows of the seeds
    | \b[A-Za-z]+[-‑]?\d+(?:\.\d+)?[\w-]*      # T1, B0, R2, L1-wavelet, fp16, float64, BSD-3-Clause
    | \b\d[-‑]?D\b                             # 2-D, 3D
    | \bCC[ ](?:BY|0)(?:-[A-Z]+)*[ ]\d\.\d     # licences
    | \b(?:Python|PyTorch|Jupyter[ ]Book|version)[ ]\d+(?:\.\d+)*\b
    | \b\d+(?:st|nd|rd|th)\b
    | \b(?:19|20)\d\d(?:s\b|\b(?![.,]?\d|[-‑ \u00a0]?UNIT))
    """.replace("UNIT", _UNIT),
    re.VERBOSE,
)
_NUMBER = re.compile(
    rf"""
    (?<![\w.,])[-+−±]?
    (?:
      \d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?         # 1,234
      | \d+\.\d+                               # 3.1
      | \.\d+                                  # .5
      | \d{{2,}}                               # 12
      | \d(?=[-‑ \u00a0]?{_UNIT})              # 3 dB
      | \d(?=\d*[eE][-+]?\d)                   # 1e-3
    )
    (?:[eE][-+−]?\d+)?
    (?:[-‑ \u00a0]?{_UNIT})?
    """,
    re.VERBOSE,
)


def prose(text: str, path: Path | str) -> Iterator[tuple[int, str]]:
    """Yield the prose of a page, line by line: line number, and the words left of it.

    Raises
    ------
    MystError
        If a fence or a formula is never closed.
    """
    _, lines = front_matter(text)
    yield from _of_blocks(blocks(lines, path), path)


def _of_blocks(found: list[Block], path: Path | str) -> Iterator[tuple[int, str]]:
    for block in found:
        if isinstance(block, Text):
            yield from _of_text(block.lines)
        elif isinstance(block, Fence) and block.name and block.name not in _NO_PROSE:
            if block.name in _ARGUMENT_IS_PROSE and block.argument:
                yield from _of_text([Line(block.line, block.argument)])
            yield from _of_blocks(blocks(block.body, path), path)


def _of_text(lines: list[Line]) -> Iterator[tuple[int, str]]:
    paragraph: list[Line] = []
    for line in [*lines, Line(0, "")]:
        silent = _HEADING.match(line.text) or _SILENT_LINE.match(line.text)
        if silent or not line.text.strip():
            yield from _of_paragraph(paragraph)
            paragraph = []
        else:
            paragraph.append(line)


def _of_paragraph(lines: list[Line]) -> Iterator[tuple[int, str]]:
    if not lines:
        return
    text = "\n".join(line.text for line in lines)
    # What is removed leaves a word-like mark and its line breaks: the words beside it must not run together.
    text = map_inline(
        text,
        role=lambda _name, content, _position: _mark(content),
        code=_mark,
        math=_mark,
        plain=lambda plain, _position: plain,
    )
    for pattern in _REMOVED:
        text = pattern.sub(lambda match: _mark(match.group(), ""), text)
    yield from zip((line.number for line in lines), text.split("\n"), strict=True)


def _mark(removed: str, mark: str = "\u2022") -> str:
    return mark + "\n" * removed.count("\n")


def bare_numbers(words: str) -> list[str]:
    """Numbers of a line of prose that are neither a year nor part of a name."""
    without_names = _NAMES.sub(lambda match: "\u2022" * len(match.group()), words)
    return [match.group().strip() for match in _NUMBER.finditer(without_names)]
