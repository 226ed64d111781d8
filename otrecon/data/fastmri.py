"""Raw k-space of fastMRI (knee and brain) from its HDF5 files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from otrecon.data.errors import DataError, existing_file, finite, hdf5, require
from otrecon.data.header import Encoding, parse_header

__all__ = ["FastMRI", "load_fastmri"]

KIND = "fastMRI HDF5 file"


@dataclass(frozen=True)
class FastMRI:
    """One volume of fastMRI, or some of its slices.

    Attributes
    ----------
    kdata
        ``(slice, coil, y, x)`` of the stored type (complex64), or ``(coil, y, x)`` when one slice was asked for.
        Centred at n//2. y is the readout (two times oversampled), x the phase encoding. The single-coil files get a
        coil axis of length one.
    sampled
        ``(x,)`` bool: phase lines with any energy in the slices read. Fully sampled knees have empty lines at both
        edges.
    mask
        ``(x,)`` bool from the file; only test files have one.
    reconstruction_rss, reconstruction_esc
        ``(slice, y, x)`` or ``(y, x)`` float32 reference images, centre-cropped; None where the file has none.
    encoding
        Matrix sizes and limits from the header; None where the file has no header. Note that its x is the readout.
    acquisition
        Contrast, such as ``"AXT2"`` or ``"CORPD_FBK"``; empty where the file does not say.
    attributes
        Every attribute of the file (``max``, ``norm``, ``patient_id``, ...); test files lack some.
    slices
        Index of each slice read.
    """

    kdata: Tensor
    sampled: Tensor
    mask: Tensor | None
    reconstruction_rss: Tensor | None
    reconstruction_esc: Tensor | None
    encoding: Encoding | None
    acquisition: str
    attributes: Mapping[str, Any]
    slices: tuple[int, ...]

    @property
    def recon_size(self) -> tuple[int, int] | None:
        """Size ``(y, x)`` of the reference images, y being the readout; None without a header."""
        return None if self.encoding is None else (self.encoding.recon_size[2], self.encoding.recon_size[1])

    @property
    def padding(self) -> tuple[int, int] | None:
        """First phase line that was acquired, ``enc_y//2 - center``, and the first after the last."""
        return None if self.encoding is None else self.encoding.padding


def load_fastmri(path: str | PathLike[str], slice: int | range | None = None) -> FastMRI:  # noqa: A002 (the field's word)
    """Read k-space, references and header of a fastMRI file; only the slices asked for are loaded.

    Parameters
    ----------
    path
        The ``.h5`` file. Access to the data needs a signed agreement with its owners.
    slice
        One slice (the slice axis is dropped), a ``range`` of slices, or all when omitted.

    Returns
    -------
    FastMRI
        As stored: nothing is scaled, cropped or flipped. The images of fastMRI lie upside down; flip y for display.

    Raises
    ------
    DataError
        If the file is missing, truncated or of another format, lacks ``kspace``, has arrays of the wrong shape or
        type, or holds NaN or infinity.
    IndexError
        If there is no such slice.

    Notes
    -----
    Format: ``kspace`` (slices, coils, readout, phase), or without the coil axis in the single-coil challenge.
    """
    file = existing_file(path, (".h5", ".hdf5"), KIND)
    with hdf5(file, KIND) as opened:
        kspace = require(opened, "kspace", file, KIND)
        if kspace.ndim not in (3, 4) or kspace.dtype.kind != "c" or 0 in kspace.shape:
            raise DataError(
                f"{KIND}: kspace of {file} has shape {kspace.shape} and type {kspace.dtype}; (slice, coil, y, x) or "
                "(slice, y, x) of complex numbers is allowed. Choose a raw-data file."
            )
        chosen = _slices(slice, kspace.shape[0], file)
        kdata = _read(kspace, chosen, file)
        kdata = kdata[:, None] if kspace.ndim == 3 else kdata
        references = {
            name: _reference(opened[name], chosen, kspace.shape[0], file)
            for name in ("reconstruction_rss", "reconstruction_esc")
            if name in opened
        }
        mask = _mask(opened["mask"][()], kdata.shape[-1], file) if "mask" in opened else None
        encoding = parse_header(opened["ismrmrd_header"][()], file)[0] if "ismrmrd_header" in opened else None
        attributes = {name: _plain(value) for name, value in opened.attrs.items()}
    single = isinstance(slice, int)
    data = torch.from_numpy(kdata)
    images = {name: torch.from_numpy(image[0] if single else image) for name, image in references.items()}
    return FastMRI(
        kdata=data[0] if single else data,
        sampled=torch.from_numpy((kdata != 0).any(axis=(0, 1, 2))),
        mask=mask,
        reconstruction_rss=images.get("reconstruction_rss"),
        reconstruction_esc=images.get("reconstruction_esc"),
        encoding=encoding,
        acquisition=str(attributes.get("acquisition", "")),
        attributes=attributes,
        slices=tuple(chosen),
    )


def _slices(wanted: int | range | None, count: int, file: Path) -> list[int]:
    if isinstance(wanted, bool) or not (wanted is None or isinstance(wanted, (int, range))):
        raise TypeError(f"slice must be an int, a range or None, got {type(wanted).__name__}.")
    chosen = list(range(count)) if wanted is None else [wanted] if isinstance(wanted, int) else list(wanted)
    if not chosen or not all(-count <= index < count for index in chosen):
        raise IndexError(f"{file} has {count} slices, 0 to {count - 1}; got slice={wanted!r}.")
    return [index % count for index in chosen]


def _read(dataset: Any, chosen: list[int], file: Path) -> np.ndarray:
    array = np.stack([dataset[index] for index in chosen])
    return finite(array, file, dataset.name.lstrip("/"))


def _reference(dataset: Any, chosen: list[int], count: int, file: Path) -> np.ndarray:
    if dataset.ndim != 3 or dataset.shape[0] != count or dataset.dtype.kind != "f":
        raise DataError(
            f"{KIND}: {dataset.name} of {file} has shape {dataset.shape} and type {dataset.dtype}; real (slice, y, x) "
            f"with {count} slices, as kspace has, is allowed. Choose an intact file."
        )
    return _read(dataset, chosen, file)


def _mask(mask: np.ndarray, width: int, file: Path) -> Tensor:
    flat = np.asarray(mask).reshape(-1)
    if flat.size != width or not np.isin(flat, (0, 1)).all():
        raise DataError(
            f"{KIND}: mask of {file} has shape {np.shape(mask)}; {width} zeros and ones, one for each phase line, are "
            "allowed. Choose an intact file."
        )
    return torch.from_numpy(flat.astype(bool))


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    return value.item() if isinstance(value, np.generic) else value
