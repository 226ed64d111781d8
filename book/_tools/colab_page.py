"""What the notebook edition knows of a page before it converts it: its labels, titles and numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from book._tools.bibliography import Reference
from book._tools.myst import Block, Fence, Line, Math, MystError, blocks

Target = str | tuple[str, str]
"""Where a label leads: an address, or an address and the words to show (a title, or a number such as ``(3)``)."""

TARGET = re.compile(r"^\s*\((?P<label>[^()\s]+)\)=\s*$")
HEADING = re.compile(r"^#{1,6}\s+(?P<title>.*?)\s*#*$")
_LEAVES = frozenset({"code", "code-block", "code-cell", "math", "raw"})


@dataclass
class Page:
    """What a page is converted with, and what is gathered on the way."""

    path: Path
    docname: str
    root: Path
    glue: Mapping[str, str]
    labels: Mapping[str, Target]
    site_url: str
    references: Mapping[str, Reference]
    substitutions: Mapping[str, Any]
    titles: dict[str, str] = field(default_factory=dict)
    targets: set[str] = field(default_factory=set)
    cited: list[str] = field(default_factory=list)
    exercises: dict[str, int] = field(default_factory=dict)
    figures: int = 0

    @property
    def url(self) -> str:
        """Address of the published page."""
        return f"{self.site_url}{self.docname}.html"

    def error(self, line: int, message: str) -> MystError:
        """Make the error that names this file and the line."""
        return MystError(self.path, line, message)


def gather(lines: list[Line], page: Page) -> None:
    """Learn the titles that labels stand before, and number the exercises."""
    waiting: list[str] = []
    for line in lines:
        if target := TARGET.match(line.text):
            waiting.append(target["label"])
            page.targets.add(target["label"])
        elif heading := HEADING.match(line.text):
            page.titles.update(dict.fromkeys(waiting, heading["title"]))
            waiting = []
        elif line.text.strip():
            waiting = []
    _gather_blocks(blocks(lines, page.path), page)


def _gather_blocks(found: list[Block], page: Page) -> None:
    for block in found:
        if isinstance(block, Math) and block.label:
            page.targets.add(block.label)
        if not isinstance(block, Fence) or not block.name:
            continue
        label = str(block.options.get("label") or block.options.get("name") or "")
        title = block.argument or label
        if block.name in ("exercise", "exercise-start"):
            number = len(page.exercises) + 1
            page.exercises[label or f"exercise {number}"] = number
            title = f"Exercise {number}"
        elif block.name in ("figure", "glue:figure") and label:
            page.figures += 1
            title = f"Figure {page.figures}"
        elif block.name == "math":
            title = ""
        if label:
            page.targets.add(label)
            page.titles[label] = title
        if block.name not in _LEAVES:
            _gather_blocks(blocks(block.body, page.path), page)
