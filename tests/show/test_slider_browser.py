"""What a reader can do with a slider, in a real browser, from a file, with the network off."""

import re
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pydata_sphinx_theme
import pytest

from otrecon import show
from tests.book.browser import chromium

pytestmark = pytest.mark.browser

THEME = Path(pydata_sphinx_theme.__file__).parent / "theme/pydata_sphinx_theme/static/styles/pydata-sphinx-theme.css"
BODY = """<body style="display:block">
<main class="bd-content" style="display:block;max-width:44rem;margin:0 auto;padding:0 1rem">
<h1>Sliders</h1>{}</main></body>"""


@pytest.fixture(scope="module")
def browser():
    with chromium() as instance:
        yield instance


def draw(slope, offset):
    fig, ax = show.subplots(width=7.5, height=2.6, xlabel="x / px", title="A line")
    ax.plot([0, 1], [offset, offset + slope])
    ax.set(ylim=(0, 6))
    return fig


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    """Two sliders, the first with two parameters, and an image row, in one page without any other file."""
    patch = pytest.MonkeyPatch()
    patch.setenv("OTRECON_STATIC", "1")
    with mpl.rc_context():
        parts = [
            show.slider(
                draw,
                slope=[1.0, 2.0, 3.0],
                offset=[0, 1],
                units={"slope": "px/px"},
                start={"slope": 2.0},
                alt=lambda slope, offset: f"A line that starts at {offset} and has slope {slope}.",
                fps=20,
                caption="Move slope and offset.",
            ),
            show.slider(
                lambda k: np.eye(8) * k,
                k=[1, 2, 3, 4],
                labels={"k": "gain = {} a.u."},
                alt="A diagonal that becomes brighter with the gain.",
                caption="A second slider on the same page.",
            ),
            show.images(
                {"reference": np.eye(8), "TV": np.eye(8) + 0.1},
                reference="reference",
                alt="A diagonal and its reconstruction, which is too bright everywhere.",
            ),
        ]
    patch.undo()
    paths = show.assets()
    style, script = (paths[name].read_text(encoding="utf-8") for name in ("otrecon.css", "slider.js"))
    body = "\n".join(
        f'<div class="cell_output"><div class="output text_html">{part.html()}</div></div>' for part in parts
    )
    theme = THEME.read_text(encoding="utf-8")
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(
        '<!doctype html>\n<html lang="en" data-theme="light"><head><meta charset="utf-8"/>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/><title>Sliders</title>'
        f"<style>{theme}</style><style>{style}</style><script>{script}</script></head>{BODY.format(body)}</html>",
        encoding="utf-8",
    )
    return path


@pytest.fixture
def opened(browser, page_file):
    """Open the page; afterwards nothing may have been logged, thrown or requested from elsewhere."""
    contexts, trouble = [], []

    def opener(**options):
        context = browser.new_context(offline=True, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: trouble.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: trouble.append(f"error: {error}"))
        page.on(
            "request",
            lambda request: (
                request.url.startswith(("data:", "blob:", page_file.as_uri()))
                or trouble.append(f"request: {request.url}")
            ),
        )
        page.goto(page_file.as_uri())
        return page

    yield opener
    for context in contexts:
        context.close()
    assert trouble == []


def alt(page, number=0):
    return (
        page.locator(".otrecon-slider")
        .nth(number)
        .locator(".otrecon-frame [aria-label]")
        .first.get_attribute("aria-label")
    )


def until(page, wanted, number=0):
    page.wait_for_function(
        "([number, wanted]) => document.querySelectorAll('.otrecon-slider')[number]"
        ".querySelector('.otrecon-frame [aria-label]').getAttribute('aria-label') === wanted",
        arg=[number, wanted],
        timeout=5000,
    )


def test_keys_move_both_parameters(opened):
    page = opened()
    slope, offset = page.locator("input[type=range]").nth(0), page.locator("input[type=range]").nth(1)
    frame = page.locator(".otrecon-frame").first
    before = frame.inner_html().strip()
    assert alt(page) == "A line that starts at 0 and has slope 2.0."
    slope.focus()
    slope.press("ArrowRight")
    until(page, "A line that starts at 0 and has slope 3.0.")
    assert frame.inner_html().strip() != before
    assert slope.get_attribute("aria-valuetext") == "slope = 3 px/px"
    assert page.locator("output").first.inner_text() == "slope = 3 px/px"
    slope.press("Home")
    until(page, "A line that starts at 0 and has slope 1.0.")
    offset.press("End")
    until(page, "A line that starts at 1 and has slope 1.0.")
    assert offset.get_attribute("aria-valuetext") == "offset = 1"
    slope.press("PageUp")
    offset.press("ArrowLeft")
    slope.press("Home")
    slope.press("ArrowRight")
    until(page, "A line that starts at 0 and has slope 2.0.")
    assert frame.inner_html().strip() == before


def test_sliders_do_not_move_each_other(opened):
    page = opened()
    first = page.locator(".otrecon-frame").nth(0).inner_html()
    second = page.locator(".otrecon-frame").nth(1)
    before = second.inner_html()
    page.get_by_role("slider").nth(2).press("ArrowRight")
    page.wait_for_function("before => document.querySelectorAll('.otrecon-frame')[1].innerHTML !== before", arg=before)
    assert page.get_by_role("slider").nth(2).get_attribute("aria-valuetext") == "gain = 2 a.u."
    assert page.locator(".otrecon-frame").nth(0).inner_html() == first


def test_a_screen_reader_hears_the_new_frame(opened):
    page = opened()
    page.get_by_role("slider").first.press("ArrowRight")
    status = page.locator(".otrecon-slider [role=status]").first
    page.wait_for_function("() => document.querySelector('.otrecon-slider [role=status]').textContent")
    assert status.text_content() == "A line that starts at 0 and has slope 3.0."


def test_play_moves_and_pauses(opened):
    page = opened()
    button = page.get_by_role("button").first
    assert button.inner_text() == "Play"
    button.press("Enter")
    assert button.inner_text() == "Pause"
    for wanted in ("3.0", "1.0", "2.0"):
        page.wait_for_function(
            "text => document.querySelector('.otrecon-frame [aria-label]').getAttribute('aria-label').includes(text)",
            arg=f"slope {wanted}",
            timeout=5000,
        )
    button.click()
    assert button.inner_text() == "Play"
    page.wait_for_timeout(200)
    still = alt(page)
    page.wait_for_timeout(300)
    assert alt(page) == still


def test_less_motion_means_one_step_a_press(opened):
    page = opened(reduced_motion="reduce")
    button = page.get_by_role("button").first
    assert button.inner_text() == "Next"
    button.click()
    until(page, "A line that starts at 0 and has slope 3.0.")
    page.wait_for_timeout(300)
    assert alt(page) == "A line that starts at 0 and has slope 3.0."


def test_print_shows_the_frame_and_no_controls(opened):
    page = opened()
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    page.emulate_media(media="print")
    assert page.locator(".otrecon-frame svg").first.is_visible()
    assert not page.locator(".otrecon-controls").first.is_visible()
    fill = page.evaluate("() => getComputedStyle(document.querySelector('.otrecon-frame svg')).fill")
    assert fill == "rgb(0, 0, 0)"
    assert page.pdf().startswith(b"%PDF")


def test_without_scripts_the_first_frame_shows(opened):
    page = opened(java_script_enabled=False)
    assert page.locator(".otrecon-frame svg").first.is_visible()
    assert page.locator(".otrecon-frame svg").first.bounding_box()["height"] > 100
    assert not page.locator(".otrecon-controls").first.is_visible()


def test_dark_mode_restyles_the_same_drawing(opened):
    page = opened()
    colour = (
        "() => [getComputedStyle(document.querySelector('.otrecon-frame svg')).fill,"
        " getComputedStyle([...document.querySelectorAll('.otrecon-frame svg path')]"
        ".find(path => /blue/.test(path.getAttribute('style')))).stroke]"
    )
    assert page.evaluate(colour) == ["rgb(34, 40, 50)", "rgb(0, 114, 178)"]
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert page.evaluate(colour) == ["rgb(206, 214, 221)", "rgb(74, 168, 224)"]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1000, 360])
def test_axe_finds_nothing_serious(opened, theme, width):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page = opened(viewport={"width": width, "height": 800})
    page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
    results = axe.Axe().run(page)
    serious = [
        (violation["id"], [node["html"][:120] for node in violation["nodes"]])
        for violation in results.response["violations"]
        if violation["impact"] in ("serious", "critical")
    ]
    assert serious == []


def test_a_phone_reads_it(opened):
    page = opened(viewport={"width": 360, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    scale = page.evaluate(
        "() => { const svg = document.querySelector('.otrecon-frame svg');"
        " return svg.getBoundingClientRect().width / Number(svg.getAttribute('width')) }"
    )
    assert scale >= 0.699
    assert page.locator(".otrecon-frame").first.get_attribute("tabindex") == "0"
    assert page.locator(".otrecon-frame").nth(1).get_attribute("tabindex") is None
    for box in page.locator("input[type=range], .otrecon-play").all():
        assert box.bounding_box()["height"] >= 24


def test_running_the_script_again_changes_nothing(opened):
    page = opened()
    page.evaluate("script => { (0, eval)(script) }", show.assets()["slider.js"].read_text(encoding="utf-8"))
    page.get_by_role("slider").first.press("ArrowRight")
    until(page, "A line that starts at 0 and has slope 3.0.")
    page.get_by_role("button").first.click()
    assert page.get_by_role("button").first.inner_text() == "Pause"


def test_the_script_leaves_no_globals():
    script = show.assets()["slider.js"].read_text(encoding="utf-8")
    assert re.search(r'^\(\(\) => \{\n  "use strict";', script, re.MULTILINE)
    assert not re.search(r"window\.|globalThis|https?://|fetch\(|XMLHttpRequest", script)
