"""Figures with alt text that are readable in light and dark: `figure`, `beside`, and the `Picture` they return."""

from __future__ import annotations

import hashlib
import re
import sys
from typing import TYPE_CHECKING, Any

from otrecon.show import svg

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FILE_NAME = re.compile(r"\S+\.(png|jpe?g|gif|svg|webp|pdf|tiff?)", re.IGNORECASE)
SHORTEST_ALT = 20


def check_alt(alt: object) -> str:
    """Return the alt text in one line, or say why it is none.

    Raises
    ------
    TypeError
        When it is not a string.
    ValueError
        When it is empty, shorter than 20 characters, or a file name.
    """
    advice = "write one sentence that tells what a reader who cannot see the figure should learn from it"
    if not isinstance(alt, str):
        raise TypeError(f"alt is a {type(alt).__name__}; it must be a string: {advice}")
    text = " ".join(alt.split())
    if _FILE_NAME.fullmatch(text):
        raise ValueError(f"alt is the file name {text!r}; {advice}")
    if len(text) < SHORTEST_ALT:
        raise ValueError(f"alt is {text!r}, {len(text)} characters; at least {SHORTEST_ALT} are needed: {advice}")
    return text


def escape(text: str) -> str:
    """Text as it stands in HTML, inside an element or an attribute."""
    for sign, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        text = text.replace(sign, entity)
    return text


def content_hash(*texts: str) -> str:
    """Eight hexadecimal digits that depend on the content alone."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:8]


class Picture:
    """What a chapter shows: an HTML fragment with its alt text, ready for a book, a notebook and a slider.

    Parameters
    ----------
    body
        XHTML fragment with `otrecon.show.svg.ID` before each id and `otrecon.show.svg.ALT` for the alt text.
    alt
        What the picture shows, in words.
    caption
        Visible line under the picture.
    kind
        A second CSS class of the figure.
    """

    def __init__(self, body: str, alt: str, caption: str | None = None, kind: str = "") -> None:
        self.body = body
        self.alt = check_alt(alt)
        self.caption = caption
        self.kind = kind

    def fragment(self, alt: str | None = None) -> str:
        """Return the body with its alt text; the id placeholder stays (a slider fills it for all its frames)."""
        return self.body.replace(svg.ALT, escape(self.alt if alt is None else alt))

    def html(self) -> str:
        """Return the whole ``<figure>``; the same content always gives the same bytes."""
        fragment = self.fragment()
        fragment = fragment.replace(svg.ID, f"o{content_hash(fragment, self.caption or '')}-")
        classes = f"otrecon-figure {self.kind}".strip()
        caption = f"\n<figcaption>{escape(self.caption)}</figcaption>" if self.caption else ""
        return (
            f'<figure class="{classes}" style="margin:1.2em 0;padding:0">\n'
            f'<div class="otrecon-scroll" style="overflow-x:auto;contain:inline-size">\n{fragment}\n</div>'
            f"{caption}\n</figure>"
        )

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:  # noqa: ARG002
        return {"text/html": self.html(), "text/plain": self.alt}

    def __repr__(self) -> str:
        return f"Picture({self.alt!r})"


def figure(fig: Figure, *, alt: str, caption: str | None = None) -> Picture:
    """Turn a matplotlib figure into one that is legible in light and dark, on paper and on a phone.

    Parameters
    ----------
    fig
        The figure, from `otrecon.show.subplots` or from matplotlib; it is closed.
    alt
        Required: what the figure shows, for readers who do not see it (at least 20 characters).
    caption
        Optional visible caption.

    Returns
    -------
    Picture
        Leave it as the last expression of the cell, or hand it to ``display``.

    Raises
    ------
    TypeError, ValueError
        When `fig` is not a figure or `alt` says nothing.
    """
    alt = check_alt(alt)
    if not is_matplotlib(fig):
        raise TypeError(
            f"fig is a {type(fig).__name__}; give a matplotlib Figure, such as the first result of show.subplots()"
        )
    picture = Picture(svg.render(fig), alt, caption)
    close(fig)
    return picture


def beside(*pictures: Picture, alt: str, caption: str | None = None) -> Picture:
    """Set pictures side by side; on a narrow screen they stack.

    Parameters
    ----------
    *pictures
        Results of `figure`, `otrecon.show.images` and their like; each keeps its own alt text.
    alt
        What they show together.
    caption
        Optional visible caption.
    """
    if len(pictures) < 2 or not all(isinstance(picture, Picture) for picture in pictures):
        raise TypeError("beside() needs two or more pictures, such as results of show.figure and show.images")
    cells = "\n".join(
        f'<div class="otrecon-scroll" style="flex:1 1 16rem;min-width:0;overflow-x:auto;contain:inline-size">\n'
        f"{picture.fragment().replace(svg.ID, f'{svg.ID}{k}-')}\n</div>"
        for k, picture in enumerate(pictures)
    )
    body = (
        f'<div role="group" aria-label="{svg.ALT}" style="display:flex;flex-wrap:wrap;gap:1rem;align-items:center">\n'
        f"{cells}\n</div>"
    )
    return Picture(body, alt, caption, "otrecon-beside")


def is_matplotlib(thing: object) -> bool:
    """Whether it is a matplotlib figure, found out without importing matplotlib."""
    module: Any = sys.modules.get("matplotlib.figure")
    return module is not None and isinstance(thing, module.Figure)


def close(fig: Figure) -> None:
    """Take the figure from pyplot, where it was, so that it is not shown a second time."""
    pyplot: Any = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close(fig)
