"""An iteration of temporal total variation on radial films: Toeplitz grams against forward and adjoint NUFFTs.

``python -m benchmarks.temporal`` measures three sizes, up to that of seed 000 (208x208, 25 frames, 16 coils, 39 spokes
a frame). The two ways take turns; both run the same lines of :func:`otrecon.mri.temporal_tv` on the same data, density-
weighted, and differ in ``toeplitz`` alone. An iteration is timed from one callback to the next. At the largest size
each way runs once, and what a whole reconstruction would take is extrapolated: grams for the norm and iterations, after
the kernels. It fails unless the gram makes the iteration 5 times faster at the two larger sizes.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from benchmarks.harness import save
from otrecon.mri import RadialFilm, radial_density, radial_trajectory, temporal_tv
from otrecon.operators import LinearOperator

GOAL = 5.0
# Of a whole reconstruction; the norm of the operator takes some grams before.
ITERATIONS, NORM_GRAMS = 100, 12


@dataclass(frozen=True)
class Case:
    """Size of a film and of its acquisition, and how often it is measured; the readout is oversampled twice."""

    size: int
    frames: int
    coils: int
    spokes: int
    rounds: int = 7
    iterations: int = 3


CASES = (Case(64, 8, 4, 39), Case(104, 12, 8, 39), Case(208, 25, 16, 39, rounds=1, iterations=2))


def film(case: Case, *, toeplitz: bool) -> RadialFilm:
    """Make the operator, with golden-angle spokes and random maps."""
    n = case.size
    generator = torch.Generator().manual_seed(0)
    smaps = torch.randn(case.coils, n, n, dtype=torch.complex64, generator=generator) / case.coils**0.5
    ktrajs = [
        radial_trajectory(case.spokes, n, first_spoke=case.spokes * t, oversampling=2) for t in range(case.frames)
    ]
    dcomp = [radial_density(ktraj, (n, n), samples=2 * n) for ktraj in ktrajs]
    return RadialFilm(ktrajs, (n, n), smaps, dcomp=dcomp, toeplitz=toeplitz)


def seconds(operator: LinearOperator, kdata: Tensor, iterations: int) -> list[float]:
    """Time each iteration but the first."""
    times: list[float] = []
    temporal_tv(
        operator,
        kdata,
        weight=0.01,
        tolerance=0,
        max_iterations=iterations + 1,
        callback=lambda *_: times.append(time.perf_counter()),
    )
    return [after - before for before, after in pairwise(times)]


def timed(operator: LinearOperator, image: Tensor) -> tuple[Tensor, float]:
    """Gram of an image, and its seconds."""
    start = time.perf_counter()
    return operator.gram(image), time.perf_counter() - start


def measure(case: Case) -> dict[str, float]:
    """Compare the two ways on one case: medians over all iterations, and of the ratio round by round."""
    fast, slow = (film(case, toeplitz=toeplitz).density_weighted() for toeplitz in (True, False))
    generator = torch.Generator().manual_seed(1)
    kdata = torch.randn(fast.range, dtype=torch.complex64, generator=generator)
    image = torch.randn(fast.domain, dtype=torch.complex64, generator=generator)
    by_gram, preparation = timed(fast, image)
    _, gram = timed(fast, image)
    exact, nufft = timed(slow, image)
    difference = float(torch.linalg.vector_norm(by_gram - exact) / torch.linalg.vector_norm(exact))
    grams: list[float] = []
    nuffts: list[float] = []
    ratios: list[float] = []
    for _ in range(case.rounds):
        one, other = seconds(fast, kdata, case.iterations), seconds(slow, kdata, case.iterations)
        grams, nuffts = grams + one, nuffts + other
        ratios.append(statistics.median(other) / statistics.median(one))
    by_grams, by_nuffts = statistics.median(grams), statistics.median(nuffts)
    return {
        "im_size": case.size,
        "frames": case.frames,
        "coils": case.coils,
        "spokes": case.spokes,
        "gram, s": gram,
        "forward and adjoint, s": nufft,
        "gram iteration, s": by_grams,
        "NUFFT iteration, s": by_nuffts,
        "ratio": statistics.median(ratios),
        "kernels and first gram, s": preparation,
        "extrapolated by grams, s": preparation + NORM_GRAMS * gram + ITERATIONS * by_grams,
        "extrapolated by NUFFTs, s": NORM_GRAMS * nufft + ITERATIONS * by_nuffts,
        "relative difference": difference,
    }


def is_fast_and_right(row: Mapping[str, float]) -> bool:
    """Judge a case: both ways agree, and the gram is as much faster as promised where the film is not tiny."""
    return row["relative difference"] <= 1e-3 and (row["im_size"] < CASES[1].size or row["ratio"] >= GOAL)


def main(cases: tuple[Case, ...] = CASES) -> int:
    """Measure, save, and judge."""
    torch.set_num_threads(1)
    rows: list[dict[str, float]] = []
    passed = True
    for case in cases:
        rows.append(measure(case))
        passed = passed and is_fast_and_right(rows[-1])
        # After each case: the largest takes minutes, and what is measured is kept if it is cut short.
        save(
            "temporal",
            rows,
            dtype="complex64",
            readout_oversampling=2,
            extrapolated_iterations=ITERATIONS,
            goal=GOAL,
            passed=passed,
        )
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
