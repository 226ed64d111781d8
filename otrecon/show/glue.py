"""Numbers for prose: computed in a cell, quoted in a sentence, never typed by hand.

In the book ``{glue:text}`psnr_cg``` quotes what ``glue("psnr_cg", 31.42, ".1f", unit="dB")`` registered.
Where myst_nb is absent the call only keeps the text, in `glued`.
"""

from __future__ import annotations

import importlib.util
import json
import math
import os
import re
import sys
from pathlib import Path
from typing import Any

from otrecon.show._numbers import plain, shown

__all__ = ["glue", "glued"]

glued: dict[str, str] = {}
"""Every text that this session has glued, by name."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


def glue(name: str | None = None, value: Any = None, /, format: str = "", *, unit: str = "", **values: Any) -> None:  # noqa: A002
    r"""Register one number, or several by keyword, for the prose of the chapter.

    Parameters
    ----------
    name, value
        One number and the name that prose quotes it by. The value may also be a text or a short list of numbers.
    format
        Format specification, such as ``".1f"``; omitted: four significant digits, or all digits of an integer.
    unit
        Unit that follows the number, such as ``"dB"``.
    **values
        More numbers by name, all with the same format and unit.

    Raises
    ------
    ValueError
        If there is nothing to register, a name is not made of letters, digits, ``_`` and ``-``, or a number is NaN or
        infinite.
    TypeError
        If a value is of a kind that cannot be shown, or the name is not a text.

    Examples
    --------
    >>> glue("psnr_cg", 31.4159, ".1f", unit="dB")
    >>> glue(coils=8, frames=10)
    >>> glued["psnr_cg"]
    '31.4\xa0dB'
    """
    if name is not None and not isinstance(name, str):
        raise TypeError(f"The name of a glued number is a {type(name).__name__}; give a text, then the value.")
    entries = values if name is None else {name: value, **values}
    if not entries:
        raise ValueError('Nothing to glue: call glue("name", value) or glue(name=value).')
    for key, raw in entries.items():
        if not _NAME.fullmatch(key):
            raise ValueError(
                f"The name {key!r} cannot be quoted in prose; use letters, digits, _ and -, a letter first."
            )
        number = plain(raw, f"The glued number {key!r}")
        if number is None:
            raise ValueError(f"The glued number {key!r} is None; give the value to show.")
        _refuse_infinite(number, key)
        _register(key, number, shown(number, format, unit))


def _refuse_infinite(number: Any, key: str) -> None:
    for item in number if isinstance(number, list) else [number]:
        if isinstance(item, float) and math.isinf(item):
            raise ValueError(f"The glued number {key!r} is infinite; prose needs a finite one.")


def _register(key: str, number: Any, text: str) -> None:
    glued[key] = text
    if name := os.environ.get("OTRECON_GLUE"):
        with Path(name).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"name": key, "text": text, "value": number}, ensure_ascii=False) + "\n")
    # Outside a kernel, and in one without myst_nb, nobody reads the notebook's metadata.
    ipython = sys.modules.get("IPython")
    if ipython is not None and ipython.get_ipython() is not None and importlib.util.find_spec("myst_nb") is not None:
        from myst_nb import glue as glue_in_notebook

        glue_in_notebook(key, text, display=False)
