"""Measure coordinate networks: ``python -m benchmarks.inr [PART ...]``.

The parts are gram, race and speed; without one, all of them run. Everything runs on one thread.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import torch

from benchmarks.inr.gram import gram
from benchmarks.inr.race import race
from benchmarks.inr.speed import speed

PARTS: dict[str, Callable[[], bool]] = {"gram": gram, "race": race, "speed": speed}


def main(arguments: list[str]) -> int:
    unknown = sorted(set(arguments) - set(PARTS))
    if unknown:
        print(f"No such part: {', '.join(unknown)}; there are {', '.join(PARTS)}.")
        return 2
    torch.set_num_threads(1)
    results = [part() for name, part in PARTS.items() if name in (arguments or PARTS)]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
