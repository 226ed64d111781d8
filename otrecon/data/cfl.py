"""BART's ``.cfl``/``.hdr`` pairs: complex64 in column-major order, dimensions in a small text header.

BART lists dimensions from the fastest axis (read, phase 1, phase 2, coil, maps, ...). Here axes run the other way,
slowest first, as everywhere in this package: a BART array of 1 x 180 x 230 x 8 arrives as ``(8, 230, 180, 1)`` without
moving a byte.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from otrecon.data.errors import DataError, existing_file, finite

__all__ = ["Cfl", "load_cfl", "save_cfl"]

KIND = "BART .cfl/.hdr pair"
BART_DIMS = 16


@dataclass(frozen=True)
class Cfl:
    """A BART array.

    Attributes
    ----------
    data
        Complex64, axes reversed, without the leading ones that stand for BART's unused last dimensions.
    dims
        All dimensions in BART's own order.
    sections
        The text of each header section, such as ``"Command"``, by name.
    """

    data: Tensor
    dims: tuple[int, ...]
    sections: Mapping[str, str] = field(default_factory=dict)


def _pair(path: str | PathLike[str]) -> tuple[Path, Path]:
    base = Path(path)
    if base.suffix in (".cfl", ".hdr"):
        base = base.with_suffix("")
    return base.with_name(base.name + ".cfl"), base.with_name(base.name + ".hdr")


def _read_header(path: Path) -> dict[str, str]:
    sections: dict[str, list[str]] = {}
    lines: list[str] = []
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"{KIND}: {path} is not text ({error}). Give the .hdr that BART wrote.") from error
    for line in text.splitlines():
        if line.startswith("#"):
            lines = sections.setdefault(line.lstrip("#").strip(), [])
        else:
            lines.append(line)
    return {name: "\n".join(body).strip() for name, body in sections.items()}


def _dims(sections: Mapping[str, str], path: Path) -> tuple[int, ...]:
    words = sections.get("Dimensions", "").split()
    if not words or not all(word.isascii() and word.isdigit() and int(word) > 0 for word in words):
        raise DataError(
            f"{KIND}: {path} must have a section '# Dimensions' with positive integers, got "
            f"{' '.join(words) or 'none'!r}. Write the pair again with BART or save_cfl."
        )
    return tuple(int(word) for word in words)


def load_cfl(path: str | PathLike[str], *, squeeze: bool = False) -> Cfl:
    """Read a BART array.

    Parameters
    ----------
    path
        The ``.cfl``, the ``.hdr``, or their common name without ending.
    squeeze
        Drop every axis of length one, so that BART's ``1 180 230 8`` becomes ``(coil, y, x)`` = ``(8, 230, 180)``.

    Returns
    -------
    Cfl
        Data in reversed axis order, BART's dimensions, header sections. Values are as stored: raw data may be huge.

    Raises
    ------
    DataError
        If one of the two files is missing, the header has no valid dimensions, the lengths disagree (a truncated
        file), or a value is NaN or infinite.
    """
    data_path, header_path = _pair(path)
    existing_file(data_path, (".cfl",), KIND)
    existing_file(header_path, (".hdr",), KIND)
    sections = _read_header(header_path)
    dims = _dims(sections, header_path)
    expected, size = math.prod(dims) * 8, data_path.stat().st_size
    if size != expected:
        raise DataError(
            f"{KIND}: {data_path} has {size} bytes; dimensions {' '.join(map(str, dims))} of complex64 need "
            f"{expected}. The file is truncated or the header belongs to another one: copy both again."
        )
    values = np.fromfile(data_path, dtype="<c8").astype(np.complex64, copy=False)
    data = torch.from_numpy(finite(values, data_path, "the array"))
    used = max((axis + 1 for axis, n in enumerate(dims) if n > 1), default=1)
    shape = [n for n in dims[:used] if n > 1 or not squeeze]
    return Cfl(data.reshape(shape[::-1]), dims, {name: text for name, text in sections.items() if name != "Dimensions"})


def save_cfl(path: str | PathLike[str], data: Tensor, *, sections: Mapping[str, str] | None = None) -> None:
    """Write a tensor as a BART pair; the last axis becomes BART's first dimension.

    Parameters
    ----------
    path
        The ``.cfl``, the ``.hdr``, or their common name without ending. Existing files are replaced.
    data
        Complex64 with one to sixteen axes, none of them empty, all values finite.
    sections
        Further header sections by name, such as ``{"Command": "pics ..."}``.

    Raises
    ------
    TypeError
        If ``data`` is not complex64, the one type that the format knows.
    DataError
        If it has no or more than sixteen axes, is empty, or holds NaN or infinity.
    """
    if not isinstance(data, Tensor) or data.dtype != torch.complex64:
        came = data.dtype if isinstance(data, Tensor) else type(data).__name__
        raise TypeError(f"a .cfl holds complex64, got {came}: convert with data.to(torch.complex64) first.")
    if not 1 <= data.ndim <= BART_DIMS or data.numel() == 0:
        raise DataError(
            f"a .cfl has 1 to {BART_DIMS} axes and no empty one, got shape {tuple(data.shape)}: reshape first."
        )
    data_path, header_path = _pair(path)
    values = finite(data.detach().cpu().resolve_conj().contiguous().numpy(), data_path, "the tensor")
    dims = [*reversed(data.shape), *[1] * (BART_DIMS - data.ndim)]
    text = "# Dimensions\n" + " ".join(map(str, dims)) + " \n"
    text += "".join(f"# {name}\n{body}\n" for name, body in (sections or {}).items())
    values.astype("<c8", copy=False).tofile(data_path)
    header_path.write_text(text, encoding="utf-8")
