"""Files that are whole or not there, and where the laboratory keeps them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from otrecon.whole_files import write_whole

__all__ = ["HOME", "REPOSITORY", "write_json"]

REPOSITORY = Path(__file__).resolve().parents[2]
"""Where the package stands: in a clone its top, which has ``results/``."""


def _home(here: Path) -> Path:
    clone = (REPOSITORY / "pyproject.toml").is_file() and here.is_relative_to(REPOSITORY)
    return REPOSITORY if clone else here


HOME = _home(Path.cwd())
"""Where Python was started; anywhere in the repository, that is the repository."""


def write_json(path: Path, content: Mapping[str, object]) -> None:
    """Write JSON; an interruption leaves the old file whole.

    Raises
    ------
    ValueError
        If a number is not finite; nothing is written then.
    """
    text = json.dumps(content, indent=2, allow_nan=False) + "\n"
    write_whole(path, lambda file: file.write(text.encode()))
