"""Which recipe first draws Shepp and Logan's head at 40 dB? Against that of the authors' public code.

All take turns, a slice of time each, so that a busy machine slows all of them; the clock of each runs during its own
steps only, and looking at the error is not timed. A recipe goes on to the end of its schedule, one without a schedule
until it reaches the goal; all end at their limit of seconds.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor

from benchmarks.harness import save
from benchmarks.inr.recipes import Adam, Lbfgs, Racer, Recipe, reptile
from otrecon.phantoms import shepp_logan

__all__ = ["Course", "race", "run"]

GOALS = (30.0, 35.0, 40.0)


@dataclass
class Course:
    """How one racer fared.

    Attributes
    ----------
    racer : Racer
        The fit.
    steps : int or None
        Steps that it takes; None: until the last goal.
    limit : float
        Seconds after which it has to stop.
    seconds : float
        Its own time so far.
    reached : dict
        Seconds at which it passed each goal, in dB.
    psnr : float
        The latest, in dB, for a range of 2.
    """

    racer: Racer
    steps: int | None
    limit: float
    seconds: float = 0.0
    taken: int = 0
    reached: dict[float, float] = field(default_factory=dict)
    psnr: float = -math.inf

    @property
    def over(self) -> bool:
        """Whether it has stopped."""
        done = GOALS[-1] in self.reached if self.steps is None else self.taken >= self.steps
        return done or self.seconds >= self.limit

    def advance(self, slice_seconds: float) -> None:
        """Take steps for a while."""
        until = self.seconds + slice_seconds
        while self.seconds < until and not self.over:
            before = time.perf_counter()
            error = self.racer.step()
            self.seconds += time.perf_counter() - before
            self.taken += 1
            if error is None and (self.taken % self.racer.every == 0 or self.over):
                error = self.racer.error()
            if error is not None:
                # A step gives the error from before it: the time is that of the step more, never less.
                self.psnr = 10 * math.log10(4 / error) if 0 < error < math.inf else -math.inf
                for goal in GOALS:
                    if self.psnr >= goal:
                        self.reached.setdefault(goal, self.seconds)


def run(courses: Sequence[Course], *, slice_seconds: float = 1.0) -> None:
    """Let all take turns until all have stopped."""
    turn = 0
    while not all(course.over for course in courses):
        shift = turn % len(courses)
        for course in [*courses[shift:], *courses[:shift]]:
            course.advance(slice_seconds)
        turn += 1
    for course in courses:
        last = course.racer.error()
        course.psnr = 10 * math.log10(4 / last) if 0 < last < math.inf else -math.inf


PLAIN = "plain: width 256, lr 1e-4"


def recipes(start: dict[str, Tensor] | None = None) -> dict[str, tuple[Recipe, int | None, bool]]:
    """Name, recipe, its steps, and whether it runs for every seed."""
    small = Adam(128, lr=1e-3, steps=400, share=16)
    found: dict[str, tuple[Recipe, int | None, bool]] = {
        PLAIN: (Adam(), None, False),
        "lr 1e-3, cosine": (Adam(lr=1e-3, steps=30), 30, False),
        "width 128, lr 1e-3, cosine": (Adam(128, lr=1e-3, steps=80), 80, False),
        "width 128, 1/4 of the places": (replace(small, share=4, steps=100), 100, False),
        "width 128, 1/16": (small, 400, True),
        "width 128, 1/32": (replace(small, share=32, steps=700), 700, True),
        "width 128, 1/16, lr 3e-3": (replace(small, lr=3e-3), 400, False),
        "width 128, 1/16, omega_0 60": (replace(small, omega_0=60.0), 400, False),
        "width 64, 1/16": (replace(small, width=64, steps=800), 800, False),
        "separable, rank 32": (Adam(64, 2, lr=1e-3, steps=800, rank=32), 800, False),
        "separable, rank 64, lr 3e-3": (Adam(64, 2, lr=3e-3, steps=1000, rank=64), 1000, False),
        "separable, rank 64, L-BFGS": (Lbfgs(Adam(64, 2, lr=1e-3, rank=64), 100), 180, False),
        "width 64, L-BFGS": (Lbfgs(Adam(64, lr=1e-3), 20), 50, False),
    }
    if start is not None:
        found["width 128, 1/16, warm start"] = (replace(small, start=start), 400, True)
    return found


def race(
    size: int = 128,
    seeds: int = 3,
    *,
    limits: tuple[float, float] = (240.0, 20.0),
    tasks: int = 40,
    name: str = "inr_race",
) -> bool:
    """Run the race; passes where the quickest network for any places takes a third of the plain time, or less.

    ``limits`` are the seconds of the plain recipe and of every other. Where the plain one has not reached the goal by
    then, the gains are to its limit: at least so much.
    """
    phantom = shepp_logan().image((size, size))
    image = 2 * phantom - 1
    start, warming = reptile(Adam(128, lr=1e-3), tasks=tasks, size=max(8, size // 2))
    courses: dict[str, list[Course]] = {}
    for label, (recipe, steps, every_seed) in recipes(start).items():
        limit = limits[0] if steps is None else limits[1]
        count = seeds if every_seed else 1
        courses[label] = [Course(recipe(image, seed), steps, limit) for seed in range(count)]
    run([course for several in courses.values() for course in several])
    rows = [_row(label, several) for label, several in courses.items()]
    goal = f"to_{GOALS[-1]:.0f}_db"
    plain = rows[0][goal] or rows[0]["seconds"]
    for row in rows:
        row["gain"] = plain / row[goal] if row[goal] else None
    gains = {row["recipe"]: row["gain"] for row in rows if row["gain"] and "separable" not in row["recipe"]}
    best = max(gains, key=lambda label: gains[label], default=PLAIN)
    passed = gains.get(best, 0.0) >= 3
    facts = {"im_size": [size, size], "seeds": seeds, "plain_reached_the_goal": rows[0][goal] is not None}
    facts |= {"warm_start_training_seconds": warming, "best_for_any_places": best, "gain": gains.get(best)}
    save(name, rows, **facts, passed=passed)
    return passed


def _row(label: str, courses: Sequence[Course]) -> dict[str, Any]:
    """Medians over the seeds; a goal that not all of them reached is None."""
    row: dict[str, Any] = {"recipe": label, "parameters": courses[0].racer.parameters, "seeds": len(courses)}
    for goal in GOALS:
        times = [course.reached[goal] for course in courses if goal in course.reached]
        row[f"to_{goal:.0f}_db"] = statistics.median(times) if len(times) == len(courses) else None
    row["psnr"] = statistics.median(course.psnr for course in courses)
    row["steps"] = statistics.median_low(course.taken for course in courses)
    row["seconds"] = statistics.median(course.seconds for course in courses)
    return row
