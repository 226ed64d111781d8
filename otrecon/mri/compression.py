"""Coil compression: fewer virtual coils that keep nearly all of the signal."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from otrecon.checks import check_complex, check_finite

__all__ = ["CoilCompression", "compress_coils"]


@dataclass(frozen=True, eq=False)
class CoilCompression:
    """Compressed data and the matrix that made them.

    Attributes
    ----------
    kdata
        Virtual coils ``(..., virtual, y, x)``, in order of falling energy.
    matrix
        Orthonormal rows ``(virtual, coil)``.
    energy
        Share of the energy of the calibration data that the virtual coils keep, in [0, 1].
    """

    kdata: Tensor
    matrix: Tensor
    energy: float

    def compress(self, data: Tensor) -> Tensor:
        """Apply the same matrix to other data or to sensitivity maps, ``(..., coil, y, x)``."""
        check_complex(data, "data")
        if data.ndim < 3 or data.shape[-3] != self.matrix.shape[1]:
            raise ValueError(f"data has shape {tuple(data.shape)}; expected (..., {self.matrix.shape[1]}, y, x).")
        return torch.einsum("vc,...cyx->...vyx", self.matrix.to(data), data)


def compress_coils(kdata: Tensor, coils: int, *, calibration: Tensor | None = None) -> CoilCompression:
    """Project the coils on the left singular vectors of their data.

    Parameters
    ----------
    kdata
        Complex ``(..., coil, y, x)``; k-space or images. Leading axes share one matrix.
    coils
        Number of virtual coils, from 1 to the number of coils.
    calibration
        Data ``(..., coil, y, x)`` that determine the matrix, for instance the fully sampled centre; ``kdata`` when
        omitted.

    Returns
    -------
    CoilCompression
        Data, matrix and retained energy. With all coils kept the matrix is unitary and nothing is lost.

    Raises
    ------
    TypeError, ValueError
        If an input is not complex, the shapes do not fit, ``coils`` is out of range, or the calibration data are zero
        or not finite.

    References
    ----------
    M. Buehrer et al., Array compression for MRI with large coil arrays, Magn. Reson. Med. 57 (2007).
    """
    check_complex(kdata, "kdata")
    if calibration is None:
        calibration = kdata
    check_complex(calibration, "calibration")
    if min(kdata.ndim, calibration.ndim) < 3 or kdata.shape[-3] != calibration.shape[-3]:
        raise ValueError(
            f"kdata {tuple(kdata.shape)} and calibration {tuple(calibration.shape)} must be (..., coil, y, x) "
            "with the same number of coils."
        )
    if not 1 <= coils <= kdata.shape[-3]:
        raise ValueError(f"coils is {coils}; the data have {kdata.shape[-3]} coils: keep from 1 to all of them.")
    check_finite(calibration, "The calibration data")
    rows = calibration.movedim(-3, 0).flatten(1).to(torch.complex128)
    energies, vectors = torch.linalg.eigh(rows @ rows.mH)
    total = float(energies.sum())
    if not total > 0:
        raise ValueError("The calibration data are zero: there is nothing to compress.")
    matrix = vectors.flip(-1)[:, :coils].mH.to(kdata.dtype)
    energy = min(float(energies.flip(0)[:coils].sum()) / total, 1.0)
    return CoilCompression(torch.einsum("vc,...cyx->...vyx", matrix, kdata), matrix, energy)
