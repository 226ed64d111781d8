"""Files that are whole or not there, and where the laboratory keeps them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from otrecon.whole_files import write_whole

__all__ = ["HOME", "write_json"]

_REPOSITORY = Path(__file__).resolve().parents[2]
HOME = _REPOSITORY if (_REPOSITORY / "pyproject.toml").is_file() else Path.cwd()
"""The repository, or where Python was started if the package is installed elsewhere."""


def write_json(path: Path, content: Mapping[str, object]) -> None:
    """Write JSON; an interruption leaves the old file whole.

    Raises
    ------
    ValueError
        If a number is not finite; nothing is written then.
    """
    text = json.dumps(content, indent=2, allow_nan=False) + "\n"
    write_whole(path, lambda file: file.write(text.encode()))
