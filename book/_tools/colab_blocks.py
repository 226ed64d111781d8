"""Blocks of the notebook edition: every directive that the book uses, as Markdown that any notebook shows."""

from __future__ import annotations

import html
import re
from collections.abc import Callable

from book._tools.colab_inline import image_address, inline
from book._tools.colab_page import TARGET, Page
from book._tools.myst import Block, Break, Fence, Line, Math, Text, blocks, front_matter

ADMONITIONS = {
    "admonition": "",
    "attention": "Attention",
    "caution": "Caution",
    "danger": "Danger",
    "epigraph": "",
    "error": "Error",
    "example": "",
    "hint": "Hint",
    "important": "Important",
    "margin": "Aside",
    "note": "Note",
    "pull-quote": "",
    "seealso": "See also",
    "sidebar": "",
    "tip": "Tip",
    "topic": "",
    "warning": "Warning",
}
OWN_TITLE = frozenset({"admonition", "example", "sidebar", "topic"})
TRANSPARENT = frozenset({"container", "div", "grid", "grid-item", "tab-set", "table-wrapper"})
TITLED = frozenset({"card", "grid-item-card", "tab-item"})
DROPPED = frozenset(
    {
        "bibliography",
        "chapter-costs",
        "collected-claims",
        "contents",
        "exercise-end",
        "index",
        "solution-end",
        "tableofcontents",
        "toctree",
    }
)

_COMMENT = re.compile(r"^\s*%(?!\w)")
_BLOCK_ATTRIBUTES = re.compile(r"^\s*\{[.#][^{}]*\}\s*$")
_DEFINITION = re.compile(r"^:\s+(?P<text>\S.*)$")
_PARAGRAPH_START = re.compile(r"^\s*(?:[-*+]|\d+[.)]|>|#{1,6}|\|)\s")


def render(lines: list[Line], page: Page) -> list[str]:
    """Convert the body of a directive."""
    rendered: list[str] = []
    for block in blocks(lines, page.path):
        rendered += convert(block, page)
    return tidy("\n".join(rendered)).split("\n")


def convert(block: Block, page: Page) -> list[str]:
    """Convert one block into lines of Markdown."""
    if isinstance(block, Text):
        return _text(block.lines, page)
    if isinstance(block, Math):
        return _indented(["", *_formula(block.body), ""], block.indent)
    if isinstance(block, Break):
        return [""]
    if not block.name:
        if block.info.startswith(":"):
            raise page.error(block.line, "a ::: block without a name; name a directive, such as :::{note}")
        return _indented(_code(block.info, block.body), block.indent)
    return _indented(["", *_directive(block, page), ""], block.indent)


def _indented(lines: list[str], indent: str) -> list[str]:
    return [indent + line if line else line for line in lines]


def tidy(text: str) -> str:
    """No more than one empty line in a row outside code, none at the ends."""
    lines: list[str] = []
    fence = ""
    for line in text.split("\n"):
        mark = line.strip()[:3]
        if mark in ("```", "~~~"):
            fence = "" if fence else mark
        if fence or line.strip() or (lines and lines[-1].strip()):
            lines.append(line if line.strip() else "")
    return "\n".join(lines).strip("\n")


def _formula(body: str) -> list[str]:
    body = re.sub(r"\\label\{[^{}]*\}", "", body).strip()
    return ["$$", *[line for line in body.split("\n") if line.strip()], "$$"]


def _code(info: str, body: list[Line]) -> list[str]:
    longest = max((len(ticks) for line in body for ticks in re.findall(r"`{3,}", line.text)), default=2)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}{info}", *[line.text for line in body], fence]


def _quote(lines: list[str]) -> list[str]:
    return [f"> {line}" if line else ">" for line in lines]


def _titled(title: str, body: list[str]) -> list[str]:
    lead = [f"**{title}**"] if title else []
    separator = [""] if lead and any(body) else []
    return _quote([*lead, *separator, *(body if any(body) else [])])


def _folded(title: str, body: list[str]) -> list[str]:
    return ["<details>", f"<summary><b>{html.escape(title)}</b></summary>", "", *body, "", "</details>"]


def _directive(block: Fence, page: Page) -> list[str]:
    name = block.name
    argument = inline(block.argument, page, block.line)
    if name in DROPPED:
        return []
    if name in ADMONITIONS:
        title, body = ADMONITIONS[name], block.body
        if name in OWN_TITLE:
            title = argument
        elif argument:
            # `{note} words` puts the first words of the note on the opening line.
            body = [Line(block.line, block.argument), *body]
        rendered = render(body, page)
        if "dropdown" in _classes(block):
            return _folded(title or "More", rendered)
        return _titled(title, rendered)
    if name == "dropdown":
        return _folded(argument or "More", render(block.body, page))
    if name in ("exercise", "exercise-start", "solution", "solution-start"):
        return _exercise(block, page)
    if name.startswith("prf:"):
        kind = name.removeprefix("prf:").capitalize()
        return _titled(f"{kind} ({argument})" if argument else kind, render(block.body, page))
    if name in TRANSPARENT:
        return render(block.body, page)
    if name in TITLED:
        return [f"**{argument}**", "", *render(block.body, page)] if argument else render(block.body, page)
    handler = _HANDLERS.get(name)
    if handler is None:
        raise page.error(
            block.line, f"the directive {{{name}}} is not known to the notebook edition; teach book/_tools/colab.py"
        )
    return handler(block, page)


def _classes(block: Fence) -> list[str]:
    value = block.options.get("class", "")
    return value if isinstance(value, list) else str(value).split()


def _exercise(block: Fence, page: Page) -> list[str]:
    argument = inline(block.argument, page, block.line)
    if block.name.startswith("exercise"):
        number = page.exercises.get(str(block.options.get("label", "")), 0)
        title = f"Exercise {number}" if number else "Exercise"
        return _titled(f"{title} ({argument})" if argument else title, render(block.body, page))
    number = page.exercises.get(block.argument.strip(), 0)
    title = f"Solution to Exercise {number}" if number else "Solution"
    body = render(block.body, page)
    # Code cells cannot stand inside a folded block: a gated solution keeps its title and its words stay open.
    return _titled(title, body) if block.name == "solution-start" else _folded(title, body)


def _figure(block: Fence, page: Page) -> list[str]:
    alt = str(block.options.get("alt", "")).replace("[", "(").replace("]", ")")
    caption = render(block.body, page)
    image = f"![{alt}]({image_address(block.argument.strip(), page)})"
    return [image, "", *_captioned(block, caption, page)] if any(caption) else [image]


def _captioned(block: Fence, caption: list[str], page: Page) -> list[str]:
    label = str(block.options.get("name", ""))
    lead = f"**{page.titles[label]}.** " if label in page.titles else ""
    return [lead + caption[0], *caption[1:]] if any(caption) else []


def _glue_figure(block: Fence, page: Page) -> list[str]:
    return _captioned(block, render(block.body, page), page)


def _math_directive(block: Fence, _page: Page) -> list[str]:
    return _formula("\n".join(text for text in (block.argument, block.text) if text.strip()))


def _code_directive(block: Fence, _page: Page) -> list[str]:
    language = "python" if block.name == "code-cell" else block.argument
    body = block.body
    while body and not body[0].text.strip():
        body = body[1:]
    return _code(language, body)


def _table(block: Fence, page: Page) -> list[str]:
    argument = inline(block.argument, page, block.line)
    caption = [f"**{argument}**", ""] if argument else []
    return [*caption, *render(block.body, page)]


def _list_table(block: Fence, page: Page) -> list[str]:
    argument = inline(block.argument, page, block.line)
    rows: list[list[str]] = []
    for line in block.body:
        text = line.text
        if first := re.match(r"^\*\s+-\s?(.*)$", text):
            rows.append([inline(first[1], page, line.number)])
        elif more := re.match(r"^\s+-\s?(.*)$", text):
            rows[-1].append(inline(more[1], page, line.number))
        elif text.strip():
            rows[-1][-1] += " " + inline(text.strip(), page, line.number)
    if not rows:
        return []
    width = max(len(row) for row in rows)
    head = rows if int(block.options.get("header-rows") or 0) else [[""] * width, *rows]
    cells = [row + [""] * (width - len(row)) for row in head]
    lines = [f"| {' | '.join(row)} |" for row in cells]
    caption = [f"**{argument}**", ""] if argument else []
    return [*caption, lines[0], "|" + " --- |" * width, *lines[1:]]


def _include(block: Fence, page: Page) -> list[str]:
    path = (page.path.parent / block.argument.strip()).resolve()
    if not path.is_file():
        raise page.error(block.line, f"the included file {block.argument.strip()} does not exist")
    _, lines = front_matter(path.read_text(encoding="utf-8"))
    return render(lines, page)


def _rubric(block: Fence, page: Page) -> list[str]:
    argument = inline(block.argument, page, block.line)
    return [f"**{argument}**"]


def _glossary(block: Fence, page: Page) -> list[str]:
    lines: list[str] = []
    for line in block.body:
        term = line.text.strip()
        if term and not line.text.startswith((" ", ":")):
            lines += ["", f"**{inline(term, page, line.number)}**", ""]
        else:
            lines.append(inline(term.removeprefix(":").strip(), page, line.number))
    return lines


def _raw(block: Fence, _page: Page) -> list[str]:
    return [] if block.argument.strip() != "html" else [line.text for line in block.body]


_HANDLERS: dict[str, Callable[[Fence, Page], list[str]]] = {
    "code": _code_directive,
    "code-block": _code_directive,
    "code-cell": _code_directive,
    "figure": _figure,
    "glossary": _glossary,
    "glue:figure": _glue_figure,
    "image": _figure,
    "include": _include,
    "list-table": _list_table,
    "math": _math_directive,
    "raw": _raw,
    "rubric": _rubric,
    "sourcecode": _code_directive,
    "table": _table,
}


def _text(lines: list[Line], page: Page) -> list[str]:
    """Convert ordinary Markdown paragraph by paragraph, so that no span reaches over an empty line."""
    result: list[str] = []
    paragraph: list[Line] = []
    for line in [*lines, Line(0, "")]:
        text = line.text
        if TARGET.match(text) or _COMMENT.match(text) or _BLOCK_ATTRIBUTES.match(text):
            continue
        definition = _DEFINITION.match(text)
        if paragraph and (not text.strip() or definition or _PARAGRAPH_START.match(text)):
            converted = _paragraph(paragraph, page)
            result += [f"**{converted[0]}**", ""] if definition and len(paragraph) == 1 else converted
            paragraph = []
        if not text.strip():
            result.append("")
        else:
            paragraph.append(Line(line.number, definition["text"]) if definition else line)
    return result[:-1]


def _paragraph(lines: list[Line], page: Page) -> list[str]:
    return inline("\n".join(line.text for line in lines), page, lines[0].number).split("\n")
