"""The built pages in a browser with the network off, from file://: nothing broken, nothing dead, nothing unreadable."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml
from axe_playwright_python.sync_playwright import Axe

pytestmark = [pytest.mark.browser, pytest.mark.book]

ROOT = Path(__file__).resolve().parents[2]
THEME_VIOLATIONS = Path(__file__).with_name("theme_violations.yml")
HEAVIEST_PAGE = 2_000_000
PHONE = {"width": 360, "height": 740}

_LOOK = """
() => {
  const named = e => (e.getAttribute('aria-label') || e.getAttribute('alt') || '').trim();
  const shown = e => { const b = e.getBoundingClientRect(); return b.width > 1 && b.height > 1; };
  const article = document.querySelector('article') || document.body;
  return {
    formulas: article.querySelectorAll('span.math, div.math').length,
    rendered: [...article.querySelectorAll('span.math, div.math')].filter(e => e.querySelector('mjx-container')).length,
    broken: [...document.querySelectorAll('[data-mml-node="merror"], mjx-merror')].map(e => e.textContent),
    images: [...article.querySelectorAll('img, svg[role=img]')]
      .filter(e => !e.closest('mjx-container'))
      .map(e => ({ alt: named(e), shown: shown(e) })),
    naked: article.querySelectorAll(
      '.cell_output svg:not([role=img], [aria-hidden=true], [role=img] svg, button svg)').length,
    sliders: document.querySelectorAll('.otrecon-slider').length,
    links: [...document.querySelectorAll('a[href]')].map(e => e.href),
    ids: [...document.querySelectorAll('[id]')].map(e => e.id),
  };
}
"""


@pytest.fixture(scope="session")
def pages(site):
    """All pages that a reader can reach, without the redirect at the root."""
    stamped = json.loads((site / "build.json").read_text(encoding="utf-8"))["chapters"]
    found = sorted(site.glob("book/**/*.html"))
    assert {f"{name}.html" for name in stamped} <= {p.relative_to(site).as_posix() for p in found}
    return found


@pytest.fixture(scope="session")
def looks(site, pages, browser):
    """What a reader's browser met on each page: errors, requests, formulas, images, links, axe's complaints."""
    axe, records = Axe(), {}
    context = browser.new_context(offline=True)
    for path in pages:
        page = context.new_page()
        errors: list[str] = []
        requests: list[str] = []
        page.on(
            "console", lambda message, errors=errors: errors.append(message.text) if message.type == "error" else None
        )
        page.on("pageerror", lambda error, errors=errors: errors.append(str(error)))
        page.on("request", lambda request, requests=requests: requests.append(request.url))
        page.goto(path.as_uri(), wait_until="load")
        page.wait_for_function("() => !window.MathJax || !MathJax.startup || MathJax.startup.promise")
        page.evaluate("async () => { if (window.MathJax && MathJax.startup) await MathJax.startup.promise; }")
        record = page.evaluate(_LOOK)
        record["errors"] = list(errors)
        record["outside"] = [url for url in requests if not url.startswith((site.as_uri(), "data:", "blob:"))]
        record["axe"] = [
            {"id": violation["id"], "impact": violation["impact"], "target": " ".join(map(str, node["target"]))}
            for violation in axe.run(page).response["violations"]
            for node in violation["nodes"]
            if violation["impact"] in {"serious", "critical"}
        ]
        page.close()
        records[path.relative_to(site).as_posix()] = record
    context.close()
    return records


def _complaints(looks, key):
    return {name: record[key] for name, record in looks.items() if record[key]}


def test_no_request_leaves_the_folder(looks):
    assert not _complaints(looks, "outside")


def test_console_is_silent(looks):
    assert not _complaints(looks, "errors")


def test_every_formula_is_rendered(looks):
    assert not _complaints(looks, "broken")
    assert {n: (r["rendered"], r["formulas"]) for n, r in looks.items() if r["rendered"] != r["formulas"]} == {}
    assert sum(record["formulas"] for record in looks.values()) > 50


def test_every_image_says_what_it_shows(looks):
    bad = {
        name: [image["alt"] for image in record["images"] if not _is_meaningful(image["alt"])]
        for name, record in looks.items()
    }
    assert {name: alts for name, alts in bad.items() if alts} == {}
    assert {name: record["naked"] for name, record in looks.items() if record["naked"]} == {}
    assert sum(len(record["images"]) for record in looks.values()) > 30


def _is_meaningful(alt: str) -> bool:
    return len(alt) >= 15 and " " in alt and not re.search(r"\.(png|svg|jpe?g|webp)$", alt)


def test_no_serious_accessibility_violation_of_ours(looks):
    allowed = yaml.safe_load(THEME_VIOLATIONS.read_text(encoding="utf-8"))
    met, ours = set(), {}
    for name, record in looks.items():
        for violation in record["axe"]:
            rule = next((r for r in allowed if r["id"] == violation["id"] and r["target"] in violation["target"]), None)
            if rule is None:
                ours.setdefault(name, []).append(violation)
            else:
                met.add((rule["id"], rule["target"]))
    assert ours == {}
    gone = {(rule["id"], rule["target"]) for rule in allowed} - met
    assert not gone, f"the theme no longer does this: take it off {THEME_VIOLATIONS.name}: {gone}"


def test_links_inside_the_book_lead_somewhere(looks, site):
    ids = {name: set(record["ids"]) for name, record in looks.items()}
    broken = []
    for name, record in looks.items():
        for link in record["links"]:
            parts = urlsplit(link)
            if parts.scheme != "file":
                continue
            target = Path(unquote(parts.path))
            if not target.exists():
                broken.append((name, link))
                continue
            known = ids.get(target.relative_to(site).as_posix())
            if known is not None and parts.fragment and unquote(parts.fragment) not in known:
                broken.append((name, link))
    assert broken == []


def test_pages_are_light(pages):
    assert {p.name: p.stat().st_size for p in pages if p.stat().st_size > HEAVIEST_PAGE} == {}


def test_every_slider_moves_by_keyboard(site, looks, browser):
    context = browser.new_context(offline=True)
    moved, names = 0, [name for name, record in looks.items() if record["sliders"]]
    for name in names:
        page = context.new_page()
        page.goto((site / name).as_uri(), wait_until="load")
        for slider in page.locator(".otrecon-slider").all():
            picture = slider.locator(".otrecon-frame").first
            for control in slider.locator("input[type=range]").all():
                before, said = picture.evaluate("e => e.innerHTML"), control.get_attribute("aria-valuetext")
                key = "ArrowLeft" if control.evaluate("e => e.value === e.max") else "ArrowRight"
                control.focus()
                page.keyboard.press(key)
                page.wait_for_function(
                    "([e, before]) => e.innerHTML !== before", arg=[picture.element_handle(), before], timeout=5000
                )
                assert control.get_attribute("aria-valuetext") != said, f"{name}: the value text did not change"
                moved += 1
        page.close()
    context.close()
    assert moved >= 8, f"only {moved} controls were found on {names}"


def test_sliders_show_a_frame_without_scripts_and_in_print(site, looks, browser):
    context = browser.new_context(offline=True, java_script_enabled=False)
    for name in [name for name, record in looks.items() if record["sliders"]]:
        page = context.new_page()
        page.goto((site / name).as_uri(), wait_until="load")
        for medium in ("screen", "print"):
            page.emulate_media(media=medium)
            for picture in page.locator(".otrecon-slider svg[role=img]").all():
                box = picture.bounding_box()
                assert box is not None, f"{name}, {medium}: no frame"
                assert box["width"] > 50, f"{name}, {medium}: the frame is {box['width']} px wide"
        page.close()
    context.close()


def test_nothing_overflows_on_a_phone(site, pages, browser):
    context = browser.new_context(offline=True, viewport=PHONE)
    wide = {}
    for path in pages:
        page = context.new_page()
        page.goto(path.as_uri(), wait_until="load")
        page.evaluate("async () => { if (window.MathJax && MathJax.startup) await MathJax.startup.promise; }")
        width = page.evaluate("() => document.documentElement.scrollWidth")
        if width > PHONE["width"]:
            wide[path.relative_to(site).as_posix()] = width
        page.close()
    context.close()
    assert wide == {}


def test_figures_follow_the_dark_theme(site, looks, browser):
    """The ink of a figure is the ink of the page, so it must differ between the two themes and stand out in both."""
    name = next(name for name, record in looks.items() if record["sliders"])
    inks = {}
    for theme in ("light", "dark"):
        context = browser.new_context(offline=True, color_scheme=theme)
        page = context.new_page()
        page.goto((site / name).as_uri(), wait_until="load")
        inks[theme] = page.evaluate(
            """() => {
              const svg = document.querySelector('.otrecon-figure svg[role=img], .otrecon-slider svg[role=img]');
              const parse = c => c.match(/[\\d.]+/g).slice(0, 3).map(Number);
              const colour = (element, key) => parse(getComputedStyle(element)[key]);
              return { ink: colour(svg, 'color'), page: colour(document.body, 'backgroundColor') };
            }"""
        )
        context.close()
    for theme, colours in inks.items():
        assert _contrast(colours["ink"], colours["page"]) >= 4.5, f"{theme}: {colours}"
    assert inks["light"]["ink"] != inks["dark"]["ink"]


def _contrast(first, second):
    lighter, darker = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour):
    channels = [c / 255 for c in colour]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
