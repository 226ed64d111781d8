"""The public address of the project stands once, as ``repository.url`` in ``_config.yml``; this carries it elsewhere.

``python -m book._tools.address sync`` rewrites every file that must repeat it; ``check`` names the places that differ
and exits with 1. An address counts as ours when its repository is called otrecon, or when it is the one that
pyproject.toml gave until now: so changing ``_config.yml`` and running ``sync`` moves the whole project.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from book._tools.myst import ROOT

PATTERNS = (
    "README.md",
    "CONTRIBUTING.md",
    "CITATION.cff",
    "pyproject.toml",
    "environment.yml",
    "_config.yml",
    "binder/*",
    ".github/**/*.yml",
    ".ci/*",
    "book/**/*.md",
    "book/**/*.ipynb",
    "assignments/**/*.md",
    "otrecon/**/*.py",
)
PUBLISHING_BRANCH = "gh-pages"


@dataclass(frozen=True)
class Address:
    """Where the project lives."""

    owner: str
    name: str
    branch: str

    @property
    def url(self) -> str:
        """The repository."""
        return f"https://github.com/{self.owner}/{self.name}"

    @property
    def site(self) -> str:
        """The published book, with a slash at its end."""
        return f"https://{self.owner}.github.io/{self.name}/"


@dataclass(frozen=True)
class Misplaced:
    """An address that does not follow ``_config.yml``."""

    path: Path
    line: int
    found: str
    expected: str


_PART = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_END = r"[A-Za-z0-9_-]"  # an address does not end in the full stop of its sentence
_REPOSITORY = re.compile(
    r"(?:github\.com|raw\.githubusercontent\.com|colab\.research\.google\.com/github|mybinder\.org/v2/gh)/"
    rf"(?P<place>(?P<owner>{_PART})/(?P<name>(?:{_PART})?{_END}))"
)
# What may follow a repository and ends in a branch; Binder and the raw files have the branch at once.
_BRANCH = re.compile(r"(?P<before>(?:\.git)?@|/(?:blob|tree|raw|edit)/)(?P<branch>[A-Za-z0-9._-]+)")
_BRANCH_AT_ONCE = re.compile(r"(?P<before>/)(?P<branch>[A-Za-z0-9._-]+)")
_SITE = re.compile(rf"(?P<owner>[A-Za-z0-9-]+)\.github\.io/(?P<name>(?:{_PART})?{_END})")


def read_address(root: Path = ROOT) -> Address:
    """Read the one place that holds the address.

    Raises
    ------
    ValueError
        If ``repository.url`` is missing or is no GitHub repository.
    """
    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8")) or {}
    repository = config.get("repository") or {}
    url = str(repository.get("url", ""))
    match = re.fullmatch(rf"https://github\.com/({_PART})/({_PART})/?", url)
    if match is None:
        raise ValueError(f"_config.yml: repository.url is {url!r}; give https://github.com/OWNER/NAME.")
    return Address(match[1], match[2].removesuffix(".git"), str(repository.get("branch", "main")))


def misplaced(root: Path = ROOT) -> list[Misplaced]:
    """Every place that does not follow ``_config.yml``, and what should stand there."""
    address = read_address(root)
    ours = _names_so_far(root, address)
    found = []
    for path in _files(root):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            for match, expected in _wrong(line, address, ours):
                found.append(Misplaced(path, number, match, expected))
    return found


def sync(root: Path = ROOT) -> list[Path]:
    """Rewrite the misplaced addresses; return the files that changed."""
    address = read_address(root)
    ours = _names_so_far(root, address)
    changed = []
    for path in _files(root):
        text = path.read_text(encoding="utf-8")
        new = "".join(_rewrite(line, address, ours) for line in text.splitlines(keepends=True))
        if new != text:
            path.write_text(new, encoding="utf-8")
            changed.append(path)
    return changed


def _files(root: Path) -> Iterator[Path]:
    for pattern in PATTERNS:
        yield from sorted(path for path in root.glob(pattern) if path.is_file())


def _names_so_far(root: Path, address: Address) -> set[tuple[str, str]]:
    """Collect the address now and the one that the packaging still holds."""
    names = {(address.owner, address.name)}
    pyproject = root / "pyproject.toml"
    if pyproject.exists():
        import tomllib

        project = tomllib.loads(pyproject.read_text(encoding="utf-8")).get("project", {})
        for url in project.get("urls", {}).values():
            names.update((match["owner"], match["name"]) for match in _REPOSITORY.finditer(url))
    return names


def _is_ours(owner: str, name: str, ours: set[tuple[str, str]]) -> bool:
    return (owner, name) in ours or re.fullmatch(r"otrecon(-.*)?", name) is not None


def _fixes(line: str, address: Address, ours: set[tuple[str, str]]) -> Iterator[tuple[int, int, str]]:
    for match in _REPOSITORY.finditer(line):
        name = match["name"].removesuffix(".git")
        if not _is_ours(match["owner"], name, ours):
            continue
        start = match.start("place")
        stop = match.start("name") + len(name)
        yield start, stop, f"{address.owner}/{address.name}"
        at_once = match.group().startswith(("raw.", "mybinder."))
        branch = (_BRANCH_AT_ONCE if at_once else _BRANCH).match(line, stop)
        if branch is not None and branch["branch"] not in (PUBLISHING_BRANCH, "HEAD"):
            yield branch.start("branch"), branch.end("branch"), address.branch
    for match in _SITE.finditer(line):
        if _is_ours(match["owner"], match["name"], ours):
            yield match.start(), match.end(), f"{address.owner}.github.io/{address.name}"


def _wrong(line: str, address: Address, ours: set[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    for start, stop, new in _fixes(line, address, ours):
        if line[start:stop] != new:
            yield line[start:stop], new


def _rewrite(line: str, address: Address, ours: set[tuple[str, str]]) -> str:
    for start, stop, new in sorted(_fixes(line, address, ours), reverse=True):
        line = line[:start] + new + line[stop:]
    return line


def main(arguments: list[str], root: Path = ROOT) -> int:
    """Run ``sync`` or ``check``; return the exit status."""
    if arguments == ["sync"]:
        for path in sync(root):
            print(f"written: {path.relative_to(root)}")
        return 0
    if arguments == ["check"]:
        places = misplaced(root)
        for place in places:
            name = place.path.relative_to(root)
            print(f"{name}:{place.line}: {place.found} should be {place.expected}; run `make notebooks`")
        return 1 if places else 0
    print("usage: python -m book._tools.address sync|check", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
