"""Peak extra memory of one solve, measured where nothing else runs: in a process of its own.

``python -m benchmarks.transport.memory divergence "POT, dense" '{"iterations": 10}' 1.5 64 64`` prints megabytes. The
process imports, prepares the arrays, solves a tiny problem once (thread pools, compiled code), then resets the
kernel's high-water mark and solves; what is printed is that mark less the memory held before. Linux only.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import warnings
from pathlib import Path

from benchmarks.transport.peers.peer import Peer, Setting
from benchmarks.transport.problems import Barycenter, Divergence, Problem

__all__ = ["peak_megabytes"]

_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_TINY = 8


def peak_megabytes(peer: Peer, problem: Problem, setting: Setting, *, timeout: float = 180) -> float | None:
    """Peak memory of one solve beyond what was held before it, in MB; None where it cannot be had."""
    if not _STATUS.exists():
        return None
    command = [sys.executable, "-m", "benchmarks.transport.memory", problem.kind, peer.name, json.dumps(dict(setting))]
    command += [str(problem.blur), *map(str, problem.shape)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=timeout)  # noqa: S603
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError):
        return None
    return float(done.stdout.split()[-1])


def _kilobytes(label: str) -> int:
    (line,) = (line for line in _STATUS.read_text(encoding="ascii").splitlines() if line.startswith(label))
    return int(line.split()[1])


def main(kind: str, name: str, setting: str, blur: str, *shape: str) -> float:
    from benchmarks.transport import peers

    def build(sizes: tuple[int, ...], length: float) -> Problem:
        return Divergence(sizes, length) if kind == "divergence" else Barycenter(sizes, length)

    listed = peers.DIVERGENCE if kind == "divergence" else peers.BARYCENTER
    (peer,) = (peer for peer in listed if peer.name == name)
    problem = build(tuple(map(int, shape)), float(blur))
    tiny = build((_TINY,) * len(shape), 0.7 * (_TINY - 1) / _TINY)
    chosen = json.loads(setting)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer.prepare(tiny, chosen)()
        solve = peer.prepare(problem, chosen)
        _RESET.write_text("5", encoding="ascii")
        before = _kilobytes("VmRSS:")
        solve()
    return (_kilobytes("VmHWM:") - before) / 1024 * 1.048576


if __name__ == "__main__":
    megabytes = main(*sys.argv[1:])
    assert math.isfinite(megabytes)
    print(megabytes)
