"""Run every benchmark, one after the other: ``python -m benchmarks``."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from pathlib import Path


def main() -> int:
    names = [module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)])]
    failed = []
    for name in sorted(set(names) - {"__main__", "harness"}):
        # A process each: threads and caches of one must not touch the next.
        run = subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False)  # noqa: S603 (our own modules)
        if run.returncode != 0:
            failed.append(name)
    if failed:
        print(f"Not as promised: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
