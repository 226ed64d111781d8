"""What ``import otrecon`` adds to importing torch: at most 0.3 s, in a fresh process each time."""

from __future__ import annotations

import statistics
import subprocess
import sys

from benchmarks.harness import save

LIMIT = 0.3
ROUNDS = 7
CODE = (
    "import sys, time, torch; start = time.perf_counter(); __import__(sys.argv[1]); print(time.perf_counter() - start)"
)
ROOMS = ("otrecon", "otrecon.phantoms", "otrecon.data", "otrecon.mri", "otrecon.show")


def seconds(module: str) -> float:
    """Time one import, after torch, in a process of its own."""
    command = [sys.executable, "-c", CODE, module]
    return float(subprocess.run(command, capture_output=True, check=True, text=True).stdout)  # noqa: S603 (our own code)


def main() -> int:
    times: dict[str, list[float]] = {name: [] for name in ROOMS}
    for name in ROOMS:  # once for the file cache, untimed
        seconds(name)
    for _ in range(ROUNDS):
        for name in ROOMS:
            times[name].append(seconds(name))
    rows = [
        {"import": name, "median": statistics.median(spent), "largest": max(spent)} for name, spent in times.items()
    ]
    added = statistics.median(times["otrecon"])
    save("import_time", rows, unit="s", rounds=ROUNDS, added_to_torch=added, limit=LIMIT, passed=added <= LIMIT)
    return 0 if added <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
