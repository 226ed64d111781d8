"""The built site that the page checks look at."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from book._tools.site import is_current
from tests.book.browser import chromium

ROOT = Path(__file__).resolve().parents[2]
JUPYTER_BOOK = Path(sys.executable).with_name("jupyter-book")


@pytest.fixture(scope="session")
def site():
    """Folder of a site that was built from these sources: the book's own, else one built now at smoke scale."""
    book = ROOT / "_build" / "html"
    if is_current(book, ROOT):
        return book
    output = ROOT / "_build" / "smoke"
    smoke = output / "_build" / "html"
    if not is_current(smoke, ROOT):
        command = [str(JUPYTER_BOOK), "build", str(ROOT), "-W", "-n", "--keep-going"]
        build = subprocess.run(
            [*command, "--path-output", str(output)],
            env={**os.environ, "OTRECON_SCALE": "smoke"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert build.returncode == 0, f"the book does not build at smoke scale:\n{build.stdout}\n{build.stderr}"
    return smoke


@pytest.fixture(scope="session")
def browser():
    """One headless Chromium for all page checks."""
    with chromium() as instance:
        yield instance
