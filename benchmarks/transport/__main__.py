"""Measure transport beside its peers: ``python -m benchmarks.transport [PART ...]``.

The parts are divergence, barycenter, defaults, large and gpu; without one, all of them run.

Everything runs on one thread, ours and theirs: the process starts itself anew with the thread counts of OpenMP, of the
BLAS libraries and of XLA set to 1 and, where the system allows, pinned to one core, from which XLA takes the size of
its pool. Each row says what it is a row of, with which setting, and if it is not solved, why.
"""

from __future__ import annotations

import os
import subprocess
import sys

_MARK = "OTRECON_BENCH_ONE_THREAD"
_ONE_THREAD = {
    _MARK: "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "JAX_PLATFORMS": "cpu",
}


def main(arguments: list[str]) -> int:
    if os.environ.get(_MARK) != "1":
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
        command = [sys.executable, "-m", "benchmarks.transport", *arguments]
        return subprocess.run(command, env={**os.environ, **_ONE_THREAD}, check=False).returncode  # noqa: S603
    from benchmarks.transport.tables import TABLES

    unknown = sorted(set(arguments) - set(TABLES))
    if unknown:
        print(f"No such part: {', '.join(unknown)}; there are {', '.join(TABLES)}.")
        return 2
    results = [table() for name, table in TABLES.items() if name in (arguments or TABLES)]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
