"""An iteration of temporal total variation on radial films: Toeplitz grams against forward and adjoint NUFFTs.

``python -m benchmarks.temporal`` measures three sizes, up to that of seed 000 (208x208, 25 frames, 16 coils, 39 spokes
a frame). The two ways take turns; both run the same lines of :func:`otrecon.mri.temporal_tv` on the same data, density-
weighted, and differ in ``toeplitz`` alone. An iteration is timed from one callback to the next. It fails unless the
gram makes the iteration 5 times faster at the two larger sizes.
"""

from __future__ import annotations

import statistics
import sys
import time
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from benchmarks.harness import save
from otrecon.mri import RadialFilm, radial_trajectory, temporal_tv
from otrecon.mri.density import radial_density

GOAL = 5.0


@dataclass(frozen=True)
class Case:
    """Size of a film and of its acquisition; the readout is oversampled twice."""

    size: int
    frames: int
    coils: int
    spokes: int


CASES = (Case(64, 8, 4, 39), Case(104, 12, 8, 39), Case(208, 25, 16, 39))


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


def seconds(operator: torch.nn.Module, kdata: Tensor, iterations: int) -> list[float]:
    """Time each iteration but the first."""
    times: list[float] = []
    temporal_tv(
        operator,  # type: ignore[arg-type]
        kdata,
        weight=0.01,
        tolerance=0,
        max_iterations=iterations + 1,
        callback=lambda *_: times.append(time.perf_counter()),
    )
    return [after - before for before, after in pairwise(times)]


def measure(case: Case, *, rounds: int = 3, iterations: int = 3) -> dict[str, object]:
    """Compare the two ways on one case: medians over all iterations, and of the ratio round by round."""
    fast, slow = (film(case, toeplitz=toeplitz).density_weighted() for toeplitz in (True, False))
    generator = torch.Generator().manual_seed(1)
    kdata = torch.randn(fast.range, dtype=torch.complex64, generator=generator)
    image = torch.randn(fast.domain, dtype=torch.complex64, generator=generator)
    start = time.perf_counter()
    by_gram = fast.gram(image)
    preparation = time.perf_counter() - start
    exact = slow.gram(image)
    difference = float(torch.linalg.vector_norm(by_gram - exact) / torch.linalg.vector_norm(exact))
    grams: list[float] = []
    nuffts: list[float] = []
    ratios: list[float] = []
    for _ in range(rounds):
        one, other = seconds(fast, kdata, iterations), seconds(slow, kdata, iterations)
        grams, nuffts = grams + one, nuffts + other
        ratios.append(statistics.median(other) / statistics.median(one))
    return {
        "im_size": case.size,
        "frames": case.frames,
        "coils": case.coils,
        "spokes": case.spokes,
        "gram iteration, s": statistics.median(grams),
        "NUFFT iteration, s": statistics.median(nuffts),
        "ratio": statistics.median(ratios),
        "kernels and first gram, s": preparation,
        "relative difference": difference,
    }


def main(cases: tuple[Case, ...] = CASES) -> int:
    """Measure, save, and judge."""
    torch.set_num_threads(1)
    rows = []
    for case in cases:
        large = case.size > 150
        rows.append(measure(case, rounds=1 if large else 3, iterations=2 if large else 3))
        print(rows[-1], flush=True)
        judged = [float(str(row["ratio"])) for row in rows if int(str(row["im_size"])) >= 104]
        passed = all(ratio >= GOAL for ratio in judged) and all(
            float(str(row["relative difference"])) <= 1e-3 for row in rows
        )
        # After each case: the largest takes minutes, and what is measured is kept if it is cut short.
        save("temporal", rows, dtype="complex64", readout_oversampling=2, goal=GOAL, passed=passed)
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
