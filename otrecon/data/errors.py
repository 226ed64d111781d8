"""The three ways in which data can fail, and the checks that every loader begins with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["DataError", "DataUnavailableError", "HashMismatchError"]


class DataError(ValueError):
    """A file is there and is not what the loader allows; the message says what came, what is allowed, what to do."""


class HashMismatchError(DataError):
    """The bytes of a registered file are not the bytes that the registry names."""


class DataUnavailableError(FileNotFoundError):
    """A registered file is neither on this machine nor to be had; the message names file, folders and address."""


def existing_file(path: str | PathLike[str], suffixes: tuple[str, ...], kind: str) -> Path:
    """Check that ``path`` is an existing file whose name ends as its format asks.

    Parameters
    ----------
    path
        The file.
    suffixes
        Allowed endings in lower case, such as ``(".h5", ".hdf5")``.
    kind
        What the file should be, for the message.

    Raises
    ------
    DataError
        If the path is missing, is not a file, is empty or ends otherwise.
    """
    file = Path(path)
    if not file.exists():
        raise DataError(f"{kind}: there is no file {file}. Check the path; otrecon.data.fetch returns those it knows.")
    if not file.is_file():
        raise DataError(f"{kind}: {file} is not a file but a folder or a device. Name a file inside it.")
    if file.suffix.lower() not in suffixes:
        allowed = " or ".join(suffixes)
        raise DataError(f"{kind}: {file} ends in {file.suffix or 'nothing'}; a name that ends in {allowed} is allowed.")
    if file.stat().st_size == 0:
        raise DataError(f"{kind}: {file} is empty. Copy or download it again.")
    return file


def finite(array: np.ndarray, path: Path, name: str) -> np.ndarray:
    """Return ``array`` unchanged, or raise a `DataError` that counts its NaN and infinite entries."""
    bad = array.size - int(np.count_nonzero(np.isfinite(array)))
    if bad:
        raise DataError(
            f"{path}: {name} holds {bad} NaN or infinite values of {array.size}; only finite values are allowed. "
            "Mend the file, or mask those samples before saving it."
        )
    return array


@contextmanager
def hdf5(path: Path, kind: str) -> Iterator[Any]:
    """Open an HDF5 file for reading; what is damaged in it becomes one `DataError`."""
    import h5py

    try:
        with h5py.File(path, "r") as file:
            yield file
    except DataError:
        raise
    # Besides OSError: h5py says KeyError, RuntimeError or ValueError where the tables inside are damaged.
    except (OSError, KeyError, RuntimeError, ValueError) as error:
        raise DataError(
            f"{kind}: {path} is not an intact HDF5 file ({error}). It may be truncated: copy or download it again."
        ) from error


def require(group: Any, key: str, path: Path, kind: str) -> Any:
    """Return the dataset ``group[key]``, or raise a `DataError` that lists the keys that are there."""
    import h5py

    if not isinstance(group.get(key), h5py.Dataset):
        present = ", ".join(sorted(map(str, group))) or "nothing"
        raise DataError(f"{kind}: {path} has no dataset {key!r}; it has {present}. Choose a file of this format.")
    return group[key]
