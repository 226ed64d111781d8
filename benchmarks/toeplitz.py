"""Toeplitz gram of the radial operator against its adjoint after its forward: as exact, several times faster."""

from __future__ import annotations

import sys

import torch

from benchmarks.harness import compare, save
from otrecon.mri import RadialMRI, radial_trajectory

SIZE, SPOKES, COILS = 256, 64, 8


def main() -> int:
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    smaps = torch.randn(COILS, SIZE, SIZE, dtype=torch.complex64, generator=generator) / COILS**0.5
    image = torch.randn(SIZE, SIZE, dtype=torch.complex64, generator=generator)
    operator = RadialMRI(radial_trajectory(SPOKES, SIZE, oversampling=2), (SIZE, SIZE), smaps)

    exact = operator.adjoint(operator(image))
    difference = float(torch.linalg.vector_norm(operator.gram(image) - exact) / torch.linalg.vector_norm(exact))
    rows = compare(
        {
            "Toeplitz gram": lambda: operator.gram(image),
            "adjoint(forward)": lambda: operator.adjoint(operator(image)),
            "forward": lambda: operator(image),
        },
        repeats=15,
    )
    speedup = rows[1].ratio
    passed = difference <= 1e-3 and speedup >= 4
    save(
        "toeplitz",
        rows,
        im_size=[SIZE, SIZE],
        spokes=SPOKES,
        samples_per_spoke=2 * SIZE,
        coils=COILS,
        dtype="complex64",
        relative_difference=difference,
        speedup=speedup,
        passed=passed,
    )
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
