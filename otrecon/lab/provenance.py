"""Where a result comes from: what any number needs beside it before it can be believed or repeated."""

from __future__ import annotations

import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = ["provenance"]

_PACKAGES = (
    *("otrecon", "torch", "numpy", "scipy", "torchkbnufft", "sigpy", "pot", "scikit-image"),
    *("geomloss", "jax", "ott-jax"),
)


def provenance() -> dict[str, object]:
    """Versions, machine, threads, date and command, ready for JSON; no name of a person or a folder."""
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
        "command": " ".join(command + sys.argv[1:]),
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


def _cpu_model() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"
