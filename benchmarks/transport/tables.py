"""The tables: how time, memory and error of each peer grow with the image and with the sharpness asked for."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch

from benchmarks.harness import compare, save
from benchmarks.transport import peers
from benchmarks.transport.gpu import gpu
from benchmarks.transport.large import large
from benchmarks.transport.memory import peak_megabytes
from benchmarks.transport.peers.peer import CannotRunError, Peer
from benchmarks.transport.problems import Barycenter, Divergence, Problem
from benchmarks.transport.tuning import CAP, NOT_A_NUMBER, Trial, cheapest, timed
from otrecon.ot.appendix_b import appendix_b_blur

__all__ = ["TABLES", "rows_of"]

ALTERNATE_BELOW = 6.0  # seconds: dearer peers are timed once, in the call that found their setting
REPEATS = 5


def rows_of(
    problem: Problem, candidates: Sequence[Peer], *, cap: float = CAP, memory: bool = True
) -> list[dict[str, Any]]:
    """One row a peer: tuned to solve the problem, then timed in turns with the first of them."""
    trials = {peer.name: cheapest(peer, problem, cap=cap) for peer in candidates}
    turns = {
        name: trial.solve
        for name, trial in trials.items()
        if trial.solve is not None and trial.seconds < ALTERNATE_BELOW
    }
    torch.set_num_threads(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        timings = {row.name: row for row in compare(turns, repeats=REPEATS)} if turns else {}
    first = candidates[0].name
    base = timings[first].median if first in timings else trials[first].seconds
    rows = []
    for peer in candidates:
        trial = trials[peer.name]
        row = {"problem": problem.kind, "shape": list(problem.shape), "blur": problem.blur, "method": peer.name}
        row |= _outcome(trial)
        if peer.name in timings:
            timing = timings[peer.name]
            row |= {"seconds": timing.median, "low": timing.low, "high": timing.high, "repeats": timing.repeats}
            row["ratio"] = timing.ratio if first in timings else timing.median / base
        elif trial.solve is not None:
            row |= {"seconds": trial.seconds, "repeats": 1, "ratio": trial.seconds / base}
        if memory and trial.solve is not None:
            # Memory does not depend on the number of iterations: the fewest will do.
            row["megabytes"] = peak_megabytes(peer, problem, peer.families[0][0])
        rows.append(row)
        print({key: value for key, value in row.items() if key != "problem"}, flush=True)
    return rows


def _outcome(trial: Trial) -> dict[str, Any]:
    """Status, setting and errors of a row; what is not a number becomes null."""
    if trial.solve is None:
        return {"status": "cannot run", "reason": trial.reason}
    status = "solved" if trial.solved else "not a number" if trial.reason == NOT_A_NUMBER else "not reached"
    return {
        "status": status,
        "reason": trial.reason,
        "setting": dict(trial.setting),
        **{key: value if math.isfinite(value) else None for key, value in trial.errors.items()},
    }


def divergence() -> bool:
    """Time, memory and error of the divergence: by size at 1.5 px, by blur at 128 x 128."""
    sizes: list[Problem] = [Divergence((n, n), 1.5) for n in (32, 64, 128, 256)]
    sizes += [Divergence((n, n, n), 1.5) for n in (32, 48, 64)]
    blurs: list[Problem] = [Divergence((128, 128), blur) for blur in (8.0, 4.0, 2.0, 1.0)]
    rows = [row for problem in sizes for row in rows_of(problem, peers.DIVERGENCE, memory=True)]
    rows += [row for problem in blurs for row in rows_of(problem, peers.DIVERGENCE)]
    return _judge("transport_divergence", rows, {"broadcast": 20.0, "OTT-JAX, Grid": 1.0}, Divergence((128, 128), 1.5))


def barycenter() -> bool:
    """Time, memory and error of the barycenter: by size at 1 px, by blur at 64 x 64, and at the blur of appendix B."""
    sizes: list[Problem] = [Barycenter((n, n), 1.0) for n in (32, 64, 128, 256)]
    sizes += [Barycenter((n, n, n), 1.5) for n in (32, 48, 64)]
    blurs: list[Problem] = [Barycenter((64, 64), blur) for blur in (8.0, 4.0, 2.0, 1.5)]
    blurs += [Barycenter((n, n), appendix_b_blur(n)) for n in (32, 64, 128)]
    rows = [row for problem in sizes for row in rows_of(problem, peers.BARYCENTER, memory=True)]
    rows += [row for problem in blurs for row in rows_of(problem, peers.BARYCENTER)]
    return _judge("transport_barycenter", rows, {"POT, sinkhorn_log": 50.0}, Barycenter((64, 64), 1.0))


def _judge(name: str, rows: list[dict[str, Any]], promises: dict[str, float], at: Problem) -> bool:
    """Save the table; it passes where ours solves everything and is as much faster as was promised."""
    ours = [row for row in rows if row["method"] == "otrecon"]
    found = {
        row["method"]: row["ratio"]
        for row in rows
        if row["method"] in promises and row["shape"] == list(at.shape) and row["blur"] == at.blur and "ratio" in row
    }
    faster = [
        {"method": row["method"], "shape": row["shape"], "blur": row["blur"], "ratio": row["ratio"]}
        for row in rows
        if row["status"] == "solved" and row["ratio"] < 1
    ]
    passed = all(row["status"] == "solved" for row in ours)
    # A peer that did not run has kept nobody's promise.
    passed = passed and all(found.get(method, 0.0) >= ratio for method, ratio in promises.items())
    save(name, rows, promised=promises, found=found, peers_that_are_faster=faster, cap=CAP, passed=passed)
    return passed


def defaults() -> bool:
    """Ask what a user gets who changes nothing, from 8 px down to 0.7 px at 64 x 64, and whether it is said when wrong.

    The rule. "silent": a finite answer, no warning, and off by more than 1 % of the value; or, for a barycenter, by 5 %
    of the width, 1 % of the mass or a pixel. "warned": as far off, with a warning. "not a number": as it says.
    """
    rows = []
    for blur in (8.0, 4.0, 2.0, 1.5, 1.0, appendix_b_blur(64)):
        pairs: list[tuple[Problem, Sequence[Peer]]] = [
            (Divergence((64, 64), blur), peers.DIVERGENCE),
            (Barycenter((64, 64), blur), peers.BARYCENTER),
        ]
        for problem, candidates in pairs:
            for peer in candidates:
                if peer.name == "broadcast":
                    continue  # ours to write, so its defaults are nobody's
                rows.append({"problem": problem.kind, "blur": blur, "method": peer.name, **_by_default(peer, problem)})
                print(rows[-1], flush=True)
    ours = [row["status"] for row in rows if row["method"] == "otrecon"]
    counts = {method: _count(rows, method) for method in dict.fromkeys(str(row["method"]) for row in rows)}
    passed = set(ours) == {"right"}
    save("transport_defaults", rows, size=[64, 64], counts=counts, passed=passed)
    return passed


def _count(rows: list[dict[str, Any]], method: str) -> dict[str, int]:
    found = [str(row["status"]) for row in rows if row["method"] == method]
    return {status: found.count(status) for status in sorted(set(found))}


def _by_default(peer: Peer, problem: Problem) -> dict[str, Any]:
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            solve = peer.prepare(problem, peer.defaults)
            caught.clear()
            answer, seconds = timed(solve, CAP)
            errors = problem.errors(answer)
    except CannotRunError as error:
        return {"status": "cannot run", "reason": str(error)}
    said = [str(warning.message).splitlines()[0] for warning in caught if _is_about_convergence(warning)]
    finite = all(math.isfinite(value) for value in errors.values())
    if not finite:
        status = "not a number"
    elif problem.wrong(errors):
        status = "warned" if said else "silent"
    else:
        status = "right"
    numbers = {key: value if math.isfinite(value) else None for key, value in errors.items()}
    return {"status": status, "said": said[:1], "seconds": seconds, **numbers}


def _is_about_convergence(warning: warnings.WarningMessage) -> bool:
    """Whether the result is what it warns of; deprecations are not."""
    return not issubclass(warning.category, DeprecationWarning | FutureWarning)


TABLES: dict[str, Callable[[], bool]] = {
    "divergence": divergence,
    "barycenter": barycenter,
    "defaults": defaults,
    "large": large,
    "gpu": gpu,
}
