"""Inside a line of the notebook edition: roles, links, citations, glued numbers and substitutions."""

from __future__ import annotations

import posixpath
import re

from book._tools.colab_page import HEADING, TARGET, Page
from book._tools.myst import front_matter, map_inline

PLAIN_ROLES = frozenset({"abbr", "const", "guilabel", "index", "kbd", "menuselection", "rubric"})
CODE_ROLES = frozenset({"code", "command", "file", "func", "literal", "meth", "mod", "class", "attr", "program"})
CITATIONS = frozenset({"cite", "cite:p", "cite:ps", "cite:t", "cite:ts", "cite:author", "cite:year"})
LINKS = frozenset({"doc", "eq", "numref", "prf:ref", "ref", "term", "download"})


_INLINE_ATTRIBUTES = re.compile(r"(?<=[)\]])\{[.#\w][^{}]*\}")
_SUBSTITUTION = re.compile(r"\{\{\s*(?P<name>[\w-]+)\s*\}\}")
_LINK = re.compile(
    r"(?P<bang>!?)\[(?P<text>(?:[^\[\]]|\[[^\[\]]*\])*)\]\((?P<target><[^>]*>|[^()\s]*)(?P<title>\s+\"[^\"]*\")?\)"
)
_FOOTNOTE = re.compile(r"\[\^(?P<name>[^\]\s]+)\](?P<colon>:?)")
_EXPLICIT = re.compile(r"^(?P<text>.*?)\s*<(?P<target>[^<>]+)>$", re.DOTALL)
_EXTERNAL = re.compile(r"^(?:[a-z][a-z0-9+.-]*:|//)")


def inline(text: str, page: Page, first_line: int) -> str:
    """Convert a paragraph or a title."""

    def line_at(position: int) -> int:
        return first_line + text.count("\n", 0, position)

    # Substitutions first, as MyST does: what they stand for may hold roles.
    def substitute(match: re.Match[str]) -> str:
        if match["name"] not in page.substitutions:
            raise page.error(line_at(match.start()), f"the substitution {{{{ {match['name']} }}}} is not defined")
        return str(page.substitutions[match["name"]])

    text = map_inline(
        text,
        role=lambda name, content, _: f"{{{name}}}`{content}`",
        code=lambda code: code,
        math=lambda formula: formula,
        plain=lambda plain, _: _SUBSTITUTION.sub(substitute, plain),
    )
    # Links may hold roles and code in their words, so they are found once these are out of the way.
    kept: list[str] = []

    def keep(piece: str) -> str:
        kept.append(piece)
        return f"\x00{len(kept) - 1}\x00"

    text = map_inline(
        text,
        role=lambda name, content, position: keep(_role(name, content, page, line_at(position))),
        code=keep,
        math=keep,
        plain=lambda plain, _: plain,
    )
    text = _LINK.sub(lambda match: _link(match, page, line_at(match.start())), text)
    text = _INLINE_ATTRIBUTES.sub("", text)
    text = _FOOTNOTE.sub(lambda match: f"<sup>{match['name']}</sup>", text)
    while "\x00" in text:
        text = re.sub(r"\x00(\d+)\x00", lambda match: kept[int(match[1])], text)
    return text


def _role(name: str, content: str, page: Page, line: int) -> str:
    content = " ".join(content.split())
    if name in PLAIN_ROLES:
        return content
    if name in CODE_ROLES or name.startswith("py:"):
        explicit = _EXPLICIT.match(content)
        shown = explicit["text"] if explicit else content.lstrip("!")
        return f"`{shown.rpartition('.')[2] if shown.startswith('~') else shown}`"
    if name == "math":
        return f"${content}$"
    if name in ("sub", "sup", "subscript", "superscript"):
        tag = name[:3]
        return f"<{tag}>{content}</{tag}>"
    if name in ("emphasis", "strong"):
        mark = "*" if name == "emphasis" else "**"
        return f"{mark}{content}{mark}"
    if name in ("glue:text", "glue:", "glue", "glue:any"):
        return _glued(content, page, line)
    if name in CITATIONS:
        return _citation(name, content, page, line)
    if name in LINKS:
        return _reference(name, content, page, line)
    raise page.error(line, f"the role {{{name}}} is not known to the notebook edition; teach book/_tools/colab.py")


def _glued(content: str, page: Page, line: int) -> str:
    key, _, form = content.partition(":")
    if key not in page.glue:
        raise page.error(line, f"the number {key!r} is not glued in this chapter; call show.glue({key!r}, ...)")
    text = page.glue[key]
    if not form or form == "s":
        return text
    try:
        return format(float(text), form)
    except ValueError as error:
        raise page.error(
            line, f"the number {key!r} is {text!r}, which {form!r} cannot format; format it in show.glue"
        ) from error


def _citation(name: str, content: str, page: Page, line: int) -> str:
    shown = []
    for key in (part.strip() for part in content.split(",")):
        if key not in page.references:
            raise page.error(line, f"the citation {key!r} is not in the bibliography")
        if key not in page.cited:
            page.cited.append(key)
        reference = page.references[key]
        words = {
            "cite:t": f"{reference.authors} ({reference.year})",
            "cite:ts": f"{reference.authors} ({reference.year})",
            "cite:author": reference.authors,
            "cite:year": reference.year,
        }.get(name, f"{reference.authors}, {reference.year}")
        shown.append(f"[{words}](#ref-{key})")
    return f"({'; '.join(shown)})" if name in ("cite", "cite:p", "cite:ps") else ", ".join(shown)


def _reference(name: str, content: str, page: Page, line: int) -> str:
    explicit = _EXPLICIT.match(content)
    words, target = (explicit["text"], explicit["target"]) if explicit else ("", content)
    if name == "doc":
        url, title = _document(target, page, line)
    elif name == "term":
        url, title = _labelled_if_known(target, page), target
    elif name == "download":
        url, title = page.url, posixpath.basename(target)
    else:
        url, title = _labelled(target, page, line)
    if name == "numref" and words:
        title = words.replace("%s", _number(title)).replace("{number}", _number(title)).replace("{name}", title).strip()
        words = ""
    if name == "eq" and not title:
        title = "this equation"
    return f"[{words or title or 'here'}]({url})" if url else words or title


def _number(title: str) -> str:
    found = re.search(r"[\d.]+$", title)
    return found.group() if found else title


def _labelled(label: str, page: Page, line: int) -> tuple[str, str]:
    own = page.titles.get(label, "")
    if label not in page.labels and label.lower() in page.labels:
        label = label.lower()  # Sphinx keeps its labels so
    if label in page.labels:
        target = page.labels[label]
        url, title = (target, "") if isinstance(target, str) else target
        return url, title or own or _title_behind(url, page)
    if own or label in page.targets:
        return f"{page.url}#{label}", own
    raise page.error(line, f"the label {label!r} is not defined in the book")


def _labelled_if_known(term: str, page: Page) -> str:
    target = page.labels.get(term, "")
    return target if isinstance(target, str) else target[0]


def _title_behind(url: str, page: Page) -> str:
    """Words for an address of the book: the heading that its label stands before, else the page's title."""
    document, _, label = url.removeprefix(page.site_url).partition("#")
    source = page.root / f"{document.removesuffix('.html')}.md"
    if not source.is_file():
        return ""
    _, lines = front_matter(source.read_text(encoding="utf-8"))
    first = ""
    waiting = False
    for line in lines:
        if target := TARGET.match(line.text):
            waiting = waiting or _anchor(target["label"]) == _anchor(label)
        elif heading := HEADING.match(line.text):
            if waiting:
                return _plain(heading["title"])
            first = first or heading["title"]
    return _plain(first)


def _anchor(label: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", label.lower()).strip("-")


def _plain(title: str) -> str:
    return re.sub(r"\{[\w:]+\}`([^`]*)`", r"\1", title)


def _document(target: str, page: Page, line: int) -> tuple[str, str]:
    name = target.removesuffix(".md").removesuffix(".ipynb")
    folder = posixpath.dirname(page.docname)
    docname = name.lstrip("/") if name.startswith("/") else posixpath.normpath(posixpath.join(folder, name))
    known = page.labels.get(docname)
    if known is None and not (page.root / f"{docname}.md").is_file():
        raise page.error(line, f"the page {target!r} does not exist (looked for {docname}.md)")
    url = f"{page.site_url}{docname}.html" if known is None else known if isinstance(known, str) else known[0]
    return url, _title_behind(url, page) or docname


def _link(match: re.Match[str], page: Page, line: int) -> str:
    words, target, title = match["text"], match["target"].strip("<>"), match["title"] or ""
    if match["bang"]:
        return f"![{words}]({image_address(target, page)}{title})"
    if _EXTERNAL.match(target) and not target.startswith("project:"):
        return f"[{words}]({target}{title})"
    path, _, anchor = target.removeprefix("project:").partition("#")
    if not path:
        url, found = (f"{page.url}#{anchor}", "") if anchor.startswith("ref-") else _labelled(anchor, page, line)
    elif path.endswith((".md", ".ipynb")) or not posixpath.splitext(path)[1]:
        url, found = _document(path, page, line)
        url = f"{url}#{anchor}" if anchor else url
    else:
        url, found = f"{page.site_url}{posixpath.normpath(posixpath.join(posixpath.dirname(page.docname), path))}", path
    return f"[{words or found or 'here'}]({url}{title})"


def image_address(target: str, page: Page) -> str:
    """Address of a picture: Sphinx gathers those of all pages in one folder."""
    return target if _EXTERNAL.match(target) else f"{page.site_url}_images/{posixpath.basename(target)}"
