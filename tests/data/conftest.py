"""No test of this room touches the network or the reader's own folders."""

import os
from pathlib import Path

import pytest

REAL = os.environ.get("OTRECON_DATA")


@pytest.fixture(autouse=True)
def isolated(monkeypatch, tmp_path_factory):
    """Forbid downloads, forget the reader's data folder, use an empty cache."""
    monkeypatch.setenv("OTRECON_OFFLINE", "1")
    monkeypatch.setenv("OTRECON_CACHE", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.delenv("OTRECON_DATA", raising=False)


@pytest.fixture
def real(monkeypatch):
    """Give the folder of the real data back to the tests that need it."""
    if not REAL:
        pytest.skip("OTRECON_DATA is not set: point it at the folder with the real data")
    folder = Path(REAL).expanduser().absolute()
    monkeypatch.setenv("OTRECON_DATA", str(folder))
    return folder
