"""NumPy ``.npy`` files, checked on the way in."""

from __future__ import annotations

from os import PathLike
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from otrecon.data.errors import DataError, existing_file, finite

__all__ = ["load_npy"]

KIND = "NumPy .npy file"
_KINDS = {"complex": "c", "real": "f", "integer": "iu", "boolean": "b"}


def load_npy(
    path: str | PathLike[str],
    *,
    ndim: int | None = None,
    kind: Literal["complex", "real", "integer", "boolean"] | None = None,
) -> Tensor:
    """Read a ``.npy`` file as a tensor of the same dtype, shape and axis order.

    Parameters
    ----------
    path
        The file. Arrays in column-major order and in foreign byte order arrive with the same values.
    ndim
        Number of axes to insist on.
    kind
        Kind of numbers to insist on, in any precision that torch has.

    Returns
    -------
    Tensor
        Contiguous, on the CPU. The brain of ``brain-poisson`` is ``(coil, y, x)`` complex64, k-space centred at n//2.

    Raises
    ------
    DataError
        If the file is missing, truncated, not of this format, pickled, of another kind or number of axes, empty, or
        holds NaN or infinity.
    """
    file = existing_file(path, (".npy",), KIND)
    try:
        with file.open("rb") as opened:
            array = np.lib.format.read_array(opened, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise DataError(f"{KIND}: {file} cannot be read ({error}). Copy or download it again.") from error
    if array.dtype.kind not in (_KINDS[kind] if kind else "".join(_KINDS.values())):
        numbers = kind or "complex, real, integer or boolean"
        raise DataError(f"{KIND}: {file} holds {array.dtype}; {numbers} numbers are allowed. Convert it before saving.")
    if array.size == 0 or (ndim is not None and array.ndim != ndim):
        allowed = "no empty axis" if ndim is None else f"{ndim} axes, none empty,"
        raise DataError(f"{KIND}: {file} has shape {array.shape}; {allowed} is allowed. Choose or reshape the array.")
    finite(array, file, "the array")
    native = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))
    try:
        return torch.from_numpy(native.reshape(array.shape))
    except TypeError as error:
        raise DataError(
            f"{KIND}: {file} holds {array.dtype}, which torch has not. Convert it before saving."
        ) from error
