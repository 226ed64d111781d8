"""A slider carries exactly the frames that its function draws, for all its parameters, and says what went wrong."""

import base64
import gzip
import json
import re
import xml.etree.ElementTree as ET

import matplotlib as mpl
import numpy as np
import pytest

from otrecon import show
from otrecon.show.figure import SHORTEST_ALT
from otrecon.show.live import LiveSlider
from otrecon.show.payload import pack, unpack
from otrecon.show.slider import default_mode
from otrecon.show.static import StaticSlider

ALT = "A straight line that becomes steeper."


@pytest.fixture(autouse=True)
def _own_settings(monkeypatch):
    monkeypatch.setenv("OTRECON_STATIC", "1")
    with mpl.rc_context():
        yield


def line(slope=1.0, offset=0.0):
    fig, ax = show.subplots(width=4, height=2.5)
    ax.plot([0, 1], [offset, offset + slope])
    ax.set(ylim=(0, 5))
    return fig


def nothing(slope):
    """A drawing function that forgot its return."""


def parse(html):
    return ET.fromstring(html)  # noqa: S314 - our own output


def payload(html):
    (text,) = re.findall(r'<script type="application/octet-stream;base64">([^<]*)</script>', html)
    return text


def test_frames_survive_the_payload():
    frames = [("a\nb\nc", "first ä"), ("a\nx\nc", "second"), ("", "third")]
    htmls, packed = pack(frames)
    assert htmls == [html for html, _ in frames]
    assert unpack(packed) == frames
    stored = json.loads(gzip.decompress(base64.b64decode(packed)))
    assert sorted(stored["lines"]) == ["", "a", "b", "c", "x"]
    assert pack(frames)[1] == packed


def test_every_frame_is_what_the_function_draws():
    slopes = [1.0, 2.0, 3.0]
    widget = show.slider(line, slope=slopes, alt=lambda slope: f"A straight line of slope {slope}.")
    frames = unpack(payload(widget.html()))
    assert [alt for _, alt in frames] == [f"A straight line of slope {slope}." for slope in slopes]
    for (html, alt), slope in zip(frames, slopes, strict=True):
        alone = show.figure(line(slope), alt=alt).html()
        assert re.sub(r"o[0-9a-f]{8}-", "", html) in re.sub(r"o[0-9a-f]{8}-", "", alone)
        parse(html)
    assert len({html for html, _ in frames}) == 3


def test_two_parameters_in_row_major_order():
    seen = []

    def draw(slope, offset):
        seen.append((slope, offset))
        return line(slope, offset)

    widget = show.slider(
        draw,
        slope=[1.0, 2.0],
        offset=[0, 1, 2],
        start={"slope": 2.0, "offset": 1},
        units={"offset": "px"},
        labels={"slope": "rising by {:.1f}"},
        alt=lambda slope, offset: f"A line from {offset} that rises by {slope}.",
    )
    assert seen == [(s, o) for s in (1.0, 2.0) for o in (0, 1, 2)]
    frames = unpack(payload(widget.html()))
    assert frames[1 * 3 + 1][1] == "A line from 1 that rises by 2.0."
    root = parse(widget.html())
    inputs = list(root.iter("input"))
    assert [(e.attrib["min"], e.attrib["max"], e.attrib["value"]) for e in inputs] == [("0", "1", "1"), ("0", "2", "1")]
    assert [e.attrib["aria-valuetext"] for e in inputs] == ["rising by 2.0", "offset = 1 px"]
    assert [json.loads(e.attrib["data-texts"]) for e in inputs] == [
        ["rising by 1.0", "rising by 2.0"],
        ["offset = 0 px", "offset = 1 px", "offset = 2 px"],
    ]
    assert [e.text for e in root.iter("output")] == ["rising by 2.0", "offset = 1 px"]
    labelled = {e.attrib["for"] for e in root.iter("label")}
    assert labelled == {e.attrib["id"] for e in inputs}
    # Without scripts the page shows the frame of the start, and no control that would do nothing.
    drawn = [e.attrib["aria-label"] for e in root.iter() if e.tag.endswith("}svg") and "aria-label" in e.attrib]
    assert drawn == ["A line from 1 that rises by 2.0."]
    assert [e.attrib["hidden"] for e in root.iter("div") if e.attrib["class"] == "otrecon-controls"] == ["hidden"]


def test_the_same_slider_gives_the_same_bytes_and_another_shares_no_id():
    def make(*slopes):
        return show.slider(line, slope=slopes, alt=ALT).html()

    first, second = make(1.0, 2.0), make(1.0, 3.0)
    assert first == make(1.0, 2.0)

    def ids(html):
        return {e.attrib["id"] for e in parse(html).iter() if "id" in e.attrib}

    assert len(ids(first)) > 5
    assert not ids(first) & ids(second)


def test_arrays_share_one_scale_over_all_frames():
    widget = show.slider(lambda gain: gain * np.eye(3), gain=[1, 2, 4], alt="A diagonal that becomes brighter.")
    frames = [html for html, _ in unpack(payload(widget.html()))]
    assert all("<span>0</span>" in html for html in frames)
    assert all("<span>4 a.u.</span>" in html for html in frames)
    stack = show.slider(lambda k: np.stack([np.eye(3), k * np.eye(3)]), k=[1, 2], alt="Two diagonals side by side.")
    assert all(html.count("<image ") == 2 for html, _ in unpack(payload(stack.html())))


def test_pictures_bring_their_own_alt_or_take_the_sliders():
    def draw(slope):
        return show.figure(line(slope), alt=f"The line of slope {slope}, drawn.")

    own = unpack(payload(show.slider(draw, slope=[1, 2]).html()))
    assert [alt for _, alt in own] == ["The line of slope 1, drawn.", "The line of slope 2, drawn."]
    given = unpack(payload(show.slider(draw, slope=[1, 2], alt=ALT).html()))
    assert all(alt == ALT and f'aria-label="{ALT}"' in html for html, alt in given)
    rows = show.slider(lambda k: show.images([np.eye(2), k * np.eye(2)], alt="Two diagonals, seen twice."), k=[1, 2])
    assert len(unpack(payload(rows.html()))) == 2


def test_equal_parts_are_stored_once():
    few = len(show.slider(line, slope=np.linspace(1, 2, 2), alt=ALT).html())
    many = len(show.slider(line, slope=np.linspace(1, 2, 22), alt=ALT, labels={"slope": "{:.3f}"}).html())
    assert (many - few) / 20 < 0.05 * few


def test_lossy_images_only_when_asked_for():
    noise = np.random.default_rng(0).random((2, 64, 64))
    exact = show.slider(lambda k: noise[k], k=[0, 1], alt="Noise, and other noise.").html()
    small = show.slider(lambda k: noise[k], k=[0, 1], alt="Noise, and other noise.", quality=60).html()
    assert "data:image/webp" not in exact
    assert "data:image/webp" in small
    assert len(small) < 0.8 * len(exact)


def test_the_book_gets_no_assets_and_other_places_do(monkeypatch):
    widget = show.slider(line, slope=[1, 2], alt=ALT)
    assert widget._repr_mimebundle_()["text/html"] == widget.html()
    monkeypatch.delenv("OTRECON_STATIC")
    html = widget._repr_mimebundle_()["text/html"]
    paths = show.assets()
    assert sorted(paths) == ["otrecon.css", "slider.js"]
    for path in paths.values():
        assert path.read_text(encoding="utf-8") in html
    assert paths["slider.js"].stat().st_size < 6_000


def test_mode_follows_the_environment(monkeypatch):
    assert default_mode() == "static"
    monkeypatch.delenv("OTRECON_STATIC")
    assert default_mode() == "static"  # no kernel answers here
    import IPython

    monkeypatch.setattr(IPython, "get_ipython", lambda: type("Shell", (), {"kernel": object()})())
    assert default_mode() == "live"
    monkeypatch.setenv("OTRECON_STATIC", "1")
    assert default_mode() == "static"


def test_live_mode_draws_on_demand_and_once():
    calls = []

    def draw(slope, offset):
        calls.append((slope, offset))
        return line(slope, offset)

    widget = show.slider(
        draw, slope=[1.0, 2.0], offset=[0, 1, 2], start={"offset": 1}, units={"slope": "px"}, alt=ALT, mode="live"
    )
    assert isinstance(widget, LiveSlider)
    assert calls == [(1.0, 1)]
    first = widget._picture.value
    assert 'role="img"' in first
    assert [one.options[one.index][0] for one in widget.controls] == ["slope = 1 px", "offset = 1"]
    widget.controls[0].value = 1
    assert calls == [(1.0, 1), (2.0, 1)]
    assert widget._picture.value != first
    widget.controls[0].value = 0
    assert calls == [(1.0, 1), (2.0, 1)]
    assert widget._picture.value == first
    bundle = widget._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    assert "application/vnd.jupyter.widget-view+json" in data


def test_live_and_static_show_the_same_frame():
    live = show.slider(line, slope=[1, 2], alt=ALT, mode="live")
    static = show.slider(line, slope=[1, 2], alt=ALT, mode="static")
    assert isinstance(static, StaticSlider)
    plain = re.sub(r"o[0-9a-f]{8}-", "", live._picture.value)
    assert re.sub(r"o[0-9a-f]{8}-", "", static.frames[0]) in plain


def test_live_failures_are_shown_to_the_reader():
    def draw(n):
        if n == 2:
            raise ZeroDivisionError("n is <2>")
        return line(n)

    widget = show.slider(draw, n=[1, 2], alt=ALT, mode="live")
    with pytest.raises(ZeroDivisionError):
        widget.controls[0].value = 1
    assert "n is &lt;2&gt; in the slider's frame with n=2" in widget._picture.value.replace("&#x27;", "'")


@pytest.mark.parametrize("mode", ["static", "live"])
def test_failures_name_the_parameters(mode):
    def draw(blur, n):
        raise RuntimeError("diverged")

    with pytest.raises(RuntimeError, match="diverged") as caught:
        show.slider(draw, blur=[0.5, 1.0], n=[1, 2], alt=ALT, mode=mode)
    assert caught.value.__notes__ == ["in the slider's frame with blur=0.5, n=1"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "no parameter"),
        ({"slope": []}, "slope has 0 values"),
        ({"slope": [1]}, "slope has 1 values"),
        ({"slope": [1, 2, 1]}, "value 1 more than once"),
        ({"slope": [1.01, 1.02], "labels": {"slope": "{:.1f} px"}}, "read '1.0 px'"),
        ({"slope": [1, 2], "start": {"blur": 1}}, "start names blur; the parameters are slope"),
        ({"slope": [1, 2], "units": {"blur": "px"}}, "units names blur"),
        ({"slope": [1, 2], "start": {"slope": 7}}, "start of slope is 7"),
        ({"slope": [1, 2], "play": "blur"}, "play is 'blur'"),
        ({"slope": [1, 2], "fps": 0}, "fps is 0"),
        ({"slope": [1, 2], "quality": 101}, "quality is 101"),
        ({"slope": [1, 2], "alt": "short"}, "alt is 'short'"),
        ({"slope": [1, 2], "alt": None}, "give the slider alt="),
        ({"slope": [1, 2], "alt": lambda slope: f"{slope}"}, f"at least {SHORTEST_ALT}"),
        ({"slope": list(range(500))}, "500 = 500 frames; at most 400"),
        ({"slope": [1, 2], "budget": 1000}, "this slider adds .* the budget is 0.00 MB. Give fewer values"),
    ],
)
def test_what_makes_no_slider_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        show.slider(line, **{"alt": ALT, **options})


@pytest.mark.parametrize(
    ("function", "values", "message"),
    [(line, "abc", "give a list"), (line, 3, "give a list"), (nothing, [1, 2], "returned None")],
)
def test_wrong_types(function, values, message):
    with pytest.raises(TypeError, match=message):
        show.slider(function, slope=values, alt=ALT)


@pytest.mark.parametrize(
    ("start", "place"), [(2.0, 1), (0, 0), (-1, 2), (True, None), (4.0, 2), (3, None)], ids=lambda value: str(value)
)
def test_start_is_a_value_or_a_position(start, place):
    from otrecon.show.parameters import parameters

    def make():
        return parameters({"blur": [1.0, 2.0, 4.0]}, start={"blur": start}, labels={}, units={})[0].start

    if place is None:
        with pytest.raises(ValueError, match="start of blur"):
            make()
    else:
        assert make() == place
