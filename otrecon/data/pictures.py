"""The smaller real data: a rat's beating heart, one head in two contrasts, outlines of moving cells, labelled cells."""

from __future__ import annotations

import re
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from otrecon.data.errors import DataError, existing_file, finite, hdf5, require
from otrecon.data.matlab import variable

__all__ = ["T1T2", "Cells3d", "Contours", "load_cells3d", "load_contours", "load_rat_cine", "load_t1t2"]

REPEAT = 1000  # the time stamp under which the outline files repeat their first outline
_LINE = re.compile(r"(?P<time>\d+)\s*;\s*POLYGON\s*\(\((?P<points>[^()]*)\)\)")


def _real_image(array: object, ndim: int, path: str | PathLike[str], name: str) -> np.ndarray:
    """Check a real, non-empty array and return it contiguous in native byte order."""
    if not isinstance(array, np.ndarray) or array.dtype.kind != "f" or array.ndim != ndim or array.size == 0:
        came = f"{array.dtype} of shape {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
        raise DataError(
            f"{path}: {name} is {came}; real floating-point numbers with {ndim} axes are allowed. Choose the file "
            "that the registry names."
        )
    finite(array, Path(path), name)
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))


def load_rat_cine(path: str | PathLike[str]) -> Tensor:
    """Read the cine of ``rat-cine``: variable ``image0`` of shape (y, x, t).

    Returns
    -------
    Tensor
        ``(t, y, x)`` float64, magnitude as stored; (8, 192, 192). The frames are periodic in time.

    Raises
    ------
    DataError
        If the file is missing, damaged, lacks ``image0``, or this is no real finite array with three axes.
    """
    image = _real_image(variable(path, "image0"), 3, path, "image0")
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))


@dataclass(frozen=True)
class T1T2:
    """Two co-registered magnitude images ``(y, x)`` float64 of one slice, T1- and T2-weighted."""

    t1: Tensor
    t2: Tensor


def load_t1t2(path: str | PathLike[str]) -> T1T2:
    """Read the pair of ``t1t2-patient-a``: struct ``groundtruth`` with ``T1`` and ``T2``.

    Raises
    ------
    DataError
        If the file is missing, damaged, lacks the struct or a field, or the images differ in size or are not finite.
    """
    struct = variable(path, "groundtruth")
    fields = struct.dtype.names if isinstance(struct, np.ndarray) else None
    if fields is None or not {"T1", "T2"} <= set(fields) or struct.size != 1:
        raise DataError(
            f"{path}: groundtruth has the fields {', '.join(fields or ()) or 'none'}; one struct with T1 and T2 is "
            "allowed. Choose the file that the registry names."
        )
    t1, t2 = (_real_image(struct.flat[0][name], 2, path, f"groundtruth.{name}") for name in ("T1", "T2"))
    if t1.shape != t2.shape:
        raise DataError(f"{path}: T1 is {t1.shape} and T2 {t2.shape}; one size is allowed. Resample one of them.")
    return T1T2(torch.from_numpy(t1), torch.from_numpy(t2))


@dataclass(frozen=True)
class Contours:
    """Outline of one cell over time.

    Attributes
    ----------
    times
        ``(frame,)`` int64 frame numbers, rising.
    outlines
        For each frame ``(point, 2)`` float64, columns y and x in pixels, y downwards. Closed: the last point connects
        to the first, which is not repeated.
    height
        What the file's upward y was subtracted from: ``y = height - y_file``.
    """

    times: Tensor
    outlines: tuple[Tensor, ...]
    height: float


def load_contours(path: str | PathLike[str], *, height: float | None = None) -> Contours:
    """Read a file of ``cell-contours``: one line ``t; POLYGON((x y, x y, ...))`` for each frame.

    The line of time 1000 is dropped: it repeats time 0. The file's y points upwards and is turned round.

    Parameters
    ----------
    path
        The ``.wkt`` file.
    height
        Height of the movie in pixels, which the file does not tell. The largest y of the file when omitted: outlines
        then lie at the right places to each other, and the topmost point has y = 0.

    Raises
    ------
    DataError
        If the file is missing, a line has another form, an outline has fewer than three points or is not closed, times
        do not rise, or nothing is left.
    """
    file = existing_file(path, (".wkt",), "outlines (WKT)")
    times: list[int] = []
    outlines: list[np.ndarray] = []
    try:
        lines = file.read_text(encoding="ascii").splitlines()
    except UnicodeDecodeError as error:
        raise DataError(f"{file} is not plain text ({error}). Choose the file that the registry names.") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        time, points = _outline(line, file, number)
        if time == REPEAT:
            continue
        if times and time <= times[-1]:
            raise DataError(
                f"{file}, line {number}: time {time} follows {times[-1]}; rising times are allowed. Sort it."
            )
        times.append(time)
        outlines.append(points)
    if not times:
        raise DataError(f"{file} has no outline besides time {REPEAT}. Choose the file that the registry names.")
    top = max(float(points[:, 1].max()) for points in outlines) if height is None else float(height)
    turned = tuple(torch.from_numpy(np.stack((top - points[:, 1], points[:, 0]), axis=1)) for points in outlines)
    return Contours(torch.tensor(times), turned, top)


def _outline(line: str, file: Path, number: int) -> tuple[int, np.ndarray]:
    allowed = "'t; POLYGON((x y, x y, ...))' with at least three points, the last repeating the first, is allowed"
    match = _LINE.fullmatch(line.strip())
    try:
        pairs = [pair.split() for pair in match["points"].split(",")] if match else []
        points = np.array([[float(x), float(y)] for x, y in pairs])
    except ValueError:
        points = np.empty((0, 2))
    if match is None or len(points) < 4 or not np.isfinite(points).all() or (points[0] != points[-1]).any():
        raise DataError(f"{file}, line {number}: {line[:60]!r}; {allowed}. The file may be truncated: copy it again.")
    return int(match["time"]), points[:-1]


@dataclass(frozen=True)
class Cells3d:
    """Labelled cells in 3-D.

    Attributes
    ----------
    raw
        ``(z, y, x)`` image in the stored type (uint8).
    label
        ``(z, y, x)`` int64, one number a cell.
    spacing_um
        Voxel size ``(z, y, x)`` in micrometres.
    """

    raw: Tensor
    label: Tensor
    spacing_um: tuple[float, float, float]


def load_cells3d(path: str | PathLike[str]) -> Cells3d:
    """Read a file of ``cells3d``: datasets ``raw`` and ``label`` with the attribute ``element_size_um``.

    Raises
    ------
    DataError
        If the file is missing, truncated or of another format, a dataset or the attribute is missing, shapes differ,
        labels are not integers, or voxel sizes are not positive.
    """
    kind = "labelled cells (HDF5)"
    file = existing_file(path, (".h5", ".hdf5"), kind)
    with hdf5(file, kind) as opened:
        raw, label = (require(opened, name, file, kind) for name in ("raw", "label"))
        spacing = np.asarray(label.attrs.get("element_size_um", ()), dtype=np.float64)
        if raw.ndim != 3 or raw.shape != label.shape or label.dtype.kind not in "iu" or raw.dtype.kind not in "iuf":
            raise DataError(
                f"{kind}: raw of {file} is {raw.dtype} {raw.shape} and label {label.dtype} {label.shape}; one shape "
                "(z, y, x) and integer labels are allowed. Choose a file that the registry names."
            )
        if spacing.shape != (3,) or not (spacing > 0).all():
            raise DataError(
                f"{kind}: element_size_um of {file} is {spacing.tolist()}; three positive lengths (z, y, x) in "
                "micrometres are allowed. Write the attribute of label."
            )
        image, cells = finite(raw[()], file, "raw"), label[()].astype(np.int64)
    z, y, x = spacing.tolist()
    return Cells3d(torch.from_numpy(image), torch.from_numpy(cells), (z, y, x))
