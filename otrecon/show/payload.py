"""All frames of a slider in one compressed block, and the control that stands around them."""

from __future__ import annotations

import base64
import gzip
import json
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from otrecon.show import svg
from otrecon.show.figure import content_hash, escape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otrecon.show.frames import Frame, Slider

PLAY = "M2 1l7 4-7 4z"


def pack(frames: Sequence[Frame]) -> tuple[list[str], str]:
    """Finish the frames' ids and put them into one block.

    Lines that occur in several frames, such as axes, letters and captions, are stored once: gzip alone looks back only
    32 kB, less than one frame.

    Parameters
    ----------
    frames
        HTML with id placeholders, and alt text.

    Returns
    -------
    htmls, payload
        The finished frames, and base64 of gzip of JSON
        ``{"lines": [...], "frames": [[line numbers], ...], "alts": [...]}``.
    """
    prefix = f"o{content_hash(*(html for html, _ in frames))}-"
    htmls = [html.replace(svg.ID, prefix) for html, _ in frames]
    numbers: dict[str, int] = {}
    rows = [[numbers.setdefault(line, len(numbers)) for line in html.split("\n")] for html in htmls]
    data = {"lines": list(numbers), "frames": rows, "alts": [alt for _, alt in frames]}
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return htmls, base64.b64encode(gzip.compress(text.encode(), compresslevel=9, mtime=0)).decode("ascii")


def unpack(payload: str) -> list[Frame]:
    """Read the frames of a block, as the script in the page reads them."""
    data = json.loads(gzip.decompress(base64.b64decode(payload)))
    htmls = ["\n".join(data["lines"][k] for k in row) for row in data["frames"]]
    return list(zip(htmls, data["alts"], strict=True))


def control(slider: Slider, first: str, payload: str) -> str:
    """Write the slider as HTML: the first frame, one range input a parameter, the play button, and the other frames.

    Without scripts, and in print, only the first frame shows.
    """
    identity = f"s{content_hash(slider.label, first, payload)}"
    rows = []
    for k, parameter in enumerate(slider.params):
        name = f"{identity}-{k}"
        texts = escape(json.dumps(parameter.texts, ensure_ascii=False))
        text = escape(parameter.texts[parameter.start])
        rows.append(
            f'<div class="otrecon-control">\n<label for="{name}">{escape(parameter.name.replace("_", " "))}</label>\n'
            f'<input id="{name}" type="range" min="0" max="{len(parameter.values) - 1}" step="1" '
            f'value="{parameter.start}" autocomplete="off" aria-valuetext="{text}" data-texts="{texts}"/>\n'
            f'<output for="{name}">{text}</output>\n</div>'
        )
    button = ""
    if slider.play is not None:
        place = [parameter.name for parameter in slider.params].index(slider.play)
        button = (
            f'\n<button type="button" class="otrecon-play" data-play="{place}" data-wait="{1000 / slider.fps:.0f}">'
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10" width="12" height="12" aria-hidden="true">'
            f'<path fill="currentColor" d="{PLAY}"/></svg><span>Play</span></button>'
        )
    caption = f"\n<figcaption>{escape(slider.caption)}</figcaption>" if slider.caption else ""
    return (
        f'<figure class="otrecon-slider" role="group" aria-label="{escape(slider.label)}" '
        f'style="margin:1.2em 0;padding:0">\n'
        f'<div class="otrecon-frame otrecon-scroll" style="overflow-x:auto;contain:inline-size">\n{first}\n</div>\n'
        f'<div class="otrecon-controls" hidden="hidden">\n' + "\n".join(rows) + f"{button}\n</div>\n"
        f'<p class="otrecon-live" role="status"></p>{caption}\n'
        f'<script type="application/octet-stream;base64">{payload}</script>\n</figure>'
    )


def assets() -> dict[str, Path]:
    """Name the files that a page with sliders needs once: ``{"slider.js": path, "otrecon.css": path}``.

    The book's configuration copies them into its static folder and names them in ``html_js_files`` and
    ``html_css_files``; outside the book a slider brings them along.
    """
    folder = Path(str(files("otrecon.show") / "assets"))
    return {name: folder / name for name in ("slider.js", "otrecon.css")}


@cache
def inline_assets() -> str:
    """Return style sheet and script as they go along with a slider outside the book; a second copy does nothing."""
    paths = assets()
    style = paths["otrecon.css"].read_text(encoding="utf-8")
    script = paths["slider.js"].read_text(encoding="utf-8")
    return f"\n<style>\n{style}</style>\n<script>\n{script}</script>"
