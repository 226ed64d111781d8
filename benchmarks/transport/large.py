"""What large images take: time and peak memory of a divergence at the package's own tolerance.

``python -m benchmarks.transport large``: ours alone. Peers of these sizes, as far as they get, are in the other tables.
"""

from __future__ import annotations

import time
from typing import Any

import torch

from benchmarks.harness import save
from benchmarks.transport.memory import peak_megabytes
from benchmarks.transport.peers import ours
from benchmarks.transport.problems import Divergence
from otrecon.ot import Grid, sinkhorn_divergence

__all__ = ["large"]

CASES = (
    (Divergence((256, 256), 1.5), 200.0),
    (Divergence((64, 64, 64), 1.5), 500.0),
    (Divergence((512, 512), 2.0), 1000.0),
)
"""Each with the megabytes that it may take at most."""


def large() -> bool:
    """Solve each once; passes where all converge to the closed form within their memory."""
    torch.set_num_threads(1)
    rows: list[dict[str, Any]] = []
    for problem, limit in CASES:
        a, b = (torch.from_numpy(measure) for measure in problem.measures)
        start = time.perf_counter()
        found = sinkhorn_divergence(a, b, Grid(problem.shape), blur=problem.blur)
        seconds = time.perf_counter() - start
        rows.append(
            {
                "shape": list(problem.shape),
                "blur": problem.blur,
                "seconds": seconds,
                "iterations": found.iterations,
                "converged": bool(found.converged),
                **problem.errors(float(found.value)),
                "megabytes": peak_megabytes(ours.DIVERGENCE, problem, {}),
                "limit": limit,
            }
        )
        print(rows[-1], flush=True)
    passed = all(
        row["converged"] and row["error"] <= 1e-4 and (row["megabytes"] is None or row["megabytes"] <= row["limit"])
        for row in rows
    )
    save("transport_large", rows, passed=passed)
    return passed
