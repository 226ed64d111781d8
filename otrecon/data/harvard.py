"""Radial cardiac cine of the Harvard Dataverse collection CI3WB6 (doi 10.7910/DVN/CI3WB6): one ``.mat`` file a patient.

The variable ``data`` is ``(slice, frame, readout, spoke, coil, re/im)``, usually ``(1, 25, 832, 196, 16, 2)``, real.
Of the 832 samples of a readout the file fills at most 416, the rest are zeros: 208..623 for a full echo, 296..623 for
an asymmetric one. The 416 are two times oversampled: they belong to an image of 416x416 whose central 208x208 is kept.
No trajectory is stored: spokes are uniform over half a turn and the same in every frame.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from otrecon.data.errors import DataError, finite, hdf5
from otrecon.data.matlab import is_v73, load_v5, mat_file, missing
from otrecon.whole_files import write_whole

__all__ = ["RadialCine", "load_radial_cine", "radial_cine_trajectory", "save_radial_cine"]

KIND = "radial cine of CI3WB6"
_AXES = "(1, frame, readout, spoke, coil, 2)"
_OWN = "or write your own with otrecon.data.save_radial_cine, from complex (frame, coil, spoke, readout)."


@dataclass(frozen=True)
class RadialCine:
    """Radial k-space of some frames, without the zero padding.

    Attributes
    ----------
    kdata
        ``(frame, coil, spoke, readout)`` complex64.
    ktraj
        ``(2, spoke * readout)`` float32 in rad/voxel of the oversampled grid, row 0 = ky, row 1 = kx; the same for
        every frame. Samples run as ``kdata.flatten(-2)`` does.
    angles
        ``(spoke,)`` float64, angle of each spoke in rad.
    grid_size
        Size ``(y, x)`` of the oversampled image that the NUFFT makes, usually 416x416.
    im_size
        Size ``(y, x)`` to crop its centre to, usually 208x208.
    acquired
        First and last stored sample of the zero-padded readout, such as (208, 623).
    center
        Index of k = 0 in the readout of ``kdata``.
    echo_peak
        Index in the readout of ``kdata`` where the mean magnitude is largest: a check on ``center``.
    frames
        Index of each frame read.
    """

    kdata: Tensor
    ktraj: Tensor
    angles: Tensor
    grid_size: tuple[int, int]
    im_size: tuple[int, int]
    acquired: tuple[int, int]
    center: int
    echo_peak: int
    frames: tuple[int, ...]


def radial_cine_trajectory(spokes: int, first: int, last: int, *, center: int, grid: int) -> tuple[Tensor, Tensor]:
    """Trajectory of a fully sampled frame.

    Parameters
    ----------
    spokes
        Number of spokes n; spoke j lies at the angle ``pi * j / n``.
    first, last
        First and last sample of the zero-padded readout.
    center
        Sample of the zero-padded readout where k = 0.
    grid
        Side of the oversampled image in voxels; neighbouring samples lie ``2 * pi / grid`` apart.

    Returns
    -------
    ktraj, angles
        ``(2, spokes * (last - first + 1))`` float32 in rad/voxel, rows ky and kx; ``(spokes,)`` float64 in rad.
    """
    angles = torch.arange(spokes, dtype=torch.float64) * (math.pi / spokes)
    radius = (torch.arange(first, last + 1, dtype=torch.float64) - center) * (2 * math.pi / grid)
    ktraj = torch.stack((torch.outer(torch.sin(angles), radius), torch.outer(torch.cos(angles), radius)))
    return ktraj.reshape(2, -1).to(torch.float32), angles


def load_radial_cine(
    path: str | PathLike[str], frames: int | Sequence[int] | None = None, *, center: int | None = None
) -> RadialCine:
    """Read radial k-space of some cardiac phases and build its trajectory.

    Parameters
    ----------
    path
        The ``.mat`` file, of version 5 (read whole by SciPy, about 0.5 GB, then reduced) or 7.3 (read frame by frame).
    frames
        The cardiac phases to read, in this order: one, several, or all when omitted.
    center
        Sample of the zero-padded readout where k = 0; the middle (416 of 832) when omitted. Compare ``echo_peak``.

    Returns
    -------
    RadialCine

    Raises
    ------
    DataError
        If the file is missing, truncated or of another format, lacks ``data``, has another shape or type, stores
        samples outside the acquired half of the readout, is empty, or holds NaN or infinity.
    IndexError
        If there is no such frame.

    Notes
    -----
    Seed row 000-D2. The first stored sample is found from the data: everything before it is exactly zero in every
    frame that was read.
    """
    file = mat_file(path)
    if is_v73(file):
        with hdf5(file, KIND) as opened:
            if "data" not in opened:
                raise missing(file, "data", list(opened))
            stored = opened["data"]
            shape = _check(stored, tuple(reversed(getattr(stored, "shape", ()))), file)
            chosen = _frames(frames, shape[1], file)
            parts = [_complex(stored[..., frame, 0].T, file) for frame in chosen]
    else:
        array = load_v5(file, "data")
        shape = _check(array, array.shape, file)
        chosen = _frames(frames, shape[1], file)
        parts = [_complex(array[0, frame], file) for frame in chosen]
        del array
    readout = shape[2]
    first, last = _acquired(parts, readout, file)
    middle = readout // 2 if center is None else center
    if not first <= middle <= last:
        raise DataError(f"{KIND}: center={middle} lies outside the stored samples {first}..{last} of {file}.")
    low = readout // 4
    kdata = torch.from_numpy(np.stack([part[..., first - low : last + 1 - low] for part in parts]))
    del parts
    ktraj, angles = radial_cine_trajectory(shape[3], first, last, center=middle, grid=readout // 2)
    return RadialCine(
        kdata=kdata,
        ktraj=ktraj,
        angles=angles,
        grid_size=(readout // 2, readout // 2),
        im_size=(readout // 4, readout // 4),
        acquired=(first, last),
        center=middle - first,
        echo_peak=int(sum(frame.abs().sum(dim=(0, 1)) for frame in kdata).argmax()),
        frames=tuple(chosen),
    )


def save_radial_cine(path: str | PathLike[str], kdata: Tensor | np.ndarray) -> Path:
    """Write radial k-space as a file of that collection: what was simulated takes the way of what was measured.

    Parameters
    ----------
    path
        The ``.mat`` file, of version 5, as published.
    kdata
        Complex ``(frame, coil, spoke, readout)``, a tensor or a NumPy array, stored in single precision: spoke j of n
        at the angle ``pi * j / n`` in every frame, the readout two times oversampled with k = 0 in its middle, of an
        even number of samples. Zeros are put around each readout, as the collection has them: here it comes without.

    Returns
    -------
    Path
        The file, which is whole or not there.

    Raises
    ------
    TypeError, ValueError
        If the data are not complex, of another shape, not finite, or have zeros around their readouts already, or the
        file is not named ``.mat``.
    """
    file = Path(path)
    kdata = torch.as_tensor(kdata)
    if file.suffix != ".mat":
        raise ValueError(f"{KIND}: {file} must be named .mat, or it is not found again.")
    if kdata.ndim != 4 or not kdata.is_complex() or not kdata.numel() or kdata.shape[-1] % 2:
        raise ValueError(
            f"{KIND}: kdata must be complex (frame, coil, spoke, readout) with an even readout, got "
            f"{tuple(kdata.shape)}, {kdata.dtype}."
        )
    if not bool(torch.isfinite(kdata).all()):
        raise ValueError(f"{KIND}: kdata hold NaN or infinity, which no reader takes: mend them first.")
    quarter = kdata.shape[-1] // 4
    if (
        4 * quarter == kdata.shape[-1]
        and bool(kdata.any())
        and not bool(kdata[..., :quarter].any())
        and not bool(kdata[..., -quarter:].any())
    ):
        raise ValueError(
            f"{KIND}: kdata are zero in the outer half of every readout, as if padded already; give the middle "
            f"{kdata.shape[-1] // 2} of {kdata.shape[-1]} samples alone: kdata[..., {quarter}:-{quarter}]."
        )
    from scipy.io import savemat

    frames, coils, spokes, readout = kdata.shape
    data = np.zeros((1, frames, 2 * readout, spokes, coils, 2), np.float32)
    inside = torch.view_as_real(kdata.detach().cpu().resolve_conj().to(torch.complex64)).permute(0, 3, 2, 1, 4)
    data[0, :, readout // 2 : readout // 2 + readout] = inside.numpy()
    write_whole(file, lambda opened: savemat(opened, {"data": data}))
    return file


def _check(stored: Any, shape: tuple[int, ...], file: Path) -> tuple[int, ...]:
    kind = getattr(getattr(stored, "dtype", None), "kind", "")
    right = len(shape) == 6 and shape[0] == 1 and shape[-1] == 2 and min(shape) > 0 and shape[2] % 4 == 0
    if not right or kind not in "fiu" or not kind:
        raise DataError(
            f"{KIND}: data of {file} has shape {shape} and type {getattr(stored, 'dtype', type(stored).__name__)}; "
            f"{_AXES} of real numbers, readout a multiple of 4, is allowed. Choose a patient's file of that "
            f"collection, {_OWN}"
        )
    return shape


def _frames(wanted: int | Sequence[int] | None, count: int, file: Path) -> list[int]:
    chosen = list(range(count)) if wanted is None else [wanted] if isinstance(wanted, int) else list(wanted)
    if not chosen or not all(-count <= frame < count for frame in chosen):
        raise IndexError(f"{file} has {count} frames, 0 to {count - 1}; got frames={wanted!r}.")
    return [frame % count for frame in chosen]


def _complex(frame: np.ndarray, file: Path) -> np.ndarray:
    """Turn one frame (readout, spoke, coil, 2) into (coil, spoke, readout) complex64, half the readout: no padding."""
    finite(frame, file, "data")
    readout = frame.shape[0]
    low, high = readout // 4, readout // 4 + readout // 2
    if frame[:low].any() or frame[high:].any():
        filled = np.flatnonzero(frame.any(axis=(1, 2, 3)))
        raise DataError(
            f"{KIND}: the readouts of {file} are filled from sample {filled[0]} to {filled[-1]} of {readout}; only "
            f"{low} to {high - 1} is allowed, the rest being zero padding. Axes are {_AXES}. "
            f"Choose a file as published, {_OWN}"
        )
    inside = frame[low:high]
    result = np.empty(inside.shape[2::-1], np.complex64)
    result.real = inside[..., 0].T
    result.imag = inside[..., 1].T
    return result


def _acquired(parts: list[np.ndarray], readout: int, file: Path) -> tuple[int, int]:
    """First and last sample that is not zero in every frame, spoke and coil."""
    filled = np.flatnonzero(np.logical_or.reduce([(part != 0).any(axis=(0, 1)) for part in parts]))
    if filled.size == 0:
        raise DataError(f"{KIND}: data of {file} is zero in every frame read. Choose other frames or another file.")
    return readout // 4 + int(filled[0]), readout // 4 + int(filled[-1])
