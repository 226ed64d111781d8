"""A figure is one well-formed drawing that collides with nothing, follows the theme, and speaks in words too."""

import base64
import io
import re
import subprocess
import sys
import xml.etree.ElementTree as ET

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.figure import Figure
from PIL import Image

from otrecon import show
from otrecon.show import svg
from otrecon.show.style import VARIABLES

ALT = "A rising line that crosses a flat one in the middle."


@pytest.fixture(autouse=True)
def _own_settings():
    with mpl.rc_context():
        yield


def drawing(slope=1.0):
    fig, (left, right) = show.subplots(1, 2, width=7, xlabel=r"$k$ / px", ylabel="signal / a.u.")
    for name, colour in show.METHOD_COLOURS.items():
        left.plot([0, 1, 2], [0, slope, 3], "o-", color=colour, markeredgecolor=show.PAPER, label=name)
    left.axhline(1, color="black")
    left.legend()
    right.imshow(np.arange(12.0).reshape(3, 4))
    fig.colorbar(right.images[0], ax=right, label="signal / a.u.")
    return fig


def parse(html):
    return ET.fromstring(html)  # noqa: S314 - our own output


def test_no_sentinel_colour_is_left():
    html = show.figure(drawing(), alt=ALT).html()
    outside = re.sub(r"var\(--otrecon-[a-z]+,[^;\"]*\)", "", html)
    for colour in VARIABLES:
        assert colour not in outside
    for name in ("ink", "muted", "paper", "blue", "orange", "green", "purple", "sky"):
        assert f"var(--otrecon-{name}," in html


def test_ids_are_unique_over_figures_and_every_reference_resolves():
    roots = [parse(show.figure(drawing(slope), alt=ALT).html()) for slope in (1.0, 2.0)]
    ids = [e.attrib["id"] for root in roots for e in root.iter() if "id" in e.attrib]
    assert len(ids) == len(set(ids)) > 20
    for root in roots:
        own = {e.attrib["id"] for e in root.iter() if "id" in e.attrib}
        used = {e.attrib["href"][1:] for e in root.iter() if e.attrib.get("href", "").startswith("#")}
        for element in root.iter():
            for value in element.attrib.values():
                used.update(re.findall(r"url\(#([^)]+)\)", value))
        assert used == own
        assert not any(svg.ID in identifier for identifier in own)


def test_the_same_figure_gives_the_same_bytes():
    assert show.figure(drawing(), alt=ALT).html() == show.figure(drawing(), alt=ALT).html()
    assert show.figure(drawing(), alt=ALT).html() != show.figure(drawing(), alt=ALT + " Twice.").html()


def test_well_formed_labelled_and_without_a_style_sheet_or_metadata():
    html = show.figure(drawing(), alt='x < y & "z": the line rises above the other.', caption="a < b").html()
    root = parse(html)
    assert root.tag == "figure"
    drawings = [e for e in root.iter() if e.tag.endswith("}svg")]
    assert [e.attrib["role"] for e in drawings] == ["img"]
    assert drawings[0].attrib["aria-label"] == 'x < y & "z": the line rises above the other.'
    tags = {e.tag.rpartition("}")[2] for e in root.iter()}
    assert not tags & {"style", "metadata", "title", "script", "text"}
    assert root.find("figcaption").text == "a < b"
    assert "http" not in html.replace("http://www.w3.org/2000/svg", "")


def test_mimebundle_and_closing():
    fig = pyplot.figure()
    fig.add_subplot().plot([0, 1])
    picture = show.figure(fig, alt=ALT)
    assert not pyplot.fignum_exists(fig.number)
    assert picture._repr_mimebundle_() == {"text/html": picture.html(), "text/plain": ALT}


def test_figures_from_plain_matplotlib_have_no_white_box():
    with mpl.rc_context({"figure.facecolor": "white", "axes.facecolor": "white"}):
        fig, ax = pyplot.subplots()
        ax.plot([0, 1], label="line")
        ax.legend()
    assert "#ffffff" not in show.figure(fig, alt=ALT).html()


@pytest.mark.parametrize("alt", ["", "   ", "a figure", "results/reconstruction_of_brain.png", "too  short    alt"])
def test_alt_must_say_something(alt):
    with pytest.raises(ValueError, match="alt is"):
        show.figure(Figure(), alt=alt)


def test_wrong_types():
    with pytest.raises(TypeError, match="alt is a NoneType"):
        show.figure(Figure(), alt=None)
    with pytest.raises(TypeError, match="fig is a list"):
        show.figure([], alt=ALT)
    with pytest.raises(ValueError, match=r"between 2 and 7\.6 inches"):
        show.subplots(width=20)


@pytest.mark.parametrize(
    ("mode", "expected"), [("grey", "L"), ("colour", "P"), ("many", "RGB"), ("holes", "P"), ("soft", "RGBA")]
)
def test_small_png_keeps_every_pixel(mode, expected):
    rng = np.random.default_rng(0)
    pixels = np.full((20, 30, 4), 255, dtype=np.uint8)
    if mode == "grey":
        pixels[..., :3] = rng.integers(0, 256, (20, 30, 1))
    elif mode in ("many", "soft"):
        pixels[..., :3] = rng.integers(0, 256, (20, 30, 3))
        pixels[..., 3] = rng.integers(0, 256, (20, 30)) if mode == "soft" else 255
    else:
        pixels[..., :3] = rng.integers(0, 2, (20, 30, 3)) * 200
        pixels[:3, :, 3] = 0 if mode == "holes" else 255
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    small = svg.small_png(buffer.getvalue())
    assert Image.open(io.BytesIO(small)).mode == expected
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(small)).convert("RGBA")), pixels)


def test_an_image_travels_with_its_own_pixels():
    fig, ax = show.subplots(width=4)
    ax.imshow(np.arange(12.0).reshape(3, 4))
    html = show.figure(fig, alt=ALT).html()
    (encoded,) = re.findall(r"data:image/png;base64,([^\"]+)", html)
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(encoded))))
    np.testing.assert_array_equal(np.sort(pixels.ravel()), np.minimum(np.arange(12) * 256 // 11, 255))
    assert "image-rendering:pixelated" in html


def test_every_cmap_exists_and_methods_have_their_own_colours():
    for name in show.CMAPS.values():
        assert name in mpl.colormaps
    assert show.ACCENT not in show.METHOD_COLOURS.values()
    fig, ax = show.subplots()
    (line,) = ax.plot([0, 1])
    assert line.get_color() == show.PALETTE["blue"]
    assert fig.get_layout_engine() is not None


def test_beside_keeps_both_and_stays_well_formed():
    first, second = (show.figure(drawing(s), alt=ALT) for s in (1.0, 2.0))
    root = parse(show.beside(first, second, alt="Two pairs of lines side by side.").html())
    ids = [e.attrib["id"] for e in root.iter() if "id" in e.attrib]
    assert sum(e.tag.endswith("}svg") for e in root.iter()) == 2
    assert len(ids) == len(set(ids))
    with pytest.raises(TypeError, match="two or more pictures"):
        show.beside(first, alt=ALT)


def test_import_is_light():
    code = (
        "import sys, otrecon.show; heavy = 'matplotlib PIL IPython ipywidgets myst_nb torch ot'; "
        "print([name for name in heavy.split() if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
