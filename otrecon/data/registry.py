"""The public data sets: for each file its address at a fixed commit, its sha256, its licence and whom to cite.

Nothing of others is part of this repository. The registry only says where the bytes are, so that every machine gets
the same ones; `otrecon.data.fetch` brings them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import quote

__all__ = ["REGISTRY", "Entry", "RemoteFile", "Source", "entry", "remote_file"]

NOT_STATED = "none stated"


@dataclass(frozen=True)
class Source:
    """A public repository at one commit.

    Attributes
    ----------
    repository
        ``owner/name`` on GitHub.
    commit
        The 40 digits of the commit.
    licence
        What the repository states, as an SPDX name, or ``"none stated"``.
    citation
        What to cite when results are shown.
    doi
        Digital object identifier of the citation; empty where there is none.
    """

    repository: str
    commit: str
    licence: str
    citation: str
    doi: str = ""

    def url(self, path: str) -> str:
        """Address of the raw bytes of ``path``."""
        return f"https://raw.githubusercontent.com/{self.repository}/{self.commit}/{quote(path)}"


@dataclass(frozen=True)
class RemoteFile:
    """One file as it lies under ``OTRECON_DATA/<data set>/``.

    Attributes
    ----------
    name
        File name on this machine.
    sha256, size
        Hash and length in bytes of the file itself.
    source
        The repository it comes from.
    url
        Address of the bytes to download.
    member
        Path inside the zip archive at ``url``; empty where ``url`` is the file itself.
    archive_sha256
        Hash of that archive.
    """

    name: str
    sha256: str
    size: int
    source: Source
    url: str
    member: str = ""
    archive_sha256: str = ""

    @property
    def tests_only(self) -> bool:
        """Whether the source states no licence, so that the file serves tests and benchmarks alone."""
        return self.source.licence.startswith(NOT_STATED)


@dataclass(frozen=True)
class Entry:
    """A data set.

    Attributes
    ----------
    name
        Its name, also that of its folder.
    content
        What it shows and in which axes.
    notes
        What one must know before using it.
    files
        The files by name.
    """

    name: str
    content: str
    notes: str
    files: Mapping[str, RemoteFile]


def _file(source: Source, path: str, sha256: str, size: int, *, name: str = "") -> RemoteFile:
    return RemoteFile(name or path.rsplit("/", 1)[-1], sha256, size, source, source.url(path))


def _entry(name: str, content: str, notes: str, *files: RemoteFile) -> Entry:
    return Entry(name, content, notes, MappingProxyType({file.name: file for file in files}))


_SIGPY = Source(
    "mikgroup/sigpy-mri-tutorial",
    "b21dcdcfac8557ebb4c2bda1e9faf2cb1e1b6a33",
    "BSD-3-Clause",
    "SigPy for MRI Tutorial, github.com/mikgroup/sigpy-mri-tutorial",
)
_BART = Source(
    "mrirecon/bart-workshop",
    "143802b2ed9abd249245558bc28726290a96d944",
    f"{NOT_STATED}: tests only",
    "BART workshop material, ISMRM 2016, github.com/mrirecon/bart-workshop",
)
_RAT = Source(
    "HGGM-LIM/Split-Bregman-ST-Total-Variation-MRI",
    "47509904dad8ee54947f14def8f30244ecb1ff03",
    "GPL-2.0",
    "P. Montesinos et al., Application of the compressed sensing technique to self-gated cardiac cine sequences in "
    "small animals, Magn Reson Med 72(2):369-380, 2014",
    "10.1002/mrm.24936",
)
_T1T2 = Source(
    "mehrhardt/robust_guided_reconstruction",
    "09057386313983c399dfb6cf662f554653f07f24",
    "GPL-3.0",
    "L. Bungert and M. J. Ehrhardt, Robust Image Reconstruction with Misaligned Structural Information, "
    "IEEE Access 8, 2020",
    "10.1109/ACCESS.2020.3043638",
)
_CONTOURS = Source(
    "most-ieeta/Cell-tracking-challenge",
    "80e4fa1c5796a18005e08b3c791960d5286433d2",
    f"{NOT_STATED}: tests only; the terms of the Cell Tracking Challenge apply",
    "Outlines by github.com/most-ieeta/Cell-tracking-challenge from the Cell Tracking Challenge, "
    "celltrackingchallenge.net",
)
_PLANTSEG = Source(
    "kreshuklab/plant-seg",
    "9d748063cc9de8d8025aaf691a11483b94a5894c",
    "MIT",
    "A. Wolny et al., Accurate and versatile 3D segmentation of plant tissues at cellular resolution, "
    "eLife 9:e57613, 2020",
    "10.7554/eLife.57613",
)


def _contour(name: str, archive: str, archive_sha256: str, member: str, sha256: str, size: int) -> RemoteFile:
    return RemoteFile(name, sha256, size, _CONTOURS, _CONTOURS.url(f"WKT files/{archive}"), member, archive_sha256)


REGISTRY: dict[str, Entry] = {
    "brain-poisson": _entry(
        "brain-poisson",
        "Two slices of a brain, 8 coils, Poisson-disk undersampled, k-space centred at n//2, (coil, 230, 180) "
        "complex64. sigpy_cartesian_ksp.npy keeps 12.4 % and has no reference. ksp.cfl keeps 12.66 % of another slice; "
        "set 0 of img.cfl is its complex reference, reconstructed from the fully sampled data.",
        "Divide ksp.cfl by its largest magnitude first: its values are near 1e13. "
        "The licence of ksp and img is not stated: they serve tests and benchmarks only.",
        _file(
            _SIGPY,
            "data/cartesian_ksp.npy",
            "bcfd07b767d26602bfccd08329321be57d500dc3f6b208cccddeb59162573045",
            2649728,
            name="sigpy_cartesian_ksp.npy",
        ),
        _file(
            _BART,
            "ismrm2016/pics-brain/ksp.cfl",
            "9ca6d82f7b41118b87280d6248157a63a83f0d91c9a66762cbde7d76d96f7c2f",
            2649600,
        ),
        _file(
            _BART,
            "ismrm2016/pics-brain/ksp.hdr",
            "59f987de724715dec9972bfd11f047ad8d4367a7674c1c4ab22bc3f9674629ce",
            142,
        ),
        _file(
            _BART,
            "ismrm2016/pics-brain/img.cfl",
            "6e658f6cc38222f0bee09368cb8c95ee301bb95f5762305c0a04952f4e2064fb",
            662400,
        ),
        _file(
            _BART,
            "ismrm2016/pics-brain/img.hdr",
            "09312e57f271a9267d6e2094143ac42f385ee773eb1129372a77c68890b27aaa",
            142,
        ),
    ),
    "rat-cine": _entry(
        "rat-cine",
        "Cardiac cine of a rat, short axis, 8 phases of one periodic cycle, magnitude images; image0 (y, x, t) "
        "float64.",
        "Magnitude images only: k-space simulated from them is a data crime, so say so. "
        "Their total intensity varies by 23 %: mass is not conserved.",
        _file(_RAT, "dataCine8fr.mat", "b77a77e9817464813f5ae6ae65c926f06ffd87495b61f851f44c78ef17d4fd78", 2237903),
    ),
    "t1t2-patient-a": _entry(
        "t1t2-patient-a",
        "Co-registered T1- and T2-weighted axial slice of one head, 256x256 float64.",
        "Magnitude images only: k-space simulated from them is a data crime, so say so. "
        "The two are aligned; add a known warp to misalign them.",
        _file(
            _T1T2,
            "raw_data/multicontrast_mri/data_patientA.mat",
            "e4106eb9763d735dd8e8d9c90f13d193fc62bab52b6b5745a8ef3b5d57925bfb",
            974026,
        ),
    ),
    "cell-contours": _entry(
        "cell-contours",
        "Outlines of two moving cells over 48 and 115 frames, lines 't; POLYGON((x y, ...))' in pixels.",
        "The line t=1000 repeats t=0; y points up. The licence is not stated: tests only. "
        "At the source each file lies inside a zip archive.",
        _contour(
            "MSC_01ST_cell7.wkt",
            "Fluo-C2DL-MSC-WKT.zip",
            "bc171bb54245204cc5576024f419c7740dc6f01f7eba58dd638d09b4ae3aa0f3",
            "Fluo-C2DL-MSC/01_ST/SEG/merged/cell7.wkt",
            "2a8f7369fa5961093018b988a6755736feb54b8283541a06b077e4cf03424eb8",
            388000,
        ),
        _contour(
            "U373_01ST_cell5.wkt",
            "PhC-C2DH-U373-WKT.zip",
            "151c35dceb334341327486e5f75b47292c5deea3b028effce95a9f9bf23d02a5",
            "PhC-C2DH-U373/01_ST/SEG/merged/cell5.wkt",
            "27992d189873ac06334b08efe5ca0bffb699d3b6b9f4f1b41468d9dd5c1ac9ff",
            248342,
        ),
    ),
    "cells3d": _entry(
        "cells3d",
        "Plant cells in 3-D: image raw and integer labels, (32, 128, 128) and (100, 100, 100) = (z, y, x), "
        "voxel size in element_size_um.",
        "Keep labels that do not touch the border: the others are cut.",
        _file(
            _PLANTSEG,
            "tests/resources/sample_ovule.h5",
            "904d8e22890beb8d1b42564499019af7cdcb469f0b8ccc5f796fcf26a7c10e5e",
            444493,
        ),
        _file(
            _PLANTSEG,
            "tests/resources/data/train/1135_mini.h5",
            "aefcc5103479c959aca022f411c3260df1a5c99a69b0adb03d6bbea19e8afc2f",
            819436,
        ),
    ),
}


def entry(name: str) -> Entry:
    """Registry entry of the data set ``name``; ValueError with the known names when there is none."""
    if name not in REGISTRY:
        raise ValueError(f"there is no data set {name!r}; known are {', '.join(sorted(REGISTRY))}.")
    return REGISTRY[name]


def remote_file(name: str, file: str) -> RemoteFile:
    """Registry record of one file; ValueError with the known names when there is none."""
    files = entry(name).files
    if file not in files:
        raise ValueError(f"the data set {name!r} has no file {file!r}; it has {', '.join(files)}.")
    return files[file]
