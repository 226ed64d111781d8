"""From a matplotlib figure to an inline SVG that follows the page's theme and collides with nothing.

Matplotlib's own SVG has ids that repeat from figure to figure, a style sheet that would restyle the whole page, fixed
colours, and images stored as RGBA. Here each of these is mended once.
"""

from __future__ import annotations

import base64
import io
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import TYPE_CHECKING

from otrecon.show.style import PAPER, VARIABLES, context

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from PIL.Image import Image as PILImage

ID = "otr0id-"
"""Stands before every id until the content's hash is known; see `otrecon.show.figure.Picture`."""
ALT = "otr0alt-"
"""Stands where the alt text goes."""
PIXELATED_BELOW = 160
"""Images with fewer pixels than this along their longest side keep crisp pixels when they are enlarged."""

_REFERENCE = re.compile(r"url\(#([^)]+)\)")
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}\b")
_NUMBER = re.compile(r"-?\d+\.\d{3,}(?:e-?\d+)?")
_DATA = re.compile(r"data:image/png;base64,\s*([A-Za-z0-9+/=\s]+)")


def render(figure: Figure) -> str:
    """Draw a matplotlib figure as SVG text with placeholders for its id prefix and its alt text."""
    _prepare(figure)
    buffer = io.StringIO()
    with context():
        figure.savefig(buffer, format="svg", transparent=False, metadata={"Date": None, "Creator": None})
    return clean(buffer.getvalue())


def clean(svg: str) -> str:
    """Post-process matplotlib's SVG: own ids, theme colours, small images, one element a line."""
    root = ET.fromstring(svg)  # noqa: S314 - matplotlib's own output
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        element.attrib = {name.rpartition("}")[2]: value for name, value in element.attrib.items()}
    _remove(root, {"metadata", "style", "title"})
    _shorten(root)
    _rename_ids(root)
    _unwrap(root)
    width, height = (float(root.attrib[name].removesuffix("pt")) * 4 / 3 for name in ("width", "height"))
    view_box = root.attrib["viewBox"]
    root.attrib = {
        "xmlns": "http://www.w3.org/2000/svg",
        "class": "otrecon-svg",
        "role": "img",
        "aria-label": ALT,
        "viewBox": view_box,
        "width": f"{width:.0f}",
        "height": f"{height:.0f}",
        # Never narrower than 70 %: the smallest text stays near 9 px on a phone and the figure scrolls instead.
        "style": f"display:block;width:100%;min-width:{0.7 * width:.0f}px;max-width:{width:.0f}px;height:auto;"
        "margin:0 auto;fill:var(--otrecon-ink,currentColor);stroke-linejoin:round;stroke-linecap:butt",
    }
    return _serialise(root)


def small_png(png: bytes) -> bytes:
    """Store the same pixels in the smallest of grey, palette and RGB(A) PNG (lossless)."""
    from PIL import Image

    image = Image.open(io.BytesIO(png))
    rgba = image.convert("RGBA")
    low, high = rgba.getchannel("A").getextrema()
    colours = rgba.getcolors(256)
    smaller: PILImage = rgba
    if low == high == 255:
        red, green, blue, _ = rgba.split()
        if red.tobytes() == green.tobytes() == blue.tobytes():
            smaller = red
        elif colours is not None:
            smaller = _palette(rgba)
        else:
            smaller = rgba.convert("RGB")
    elif colours is not None:
        smaller = _palette(rgba)
    return encode(smaller)


def encode(image: PILImage) -> bytes:
    """PNG bytes of a PIL image, best compression, no metadata."""
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def data_uri(png: bytes, kind: str = "png") -> str:
    """Return a ``data:`` address that holds an image."""
    return f"data:image/{kind};base64,{base64.b64encode(png).decode('ascii')}"


def recode_images(html: str, recode: Callable[[bytes], tuple[bytes, str]]) -> str:
    """Replace every embedded PNG of a fragment by ``recode(png) -> (bytes, kind)``."""
    return _DATA.sub(lambda match: data_uri(*recode(base64.b64decode(match[1]))), html)


def _palette(rgba: PILImage) -> PILImage:
    """Paletted image with exactly these colours, sorted so that the bytes depend on the picture alone."""
    import numpy as np
    from PIL import Image

    pixels = np.asarray(rgba).astype(np.uint32) @ np.array([1 << 24, 1 << 16, 1 << 8, 1], dtype=np.uint32)
    keys, index = np.unique(pixels, return_inverse=True)
    table = [[int(key >> shift) & 255 for shift in (24, 16, 8, 0)] for key in keys]
    image = Image.fromarray(index.reshape(pixels.shape).astype(np.uint8))
    image.putpalette([channel for colour in table for channel in colour[:3]], "RGB")
    if any(colour[3] != 255 for colour in table):
        image.info["transparency"] = bytes(colour[3] for colour in table)
    return image


def _prepare(figure: Figure) -> None:
    """Make what was drawn under other settings fit: white faces become transparent, images keep their own pixels."""
    from matplotlib.colors import to_hex
    from matplotlib.image import AxesImage
    from matplotlib.legend import Legend

    figure.patch.set_alpha(0)
    for axes in figure.axes:
        if to_hex(axes.get_facecolor()) in ("#ffffff", PAPER):
            axes.patch.set_alpha(0)
    for legend in figure.findobj(Legend):
        frame = legend.get_frame()
        if to_hex(frame.get_facecolor()) == "#ffffff":
            frame.set(facecolor=PAPER, edgecolor="none", alpha=0.8)
    for image in figure.findobj(AxesImage):
        if image.get_interpolation() in ("auto", "antialiased", "nearest"):
            image.set_interpolation("none")


def _remove(root: ET.Element, tags: set[str]) -> None:
    for parent in root.iter():
        for child in [child for child in parent if child.tag in tags]:
            parent.remove(child)


def _shorten(root: ET.Element) -> None:
    """Theme colours, rounded coordinates, compact styles and small images."""
    for element in root.iter():
        attributes = element.attrib
        for name in ("style", "fill", "stroke"):
            if name in attributes:
                text = attributes[name].strip().rstrip(";")
                text = re.sub(r"\s*([:;,])\s*", r"\1", text)
                attributes[name] = _COLOUR.sub(lambda m: VARIABLES.get(m[0].lower(), m[0].lower()), text)
        for name in ("d", "x", "y", "width", "height", "points"):
            if name in attributes:
                text = " ".join(attributes[name].split())
                attributes[name] = _NUMBER.sub(lambda m: f"{float(m[0]):.2f}".rstrip("0").rstrip("."), text)
        if element.tag == "image":
            _shrink_image(element)


def _shrink_image(element: ET.Element) -> None:
    from PIL import Image

    png = base64.b64decode(_DATA.fullmatch(element.attrib["href"])[1])  # type: ignore[index]
    element.attrib["href"] = data_uri(small_png(png))
    crisp = max(Image.open(io.BytesIO(png)).size) < PIXELATED_BELOW
    element.attrib["style"] = "image-rendering:pixelated" if crisp else "image-rendering:auto"
    element.attrib["preserveAspectRatio"] = "none"


def _rename_ids(root: ET.Element) -> None:
    """Drop the ids that nothing refers to; put the placeholder before the others and before every reference."""
    used = {element.attrib["href"][1:] for element in root.iter() if element.attrib.get("href", "").startswith("#")}
    for element in root.iter():
        for value in element.attrib.values():
            used.update(_REFERENCE.findall(value))
    for element in root.iter():
        attributes = element.attrib
        if "id" in attributes:
            name = attributes.pop("id")
            if name in used:
                attributes["id"] = _identifier(name)
        for key, value in attributes.items():
            if key == "href" and value.startswith("#"):
                attributes[key] = f"#{_identifier(value[1:])}"
            elif "url(#" in value:
                attributes[key] = _REFERENCE.sub(lambda m: f"url(#{_identifier(m[1])})", value)


def _identifier(name: str) -> str:
    return ID + re.sub(r"[^A-Za-z0-9_-]", "_", name.replace("DejaVuSans", "g"))


def _unwrap(element: ET.Element) -> None:
    """Replace groups without attributes by their children and drop empty ones."""
    children: list[ET.Element] = []
    for child in list(element):
        _unwrap(child)
        bare = child.tag in ("g", "defs") and not child.attrib
        if child.tag in ("g", "defs") and len(child) == 0:
            continue
        children.extend(list(child) if bare and child.tag == "g" else [child])
    element[:] = children


def _serialise(root: ET.Element) -> str:
    for element in root.iter():
        element.text = "\n" if len(element) else None
        element.tail = "\n"
    return ET.tostring(root, encoding="unicode", short_empty_elements=True).strip()
