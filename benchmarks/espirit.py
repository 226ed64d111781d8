"""ESPIRiT beside sigpy's: the same data, the same settings, in one run.

``python -m benchmarks.espirit`` compares time and maps at 8 coils: on a phantom of 128 x 128 whose maps are known, and
on the real brain of ``OTRECON_DATA`` where it is at hand. It fails where ours is less exact or slower.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.harness import Row, compare, save
from otrecon.mri import add_noise, espirit, poisson_disk, root_sum_of_squares
from otrecon.phantoms.coils import ring_coils
from otrecon.phantoms.ellipses import Ellipse, EllipsePhantom

SIDE, KERNEL, THRESHOLD, CROP = 24, 6, 0.02, 0.95
PHANTOM = EllipsePhantom((Ellipse(1.0, (0.0, 0.05), (0.8, 0.6), 0.1), Ellipse(-0.5, (0.0, 0.0), (0.7, 0.5))))
BRAIN = Path("brain-poisson") / "sigpy_cartesian_ksp.npy"


def methods(kdata: Tensor) -> dict[str, Callable[[], Any]]:
    import sigpy.mri as mr

    array = kdata.numpy()
    return {
        "otrecon": lambda: espirit(kdata, calibration=SIDE, kernel=KERNEL, threshold=THRESHOLD, crop=CROP),
        "sigpy": lambda: mr.app.EspiritCalib(
            array, calib_width=SIDE, kernel_width=KERNEL, thresh=THRESHOLD, crop=CROP, show_pbar=False
        ).run(),
    }


def cosine(first: Tensor, second: Tensor) -> Tensor:
    """Cosine between two sets of maps where both are not 0."""
    norms = root_sum_of_squares(first) * root_sum_of_squares(second)
    return ((first.conj() * second).sum(0).abs() / norms)[norms > 0]


def measure(kdata: Tensor, label: str) -> tuple[list[Row], dict[str, Tensor]]:
    """Time both on the same data; returns the rows and the maps of each."""
    calls = methods(kdata)
    rows = [replace(row, name=f"{row.name}, {label}") for row in compare(calls, repeats=5)]
    return rows, {name: torch.as_tensor(np.asarray(call())) for name, call in calls.items()}


def main() -> int:
    coils, im_size = ring_coils(8), (128, 128)
    generator = torch.Generator().manual_seed(0)
    mask = poisson_disk(im_size, 5, generator=generator, calibration=SIDE).mask
    kdata = add_noise(PHANTOM.cartesian_kspace(im_size, coils=coils), snr=50, generator=generator, mask=mask)
    rows, maps = measure(kdata, "phantom")
    truth = coils.maps(im_size) * (PHANTOM.image(im_size) > 0.49)
    worst = {name: float(cosine(found, truth).min()) for name, found in maps.items()}
    facts: dict[str, Any] = {f"worst_cosine_with_truth_{name}": value for name, value in worst.items()}
    facts["worst_cosine_between_on_phantom"] = float(cosine(maps["otrecon"], maps["sigpy"]).min())
    passed = worst["otrecon"] >= max(0.999, worst["sigpy"] - 1e-4) and rows[1].ratio >= 1

    folder = os.environ.get("OTRECON_DATA")
    if folder is not None and (Path(folder) / BRAIN).exists():
        brain = torch.from_numpy(np.load(Path(folder) / BRAIN))
        brain_rows, maps = measure(brain, "brain")
        rows += brain_rows
        facts["worst_cosine_between_on_brain"] = float(cosine(maps["otrecon"], maps["sigpy"]).min())
        facts["brain"] = list(brain.shape)
        passed = passed and brain_rows[1].ratio >= 1
    else:
        print("The real brain is skipped: OTRECON_DATA does not name a folder that holds it.")
    save("espirit", rows, phantom=[8, *im_size], snr=50, calibration=SIDE, kernel=KERNEL, passed=passed, **facts)
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
