"""ISMRMRD raw data (also from mridata.org): readouts with headers, sorted onto a Cartesian grid or left as they are.

The files are HDF5: a group, usually ``dataset``, with the XML header ``xml`` and the table ``data`` whose rows hold a
header, a trajectory and interleaved real and imaginary samples. h5py alone reads them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from otrecon.data.errors import DataError, existing_file, finite, hdf5, require
from otrecon.data.header import Encoding, parse_header

__all__ = ["IsmrmrdCartesian", "IsmrmrdReadouts", "load_ismrmrd", "load_ismrmrd_readouts"]

KIND = "ISMRMRD HDF5 file"
NOISE, CALIBRATION, CALIBRATION_AND_IMAGING, REVERSE = 19, 20, 21, 22
# Navigators, phase correction, feedback, dummies, surface coil correction, phase stabilisation: never imaging lines.
_NOT_IMAGING = (NOISE, 23, 24, 26, 27, 28, 29, 30, 31)
_COUNTERS = ("slice", "contrast", "phase", "repetition", "set")
_LINES = ("kspace_encode_step_1", "kspace_encode_step_2")


@dataclass(frozen=True)
class IsmrmrdCartesian:
    """Cartesian k-space on the encoded grid.

    Attributes
    ----------
    kdata
        ``(slice, coil, y, x)`` complex64, or ``(slice, coil, z, y, x)`` for a 3-D encoding; without the slice axis when
        one slice was asked for. k = 0 is at n//2 on every axis. x is the readout, with its oversampling.
    mask
        kdata's shape without the coil axis, bool: where samples were acquired (partial echoes included).
    averages
        Number of readouts on each line: mask's shape without x. Repeated lines are averaged.
    encoding
        Matrix sizes, fields of view and limits from the header.
    """

    kdata: Tensor
    mask: Tensor
    averages: Tensor
    encoding: Encoding

    @property
    def im_size(self) -> tuple[int, int, int]:
        """Matrix size ``(z, y, x)`` that the header asks to reconstruct; crop the oversampled image to it."""
        return self.encoding.recon_size


@dataclass(frozen=True)
class IsmrmrdReadouts:
    """Imaging readouts as acquired, in file order.

    Attributes
    ----------
    kdata
        ``(readout, coil, sample)`` complex64. Samples marked for discarding are gone and reversed readouts turned
        round, so that all run the same way.
    traj
        ``(readout, sample, dimension)`` float32 in the file's own unit and order (often kx, ky in cycles a field of
        view, or in [-0.5, 0.5]); None where the file has none. Convert to the ``ktraj`` (ky, kx) in rad/voxel yourself.
    center_sample
        ``(readout,)`` int64: index of k = 0 in each readout.
    counters
        ``(readout,)`` int64 of each encoding counter, by name.
    encoding
        What the header says.
    """

    kdata: Tensor
    traj: Tensor | None
    center_sample: Tensor
    counters: dict[str, Tensor]
    encoding: Encoding


@dataclass(frozen=True)
class _Readout:
    """One imaging readout, with k rising along ``data`` (coil, sample)."""

    data: np.ndarray
    traj: np.ndarray
    center: int
    row: int


def _has(flags: np.ndarray, bit: int) -> np.ndarray:
    return (flags >> np.uint64(bit - 1)) & np.uint64(1) != 0


def _imaging(heads: np.ndarray, encoding: int) -> np.ndarray:
    flags = heads["flags"].astype(np.uint64)
    skip = np.logical_or.reduce([_has(flags, bit) for bit in _NOT_IMAGING])
    skip |= _has(flags, CALIBRATION) & ~_has(flags, CALIBRATION_AND_IMAGING)
    return np.flatnonzero(~skip & (heads["encoding_space_ref"] == encoding))


class _File:
    """The header and the imaging rows of one open file."""

    def __init__(self, opened: Any, group: str, encoding: int, file: Path) -> None:
        self.file = file
        if group not in opened or not hasattr(opened[group], "keys"):
            has = ", ".join(map(str, opened)) or "nothing"
            raise DataError(f"{KIND}: {file} has no group {group!r}; it has {has}. Pass group=...")
        encodings = parse_header(require(opened[group], "xml", file, KIND)[()], file)
        if not 0 <= encoding < len(encodings):
            raise DataError(f"{KIND}: {file} has {len(encodings)} encodings; got encoding={encoding}.")
        self.encoding = encodings[encoding]
        self.table = require(opened[group], "data", file, KIND)
        if set(self.table.dtype.names or ()) != {"head", "traj", "data"}:
            raise DataError(
                f"{KIND}: {group}/data of {file} has type {self.table.dtype}; rows of head, traj and data are allowed."
            )
        self.heads = self.table.fields("head")[()].reshape(-1)
        self.rows = _imaging(self.heads, encoding)

    def select(self, wanted: dict[str, int | None]) -> None:
        """Keep the rows whose counters have the wanted values."""
        for name, value in wanted.items():
            present = self.heads["idx"][name][self.rows]
            if value is not None:
                if value not in present:
                    has = ", ".join(map(str, np.unique(present))) or "no imaging readout at all"
                    raise DataError(f"{KIND}: {self.file} has no {name} {value}; it has {has}. Choose one of these.")
                self.rows = self.rows[present == value]
        if self.rows.size == 0:
            raise DataError(f"{KIND}: {self.file} has no imaging readouts for this encoding. Choose another file.")

    def readout(self, row: int) -> _Readout:
        """Read one row, drop what is to be discarded and turn it round where it was acquired backwards."""
        head = self.heads[row]
        samples, coils = int(head["number_of_samples"]), int(head["active_channels"])
        pre, post, center = int(head["discard_pre"]), int(head["discard_post"]), int(head["center_sample"])
        record = self.table[row]
        flat, dims = record["data"], int(head["trajectory_dimensions"])
        if samples == 0 or coils == 0 or flat.size != 2 * samples * coils or pre + post >= samples:
            raise DataError(
                f"{KIND}: readout {row} of {self.file} holds {flat.size} numbers; {samples} samples of {coils} "
                f"coils need {2 * samples * coils}, and {pre} + {post} discarded must leave some. The file is damaged: "
                "copy it again."
            )
        finite(flat, self.file, f"readout {row}")
        data = np.ascontiguousarray(flat, dtype=np.float32).view(np.complex64).reshape(coils, samples)
        if record["traj"].size != dims * samples:
            raise DataError(
                f"{KIND}: readout {row} of {self.file} has {record['traj'].size} trajectory numbers; {samples} samples "
                f"in {dims} dimensions need {dims * samples}. The file is damaged: copy it again."
            )
        traj = finite(record["traj"], self.file, f"trajectory {row}").reshape(samples, dims)
        kept = slice(pre, samples - post)
        data, traj = data[:, kept], traj[kept]
        center -= pre
        if _has(head["flags"].astype(np.uint64), REVERSE):
            # center_sample counts in the direction of rising k; discarding happens in the order of acquisition.
            data, traj, center = data[:, ::-1], traj[::-1], center + pre - post
        return _Readout(data, traj, center, row)


def load_ismrmrd(
    path: str | PathLike[str],
    *,
    slice: int | None = None,  # noqa: A002 (the field's word)
    contrast: int = 0,
    phase: int = 0,
    repetition: int = 0,
    set: int = 0,  # noqa: A002 (the format's word)
    encoding: int = 0,
    group: str = "dataset",
) -> IsmrmrdCartesian:
    """Sort the Cartesian readouts of an ISMRMRD file onto the encoded grid.

    Noise scans, navigators, phase correction and pure calibration lines are skipped; reversed lines are turned round;
    partial echoes are placed by ``center_sample`` and partial phase encodings by the centre of the encoding limits, so
    that k = 0 is at n//2. Lines that were not acquired are zero and False in the mask.

    Parameters
    ----------
    path
        The ``.h5``, ``.hdf5`` or ``.mrd`` file.
    slice
        One slice (the slice axis is dropped), or all when omitted.
    contrast, phase, repetition, set
        Which of the repeated measurements to read.
    encoding
        Which encoding of the header.
    group
        The HDF5 group, ``"dataset"`` by custom.

    Returns
    -------
    IsmrmrdCartesian

    Raises
    ------
    DataError
        If the file is missing, truncated or of another format, is not Cartesian, has no readout of the wanted
        counters, readouts that differ in coils or do not fit the encoded grid, or NaN.
    """
    file = existing_file(path, (".h5", ".hdf5", ".mrd"), KIND)
    wanted = {"slice": slice, "contrast": contrast, "phase": phase, "repetition": repetition, "set": set}
    with hdf5(file, KIND) as opened:
        source = _File(opened, group, encoding, file)
        if source.encoding.trajectory != "cartesian":
            raise DataError(
                f"{KIND}: {file} has the trajectory {source.encoding.trajectory or 'unknown'!r}; cartesian is allowed. "
                "Read it with load_ismrmrd_readouts."
            )
        source.select(wanted)
        return _grid(source, None if slice is None else [slice])


def _grid(source: _File, slices: Sequence[int] | None) -> IsmrmrdCartesian:
    nz, ny, nx = source.encoding.encoded_size
    heads = source.heads[source.rows]
    if ny < 1 or nx < 1:
        raise DataError(f"{KIND}: the header of {source.file} encodes {ny} x {nx}; positive sizes are allowed.")
    coils = np.unique(heads["active_channels"])
    if coils.size != 1:
        raise DataError(f"{KIND}: readouts of {source.file} have {coils.tolist()} coils; one number is allowed.")
    several = slices is None
    chosen = np.unique(heads["idx"]["slice"]).tolist() if several else list(slices or ())
    volume = (max(nz, 1), ny, nx)
    kdata = np.zeros((len(chosen), int(coils[0]), *volume), np.complex64)
    counts = np.zeros((len(chosen), *volume), np.int64)
    averages = np.zeros((len(chosen), *volume[:2]), np.int64)
    offsets = [_offset(source.encoding, name, size) for name, size in zip(_LINES, (ny, max(nz, 1)), strict=True)]
    for row in source.rows:
        readout, idx = source.readout(row), source.heads[row]["idx"]
        y, z = (int(idx[name]) + offset for name, offset in zip(_LINES, offsets, strict=True))
        first = nx // 2 - readout.center
        stop = first + readout.data.shape[-1]
        if not (0 <= y < ny and 0 <= z < volume[0] and first >= 0 and stop <= nx):
            raise DataError(
                f"{KIND}: readout {row} of {source.file} falls on line y={y}, z={z}, x={first}..{stop - 1}, outside "
                f"the encoded grid (z, y, x) = {volume}. The header and the data disagree: check both."
            )
        at = chosen.index(int(idx["slice"]))
        kdata[at, :, z, y, first:stop] += readout.data
        counts[at, z, y, first:stop] += 1
        averages[at, z, y] += 1
    kdata /= np.maximum(counts, 1)[:, None]
    mask = counts > 0
    if nz <= 1:
        kdata, mask, averages = kdata[:, :, 0], mask[:, 0], averages[:, 0]
    if not several:
        kdata, mask, averages = kdata[0], mask[0], averages[0]
    return IsmrmrdCartesian(
        kdata=torch.from_numpy(kdata),
        mask=torch.from_numpy(mask),
        averages=torch.from_numpy(averages),
        encoding=source.encoding,
    )


def _offset(encoding: Encoding, counter: str, size: int) -> int:
    limit = encoding.limits.get(counter.replace("encode", "encoding"))
    return 0 if limit is None else size // 2 - limit.center


def load_ismrmrd_readouts(
    path: str | PathLike[str],
    *,
    slice: int | None = None,  # noqa: A002 (the field's word)
    contrast: int | None = None,
    phase: int | None = None,
    repetition: int | None = None,
    set: int | None = None,  # noqa: A002 (the format's word)
    encoding: int = 0,
    group: str = "dataset",
) -> IsmrmrdReadouts:
    """Read the imaging readouts of an ISMRMRD file without sorting them: radial, spiral, or whatever they are.

    Parameters
    ----------
    path
        The ``.h5``, ``.hdf5`` or ``.mrd`` file.
    slice, contrast, phase, repetition, set
        Keep readouts with this counter; all when omitted.
    encoding
        Which encoding of the header.
    group
        The HDF5 group, ``"dataset"`` by custom.

    Returns
    -------
    IsmrmrdReadouts

    Raises
    ------
    DataError
        If the file is missing, truncated or of another format, or the readouts differ in coils, samples or
        trajectory dimensions (choose fewer by their counters), or hold NaN.
    """
    file = existing_file(path, (".h5", ".hdf5", ".mrd"), KIND)
    wanted = {"slice": slice, "contrast": contrast, "phase": phase, "repetition": repetition, "set": set}
    with hdf5(file, KIND) as opened:
        source = _File(opened, group, encoding, file)
        source.select(wanted)
        readouts = [source.readout(row) for row in source.rows]
    shapes = {(readout.data.shape, readout.traj.shape[1]) for readout in readouts}
    if len(shapes) != 1:
        raise DataError(
            f"{KIND}: readouts of {file} differ in (coil, sample) and trajectory dimensions: {sorted(shapes)}; one "
            "shape is allowed. Choose fewer by slice, contrast, phase, repetition or set."
        )
    traj = np.stack([readout.traj for readout in readouts])
    idx = source.heads["idx"][source.rows]
    return IsmrmrdReadouts(
        kdata=torch.from_numpy(np.stack([readout.data for readout in readouts])),
        traj=torch.from_numpy(np.ascontiguousarray(traj, dtype=np.float32)) if traj.shape[-1] else None,
        center_sample=torch.tensor([readout.center for readout in readouts]),
        counters={name: torch.from_numpy(idx[name].astype(np.int64)) for name in (*_LINES, *_COUNTERS)},
        encoding=source.encoding,
    )
