"""The XML header that ISMRMRD and fastMRI files carry, read as far as reconstruction needs it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from otrecon.data.errors import DataError

__all__ = ["Encoding", "Limits", "parse_header"]

_NAMESPACE = {"m": "http://www.ismrm.org/ISMRMRD"}


@dataclass(frozen=True)
class Limits:
    """Range of one encoding counter; ``center`` is the line that crosses the centre of k-space."""

    minimum: int
    maximum: int
    center: int


@dataclass(frozen=True)
class Encoding:
    """One encoding of the header.

    Attributes
    ----------
    encoded_size, recon_size
        Matrix sizes ``(z, y, x)``; x is the readout. Zero where the header is silent.
    encoded_fov_mm, recon_fov_mm
        Fields of view ``(z, y, x)`` in mm; zero where the header is silent.
    trajectory
        ``"cartesian"``, ``"radial"``, ``"spiral"``, ...; empty where the header is silent.
    limits
        Range of each encoding counter by name, such as ``"kspace_encoding_step_1"``.
    """

    encoded_size: tuple[int, int, int]
    recon_size: tuple[int, int, int]
    encoded_fov_mm: tuple[float, float, float]
    recon_fov_mm: tuple[float, float, float]
    trajectory: str
    limits: dict[str, Limits]

    @property
    def padding(self) -> tuple[int, int] | None:
        """First acquired and first no longer acquired phase line on the encoded grid; None without limits."""
        limit = self.limits.get("kspace_encoding_step_1")
        if limit is None:
            return None
        left = self.encoded_size[1] // 2 - limit.center
        return left, left + limit.maximum + 1


def _number(node: ElementTree.Element | None, name: str) -> float:
    return float((node.findtext(f"m:{name}", "0", _NAMESPACE) if node is not None else "") or 0)


def _triple(node: ElementTree.Element, path: str) -> tuple[float, float, float]:
    child = node.find(path, _NAMESPACE)
    return _number(child, "z"), _number(child, "y"), _number(child, "x")


def _size(node: ElementTree.Element, path: str) -> tuple[int, int, int]:
    z, y, x = _triple(node, path)
    return int(z), int(y), int(x)


def _encoding(node: ElementTree.Element) -> Encoding:
    limits = {
        child.tag.rpartition("}")[2]: Limits(*(int(_number(child, name)) for name in ("minimum", "maximum", "center")))
        for child in node.findall("m:encodingLimits/*", _NAMESPACE)
    }
    return Encoding(
        encoded_size=_size(node, "m:encodedSpace/m:matrixSize"),
        recon_size=_size(node, "m:reconSpace/m:matrixSize"),
        encoded_fov_mm=_triple(node, "m:encodedSpace/m:fieldOfView_mm"),
        recon_fov_mm=_triple(node, "m:reconSpace/m:fieldOfView_mm"),
        trajectory=node.findtext("m:trajectory", "", _NAMESPACE).strip().lower(),
        limits=limits,
    )


def parse_header(raw: Any, path: Path) -> tuple[Encoding, ...]:
    """Read the encodings of an ISMRMRD header.

    Parameters
    ----------
    raw
        The XML as text or bytes, or an array that holds it as its only entry.
    path
        The file it came from, for messages.

    Raises
    ------
    DataError
        If it is not well-formed XML, has no encoding, or a number in it is none.
    """
    while hasattr(raw, "item"):
        if raw.size != 1:
            raise DataError(f"{path}: the header holds {raw.size} texts; one is allowed. Write the file again.")
        raw = raw.item()
    try:
        root = ElementTree.fromstring(raw)  # noqa: S314 (expat itself refuses entity bombs; nothing external is loaded)
        encodings = tuple(_encoding(node) for node in root.findall("m:encoding", _NAMESPACE))
    except (ElementTree.ParseError, ValueError, TypeError) as error:
        raise DataError(f"{path}: the XML header cannot be read ({error}). The file may be truncated.") from error
    if not encodings:
        raise DataError(f"{path}: the XML header has no <encoding> in the namespace {_NAMESPACE['m']}. Write it again.")
    return encodings
