"""The same divergence on the processor and on a graphics card, from small images to large volumes.

``python -m benchmarks.transport gpu`` needs CUDA; without it the part says so and is skipped. One thread and one card
take turns. A batch of frames stands beside single images: a card lives on parallel work.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from benchmarks.harness import compare, save
from benchmarks.transport.problems import Divergence
from otrecon.ot import Grid, sinkhorn_divergence

__all__ = ["gpu"]

CASES: tuple[tuple[tuple[int, ...], int], ...] = (
    *(((n, n), 1) for n in (32, 64, 128, 256, 512)),
    ((128, 128), 25),
    *(((n, n, n), 1) for n in (32, 64)),
)
BLUR = 1.5


def gpu() -> bool:
    """Time the divergence on both; passes where the card agrees with the closed form as the processor does."""
    if not torch.cuda.is_available():
        print("gpu is skipped: torch sees no CUDA device.")
        return True
    torch.set_num_threads(1)
    rows: list[dict[str, Any]] = []
    for shape, batch in CASES:
        problem = Divergence(shape, BLUR)
        calls = {name: _call(problem, batch, torch.device(name)) for name in ("cpu", "cuda")}
        errors = {name: problem.errors(call())["error"] for name, call in calls.items()}
        for row in compare(calls, repeats=3):
            facts = {"seconds": row.median, "low": row.low, "high": row.high, "ratio": row.ratio}
            rows.append({"shape": list(shape), "batch": batch, "device": row.name, **facts, "error": errors[row.name]})
            print(rows[-1], flush=True)
    passed = all(row["error"] <= 1e-4 for row in rows)
    save("transport_gpu", rows, blur=BLUR, passed=passed)
    return passed


def _call(problem: Divergence, batch: int, device: torch.device) -> Callable[[], float]:
    a, b = (torch.from_numpy(measure).to(device).expand(batch, *problem.shape) for measure in problem.measures)
    grid = Grid(problem.shape)
    # The value comes back to the host, so that the time includes the waiting.
    return lambda: float(sinkhorn_divergence(a, b, grid, blur=problem.blur).value[0])
