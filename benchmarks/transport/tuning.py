"""The cheapest setting of a peer that solves a problem, within a minute a call."""

from __future__ import annotations

import math
import signal
import threading
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace

from benchmarks.transport.peers.peer import Answer, CannotRunError, Peer, Setting
from benchmarks.transport.problems import Problem

__all__ = ["CAP", "NOT_A_NUMBER", "Trial", "cheapest", "timed"]

CAP = 60.0  # seconds a call
NOT_A_NUMBER = "not a finite number"
_AGAIN_BELOW = 1.0  # seconds
_STALLS = 3  # settings in a row


@dataclass(frozen=True)
class Trial:
    """What one peer can do on one problem.

    Attributes
    ----------
    solve : callable or None
        The prepared call at the setting chosen; None where the peer cannot run.
    setting : mapping
        The cheapest setting that solved the problem; failing that, the one with the least error.
    errors : dict
        Errors of the answer at that setting.
    seconds : float
        Of the single call that found them.
    solved : bool
        Whether the answer is as accurate as was asked.
    reason : str
        Why it is not, or why the peer could not run; empty where it solved.
    """

    solve: Callable[[], Answer] | None
    setting: Setting
    errors: dict[str, float]
    seconds: float
    solved: bool
    reason: str


def cheapest(peer: Peer, problem: Problem, *, cap: float = CAP) -> Trial:
    """Try each family from cheap to dear, until a setting solves the problem or the next would exceed the cap."""
    found: list[Trial] = []
    for family in peer.families:
        # A family that has become dearer than a solution already found can only lose.
        best = min((trial.seconds for trial in found if trial.solved), default=cap)
        found.append(_first(peer, problem, family, cap=cap, enough=best))
    solved = [trial for trial in found if trial.solved]
    if solved:
        return min(solved, key=lambda trial: trial.seconds)
    return min(found, key=lambda trial: _excess(problem, trial.errors) if trial.solve else math.inf)


def _first(peer: Peer, problem: Problem, family: tuple[Setting, ...], *, cap: float, enough: float) -> Trial:
    best: Trial | None = None
    before, stalls = math.inf, 0
    reason = "no setting of the list reaches it"
    for setting in family:
        try:
            with warnings.catch_warnings():
                # At a number of iterations of our own choice, "not converged" is no news.
                warnings.simplefilter("ignore")
                solve = peer.prepare(problem, setting)
                answer, seconds = timed(solve, cap)
                if seconds < _AGAIN_BELOW:
                    answer, seconds = timed(solve, cap)  # the first call warms caches
        except CannotRunError as error:
            reason = str(error)
            break
        errors = problem.errors(answer)
        trial = Trial(solve, setting, errors, seconds, solved=_excess(problem, errors) <= 1, reason="")
        if trial.solved:
            return trial
        excess = _excess(problem, errors)
        if best is None or excess < _excess(problem, best.errors):
            best = trial
        stalls = stalls + 1 if excess > 0.999 * before or math.isinf(excess) else 0
        if stalls >= _STALLS:
            reason = NOT_A_NUMBER if math.isinf(excess) else "its error no longer falls"
            break
        if seconds > enough:
            reason = "another family of settings is cheaper"
            break
        if seconds * _growth(family, setting) > cap:
            reason = f"the next setting would take more than {cap:.0f} s a call"
            break
        before = excess
    if best is None:
        return Trial(None, {}, {}, 0.0, solved=False, reason=reason)
    return replace(best, reason=NOT_A_NUMBER if math.isinf(_excess(problem, best.errors)) else reason)


def _excess(problem: Problem, errors: dict[str, float]) -> float:
    """Excess over what is asked; infinite where the answer is not a number."""
    excess = problem.excess(errors)
    return excess if math.isfinite(excess) else math.inf


def timed(solve: Callable[[], Answer], limit: float) -> tuple[Answer, float]:
    """Solve and time it; :class:`CannotRunError` if it is not back after ``limit`` seconds.

    The alarm reaches Python code only: a call that stays in a compiled loop comes back when it does.
    """

    def stop(*_: object) -> None:
        raise CannotRunError(f"one call takes more than {limit:.0f} s")

    can = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGALRM, stop) if can else None
    try:
        if can:
            signal.setitimer(signal.ITIMER_REAL, limit)
        start = time.perf_counter()
        answer = solve()
        return answer, time.perf_counter() - start
    finally:
        if can:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)


def _growth(family: tuple[Setting, ...], setting: Setting) -> float:
    """How much more the next setting costs, by its number of iterations; 2 where the setting has none."""
    position = family.index(setting) + 1
    if position == len(family) or "iterations" not in setting:
        return 2.0
    return float(family[position]["iterations"]) / float(setting["iterations"])
