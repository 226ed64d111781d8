"""Files that are whole or not there, and where the laboratory keeps them."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

__all__ = ["HOME", "write_json"]

_REPOSITORY = Path(__file__).resolve().parents[2]
HOME = _REPOSITORY if (_REPOSITORY / "pyproject.toml").is_file() else Path.cwd()
"""The repository, or where Python was started if the package is installed elsewhere."""


def write_json(path: Path, content: Mapping[str, object]) -> None:
    """Write beside the file, then put the new one in its place: an interruption leaves the old one whole.

    Raises
    ------
    ValueError
        If a number is not finite; nothing is written then.
    """
    text = json.dumps(content, indent=2, allow_nan=False) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name + ".")
    beside = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.chmod(0o644)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
