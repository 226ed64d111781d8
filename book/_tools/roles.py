"""The role ``const``: a number that prose may state because it is a constant, not a result.

``{const}`42.58 MHz/T``` renders its text. The lint of the chapters refuses any other bare number in prose.
"""

from __future__ import annotations

from typing import Any

from docutils import nodes
from docutils.parsers.rst.states import Inliner
from sphinx.application import Sphinx


def const_role(
    _name: str,
    rawtext: str,
    text: str,
    lineno: int,
    inliner: Inliner,
    _options: dict[str, Any] | None = None,
    _content: list[str] | None = None,
) -> tuple[list[nodes.Node], list[nodes.system_message]]:
    """Render the text of the role as it stands, with the class ``otrecon-const``."""
    if not text.strip():
        message = inliner.reporter.error("The role const needs a number and its unit.", line=lineno)
        return [inliner.problematic(rawtext, rawtext, message)], [message]
    return [nodes.inline(rawtext, text, classes=["otrecon-const"])], []


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the role."""
    app.add_role("const", const_role)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
