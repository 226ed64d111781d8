"""How a number is read, written for people and written for machines: shared by claims and glue."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

__all__ = ["plain", "shown"]

_EXPONENT = re.compile(r"(?P<mantissa>\d[\d.,]*)[eE](?P<exponent>[+-]?\d+)")
_SUPERSCRIPT = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
_NO_SPACE_BEFORE = ("%", "°", "′", "″")


def plain(value: Any, what: str) -> Any:
    """Turn a number, a 0-d array or tensor, or a sequence of these into plain Python.

    Parameters
    ----------
    value
        ``bool``, ``int``, ``float``, ``str``, something with ``item()`` that holds one element, a 1-d array or tensor,
        or a sequence of these.
    what
        Name of the value, for the error message.

    Raises
    ------
    ValueError
        If a number is NaN.
    TypeError
        If the value is of another kind.
    """
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        if math.isnan(value):
            raise ValueError(f"{what} is NaN: nothing can be said with it. Find out where it arose.")
        return float(value)
    shape = getattr(value, "shape", None)
    if hasattr(value, "item") and shape is not None and math.prod(shape) == 1:
        item = value.item()
        if isinstance(item, bool | int | float):
            return plain(item, what)
    elif hasattr(value, "tolist") and shape is not None and len(shape) == 1:
        return plain(value.tolist(), what)
    elif isinstance(value, Sequence):
        return [plain(item, what) for item in value]
    raise TypeError(
        f"{what} is a {type(value).__name__}{'' if shape is None else f' of shape {tuple(shape)}'}; "
        "give a real number, a text, or a short list of these (call .item() or .tolist())."
    )


def shown(value: Any, form: str = "", unit: str = "") -> str:
    """Write a plain value as prose shows it: ``31.4 dB`` (the space does not break), ``3.2 × 10⁻⁵``.

    Parameters
    ----------
    value
        What `plain` returned.
    form
        Format specification; empty: four significant digits for a float, all digits for an integer.
    unit
        Unit that follows the value, after a space that cannot break (``%`` and ``°`` follow at once).
    """
    if isinstance(value, list):
        text = ", ".join(shown(item, form) for item in value)
    elif isinstance(value, float):
        text = "∞".rjust(1 + (value < 0), "-") if math.isinf(value) else format(value, form or ".4g")
    elif isinstance(value, bool):
        text = "yes" if value else "no"
    else:
        text = format(value, form)
    if not isinstance(value, str):
        text = _EXPONENT.sub(_power_of_ten, text).replace("-", "−")
    if not unit:
        return text
    return f"{text}{'' if unit.startswith(_NO_SPACE_BEFORE) else chr(0xA0)}{unit}"


def _power_of_ten(match: re.Match[str]) -> str:
    exponent = str(int(match["exponent"])).translate(_SUPERSCRIPT)
    return f"{match['mantissa']} × 10{exponent}"
