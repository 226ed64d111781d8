"""Bring a registered file to this machine: from ``OTRECON_DATA``, from the cache, or by one verified download."""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import overload

from otrecon.data.errors import DataError, DataUnavailableError, HashMismatchError
from otrecon.data.registry import Entry, RemoteFile, entry, remote_file

__all__ = ["Dataset", "available", "credit", "fetch"]

logger = logging.getLogger("otrecon.data")
TIMEOUT = 60.0
_credited: set[tuple[str, str]] = set()


@dataclass(frozen=True, repr=False)
class Dataset:
    """A data set on this machine, each file verified.

    Attributes
    ----------
    entry
        What the registry says about it: content, notes, sources.
    files
        Path of each file, by name.
    """

    entry: Entry
    files: Mapping[str, Path]

    @property
    def name(self) -> str:
        """Name of the data set."""
        return self.entry.name

    @property
    def licence(self) -> str:
        """Licence as the sources state it; one clause a source."""
        return "; ".join(dict.fromkeys(f.source.licence for f in self.entry.files.values()))

    @property
    def citation(self) -> str:
        """What to cite, one sentence a source, with the DOI where there is one."""
        return "; ".join(dict.fromkeys(_citation(f) for f in self.entry.files.values()))

    @property
    def notes(self) -> str:
        """What one must know before using it."""
        return self.entry.notes

    def path(self, file: str) -> Path:
        """Path of one file; ValueError with the known names when there is none."""
        remote_file(self.name, file)
        return self.files[file]

    def __repr__(self) -> str:
        return credit(self.name)


def _citation(file: RemoteFile) -> str:
    doi = f", https://doi.org/{file.source.doi}" if file.source.doi else ""
    return file.source.citation + doi


def credit(name: str, file: str | None = None) -> str:
    """Say what a data set (or one file of it) is, its licence, whom to cite and its notes, for showing in a chapter."""
    chosen = [remote_file(name, file)] if file is not None else list(entry(name).files.values())
    lines = [f"{name}: {entry(name).content}"]
    for source in dict.fromkeys(f.source for f in chosen):
        names = ", ".join(f.name for f in chosen if f.source == source)
        cited = next(_citation(f) for f in chosen if f.source == source)
        lines.append(f"{names}: licence {source.licence}. Cite: {cited}.")
    lines.append(f"Note: {entry(name).notes}")
    return "\n".join(lines)


def cache_folder() -> Path:
    """Folder of downloaded data: ``OTRECON_CACHE``, or the usual cache folder of the operating system."""
    if chosen := os.environ.get("OTRECON_CACHE"):
        return Path(chosen).expanduser().absolute()
    import pooch

    return Path(pooch.os_cache("otrecon"))


def _folders() -> list[Path]:
    own = os.environ.get("OTRECON_DATA")
    return ([Path(own).expanduser().absolute()] if own else []) + [cache_folder()]


def _find(name: str, file: str) -> Path | None:
    return next((path for folder in _folders() if (path := folder / name / file).is_file()), None)


def available(name: str, file: str | None = None) -> bool:
    """Whether the data set, or one file of it, lies on this machine; never uses the network.

    A chapter asks this to choose its synthetic twin. A file that is there counts even if damaged: `fetch` then says so.
    """
    names = [remote_file(name, file).name] if file is not None else list(entry(name).files)
    return all(_find(name, each) is not None for each in names)


@overload
def fetch(name: str) -> Dataset: ...
@overload
def fetch(name: str, file: str) -> Path: ...
def fetch(name: str, file: str | None = None) -> Dataset | Path:
    """Bring a data set, or one file of it, to this machine and verify it.

    Looked for in this order: ``$OTRECON_DATA/<name>/<file>``, the cache (``$OTRECON_CACHE``, or the usual cache folder
    of the operating system), the public address at its fixed commit. The sha256 is checked each time, whatever the
    folder. ``OTRECON_OFFLINE=1`` forbids downloading. Licence and citation go to the logger ``otrecon.data``, once.

    Parameters
    ----------
    name
        Data set, such as ``"brain-poisson"``; the names are the keys of `otrecon.data.REGISTRY`.
    file
        One of its files. All of them when omitted.

    Returns
    -------
    Dataset or Path
        The verified data set, or the path of the one file asked for.

    Raises
    ------
    ValueError
        If there is no such data set or file.
    DataUnavailableError
        If a file is neither here nor to be had; the message names the file, the folders and the address.
    HashMismatchError
        If the bytes are not those of the registry. A file that lies in your folders is never removed or replaced.
    """
    wanted = entry(name)
    if file is not None:
        return _fetch_file(name, remote_file(name, file))
    return Dataset(wanted, MappingProxyType({f.name: _fetch_file(name, f) for f in wanted.files.values()}))


def _fetch_file(name: str, file: RemoteFile) -> Path:
    found = _find(name, file.name)
    if found is None:
        found = _download(name, file)
    elif (digest := _sha256(found)) != file.sha256:
        raise HashMismatchError(
            f"{found} has sha256 {digest} and {found.stat().st_size} bytes; the registry names {file.sha256} and "
            f"{file.size} bytes. The file was left as it is: move it away, and it is looked for elsewhere or "
            f"downloaded from {file.url}."
        )
    if (name, file.name) not in _credited:
        _credited.add((name, file.name))
        logger.info("%s/%s: licence %s. Cite: %s.", name, file.name, file.source.licence, _citation(file))
    return found


def _download(name: str, file: RemoteFile) -> Path:
    target = cache_folder() / name / file.name
    if os.environ.get("OTRECON_OFFLINE", "0") not in ("", "0"):
        raise _unavailable(name, file, "OTRECON_OFFLINE forbids downloading")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # The unfinished file lives in a folder of its own: whatever interrupts us, the target is whole or absent.
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".unfinished-") as folder:
            part = Path(folder) / "download"
            _get(file.url, part)
            _verify(part, file.archive_sha256 or file.sha256, file.url)
            if file.member:
                part = _extract(part, file)
            part.replace(target)
    except OSError as error:  # also every exception of requests: no network, refused, interrupted, not found
        raise _unavailable(name, file, f"downloading failed ({type(error).__name__}: {error})") from error
    return target


def _get(url: str, part: Path) -> None:
    import pooch

    pooch.HTTPDownloader(progressbar=False, timeout=TIMEOUT)(url, str(part), None)


def _extract(archive: Path, file: RemoteFile) -> Path:
    part = archive.with_name("member")
    try:
        with zipfile.ZipFile(archive) as opened:
            part.write_bytes(opened.read(file.member))
    except (KeyError, zipfile.BadZipFile) as error:
        raise DataError(f"{file.url} is not an archive that holds {file.member} ({error}). Report this.") from error
    _verify(part, file.sha256, f"{file.member} in {file.url}")
    return part


def _verify(path: Path, expected: str, origin: str) -> None:
    if (digest := _sha256(path)) != expected:
        raise HashMismatchError(
            f"{origin} delivered {path.stat().st_size} bytes with sha256 {digest}; the registry names {expected}. "
            "Nothing was kept. Try again; if it stays so, a proxy may be answering in place of the address."
        )


def _sha256(path: Path) -> str:
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _unavailable(name: str, file: RemoteFile, reason: str) -> DataUnavailableError:
    looked = " and ".join(str(folder / name) for folder in _folders())
    inside = f" (inside the archive, as {file.member})" if file.member else ""
    return DataUnavailableError(
        f"{file.name} of the data set {name!r} is not on this machine: looked in {looked}; {reason}. "
        f"It comes from {file.url}{inside}. With a network call fetch again, or put the file as {name}/{file.name} "
        "into a folder and set OTRECON_DATA to that folder."
    )
