"""Build one chapter alone and photograph it: `python -m book._tools.preview imaging/sampling`.

The site goes to `_build/preview/NAME/_build/html`, the pictures beside it: light and dark on a wide screen, light on a
phone, each in slices that an eye can take in.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Literal

import yaml
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[2]
BACK_MATTER = [f"book/back/{name}" for name in ("notation", "replication", "errata", "claims", "costs", "bibliography")]
SLICE = 1500
VIEWS: dict[str, tuple[int, Literal["light", "dark"]]] = {
    "light": (1280, "light"),
    "dark": (1280, "dark"),
    "phone": (360, "light"),
}
"""Width in CSS pixels and colour scheme."""


def build(docname: str) -> Path:
    """Build the site of one chapter with the back matter, and return its page."""
    folder = ROOT / "_build" / "preview" / Path(docname).name
    folder.mkdir(parents=True, exist_ok=True)
    others = [{"file": name} for name in BACK_MATTER if name != docname]
    toc = {"format": "jb-book", "root": docname, "chapters": others}
    (folder / "_toc.yml").write_text(yaml.safe_dump(toc), encoding="utf-8")
    command = [str(Path(sys.executable).with_name("jupyter-book")), "build", str(ROOT)]
    subprocess.run(
        [*command, "-n", "--keep-going", "--toc", str(folder / "_toc.yml"), "--path-output", str(folder)], check=True
    )
    return folder / "_build" / "html" / f"{docname}.html"


def photograph(page_file: Path, folder: Path) -> list[Path]:
    """Save slices of the page in every view."""
    pictures = []
    executable = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox", "--disable-gpu"])
        for view, (width, scheme) in VIEWS.items():
            context = browser.new_context(offline=True, viewport={"width": width, "height": 900}, color_scheme=scheme)
            page = context.new_page()
            page.goto(page_file.as_uri(), wait_until="load")
            page.wait_for_timeout(1500)
            height = page.evaluate("() => document.documentElement.scrollHeight")
            page.set_viewport_size({"width": width, "height": height})
            for number, top in enumerate(range(0, height, SLICE)):
                picture = folder / f"{view}-{number:02d}.png"
                bottom = min(SLICE, height - top)
                page.screenshot(path=picture, clip={"x": 0, "y": top, "width": width, "height": bottom})
                pictures.append(picture)
            context.close()
        browser.close()
    return pictures


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("chapter", help="such as imaging/sampling, or welcome")
    parser.add_argument("--scale", default=os.environ.get("OTRECON_SCALE", "cpu"), help="smoke, cpu or paper")
    arguments = parser.parse_args()
    os.environ["OTRECON_SCALE"] = arguments.scale
    page = build(f"book/{arguments.chapter.removeprefix('book/').removesuffix('.md')}")
    folder = ROOT / "_build" / "preview" / page.stem
    for picture in folder.glob("*.png"):
        picture.unlink()
    for picture in photograph(page, folder):
        print(picture.relative_to(ROOT))


if __name__ == "__main__":
    main()
