"""One variable of a MATLAB file, v5 to v7.2 by SciPy and v7.3 (which is HDF5) by h5py, in MATLAB's axis order."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from otrecon.data.errors import DataError, existing_file, hdf5

__all__ = ["is_v73", "mat_file", "variable"]

KIND = "MATLAB .mat file"
_HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_HDF5_OFFSETS = (512, 0)  # MATLAB puts its own text header before the HDF5 signature; other writers do not.


def mat_file(path: str | PathLike[str]) -> Path:
    """Check that ``path`` is an existing ``.mat`` file."""
    return existing_file(path, (".mat",), KIND)


def is_v73(file: Path) -> bool:
    """Whether the file is of version 7.3, that is HDF5."""
    with file.open("rb") as opened:
        start = opened.read(max(_HDF5_OFFSETS) + len(_HDF5_SIGNATURE))
    return any(start[offset:].startswith(_HDF5_SIGNATURE) for offset in _HDF5_OFFSETS)


def missing(file: Path, name: str, present: list[str]) -> DataError:
    """Build the error for a variable that is not there."""
    has = ", ".join(sorted(map(str, present))) or "nothing"
    return DataError(
        f"{KIND}: {file} has no variable {name!r}; it has {has}. Choose a file that holds it, or save it by that name."
    )


def load_v5(file: Path, name: str) -> Any:
    """Read one variable of a file of version 5 to 7.2, without reading the others."""
    from scipy.io import loadmat, whosmat

    try:
        present = [found for found, _, _ in whosmat(str(file), appendmat=False)]
        if name not in present:
            raise missing(file, name, present)
        return loadmat(str(file), variable_names=[name], appendmat=False)[name]
    except (DataError, MemoryError):
        raise
    except Exception as error:
        raise DataError(
            f"{KIND}: {file} cannot be read ({type(error).__name__}: {error}). It may be truncated, or of another "
            "format: copy or save it again."
        ) from error


def variable(path: str | PathLike[str], name: str) -> Any:
    """Read one variable, whole, in MATLAB's axis order.

    Parameters
    ----------
    path
        The ``.mat`` file.
    name
        The variable. A struct in a v7.3 file is not supported.

    Raises
    ------
    DataError
        If the file is missing, damaged, or does not hold the variable.
    """
    file = mat_file(path)
    if not is_v73(file):
        return load_v5(file, name)
    import h5py

    with hdf5(file, KIND) as opened:
        if not isinstance(opened.get(name), h5py.Dataset):
            raise missing(file, name, list(opened))
        return np.asarray(opened[name][()]).T
