"""Tell whether the built site is the one that these sources give."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

STAMP = "build.json"
_SOURCES = ("otrecon", "book")
_SINGLE_FILES = ("_config.yml", "_toc.yml", "constraints.txt")
_IGNORED_PARTS = {"__pycache__", ".ipynb_checkpoints"}


def source_key(root: Path) -> str:
    """Hash every file that the site is made of, paired notebooks excepted: they are made from the chapters."""
    files = [root / name for name in _SINGLE_FILES]
    return _key(root, files + [path for folder in _SOURCES for path in _inside(root / folder)])


def folder_key(folder: Path) -> str:
    """Hash every file of a folder, notebooks excepted."""
    return _key(folder, _inside(folder))


def _inside(folder: Path) -> list[Path]:
    return [p for p in folder.rglob("*") if p.is_file() and not _IGNORED_PARTS.intersection(p.parts)]


def _key(root: Path, files: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in sorted(files):
        if path.suffix not in {".ipynb", ".pyc"}:
            digest.update(path.relative_to(root).as_posix().encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def is_current(site: Path, root: Path) -> bool:
    """Whether ``site`` was built, without a failure, from the sources in ``root`` as they are now."""
    stamp = site / STAMP
    return stamp.exists() and json.loads(stamp.read_text(encoding="utf-8"))["sources"] == source_key(root)
