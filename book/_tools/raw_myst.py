"""Find MyST that a plain notebook would show raw. Shares nothing with the conversion that it checks."""

from __future__ import annotations

import re
from typing import Any

_RAW = (
    ("a directive", re.compile(r"^\s*(?:>\s*)*(?:`{3,}|~{3,}|:{3,})\s*\{[^}]*\}", re.MULTILINE)),
    ("a colon fence", re.compile(r"^\s*(?:>\s*)*:{3,}", re.MULTILINE)),
    ("a role", re.compile(r"\{[A-Za-z][\w:.+-]*\}`")),
    ("a target", re.compile(r"^\s*\([^()\s]+\)=\s*$", re.MULTILINE)),
    ("a comment", re.compile(r"^%", re.MULTILINE)),
    ("a substitution", re.compile(r"\{\{.*?\}\}")),
    ("a cell break", re.compile(r"^\+\+\+", re.MULTILINE)),
    ("a directive option", re.compile(r"^\s*(?:>\s*)*:[A-Za-z][\w-]*:(?:\s|$)", re.MULTILINE)),
    ("attributes", re.compile(r"[)\]`]\{[.#\w][^{}]*\}")),
    ("block attributes", re.compile(r"^\s*\{[.#][^{}]*\}\s*$", re.MULTILINE)),
    ("an equation label", re.compile(r"\$\$[ \t]*\([^()\s]+\)[ \t]*$", re.MULTILINE)),
    ("a footnote", re.compile(r"\[\^[^\]]+\]")),
    ("a definition", re.compile(r"^:\s+\S", re.MULTILINE)),
)
_CODE_BLOCKS = re.compile(
    r"^(?P<indent>[ >]*)(?P<fence>`{3,}|~{3,})(?!\s*\{)[^\n`]*\n.*?^[ >]*(?P=fence)[`~]*\s*$", re.MULTILINE | re.DOTALL
)
_CODE = re.compile(r"(?<![`}])(`+)(?!`).+?(?<!`)\1(?!`)")
_DISPLAY = re.compile(r"\$\$.*?\$\$", re.DOTALL)
_FORMULA = re.compile(r"(?<![\\$])\$(?![\s$])[^$]+?(?<![\s\\])\$(?!\d)")


def has_raw_myst(notebook: Any) -> list[str]:
    """Find MyST that Markdown does not know in the text cells of a notebook.

    Returns
    -------
    list of str
        One line for each find: the number of the cell, what it is, and the text around it.
    """
    found = []
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type != "markdown":
            continue
        text = _CODE_BLOCKS.sub("", cell.source)
        text = _CODE.sub("x", text)
        text = _DISPLAY.sub("$$$$", text)
        text = _FORMULA.sub("x", text)
        for kind, pattern in _RAW:
            found += [f"cell {number}: {kind}: {match.group().strip()!r}" for match in pattern.finditer(text)]
    return found
