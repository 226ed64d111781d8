"""Where a result comes from: what any number needs beside it before it can be believed or repeated."""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = ["provenance"]

_PACKAGES = (
    *("otrecon", "torch", "numpy", "scipy", "torchkbnufft", "ptwt", "h5py", "pot", "scikit-image"),
    *("sigpy", "geomloss", "jax", "ott-jax"),
)


def provenance() -> dict[str, object]:
    """Versions, commit, machine, threads, date and command, ready for JSON; no name of a person or a folder."""
    import torch

    versions = {}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    command = (
        ["python", "-m", spec.name.removesuffix(".__main__")]
        if spec is not None
        else ["python", Path(sys.argv[0]).name]
    )
    return {
        "command": shlex.join(command + [_without_folder(argument) for argument in sys.argv[1:]]),
        "commit": _commit(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "versions": versions,
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "torch_threads": torch.get_num_threads(),
        "load_average": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def _without_folder(argument: str) -> str:
    return Path(argument).name if Path(argument).is_absolute() else argument


def _commit() -> str | None:
    """Commit of the code, with a plus where files have changed since; None outside its repository."""
    home = Path(__file__).resolve().parents[2]
    if not (home / ".git").exists():
        return None

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(home), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603

    try:
        changed = git("status", "--porcelain", "--untracked-files=no", "--", "otrecon", "benchmarks")
        return git("rev-parse", "--short=12", "HEAD").strip() + ("+" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def _cpu_model() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"
