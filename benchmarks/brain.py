"""Four reconstructions of a real brain slice against its fully sampled reference, beside sigpy's.

``python -m benchmarks.brain`` needs the slice with a reference in ``OTRECON_DATA`` (8 coils, 12.66 % of k-space, maps
from its own centre of 20 x 20). The error is that of the magnitude inside the head, where the reference exceeds 5 % of
its maximum, after the best common factor: the reference was combined with other maps, of another phase and scale. Each
method runs at every weight of a small sweep. It fails unless the best halves the error of the zero-filled image.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.harness import save
from otrecon.data.cfl import load_cfl
from otrecon.metrics import nrmse
from otrecon.mri import CartesianMRI, cg_sense, espirit, l1_wavelet, total_variation, zero_filled

SWEEPS = {
    "CG-SENSE": (0.01, 0.02, 0.05),
    "L1-wavelet": (1e-4, 2e-4, 4e-4),
    "total variation": (7e-4, 1.5e-3, 3e-3),
    "sigpy SenseRecon": (0.01, 0.02, 0.05),
    "sigpy L1WaveletRecon": (0.004, 0.008, 0.016, 0.032),
    "sigpy TotalVariationRecon": (0.002, 0.004, 0.008, 0.016),
}


def load(folder: Path) -> tuple[Tensor, Tensor]:
    """k-space ``(coil, y, x)`` and the reference magnitude ``(y, x)``, each divided by its maximum."""
    kdata = load_cfl(folder / "ksp", squeeze=True).data
    reference = load_cfl(folder / "img", squeeze=True).data[0].abs()
    return kdata / kdata.abs().max(), reference / reference.max()


def error(image: Tensor, reference: Tensor) -> float:
    """Error of the magnitude in the head, after the factor that makes it least."""
    head, magnitude = reference > 0.05, image.abs()
    factor = (magnitude * reference)[head].sum() / magnitude[head].square().sum()
    return float(nrmse(factor * magnitude, reference, mask=head))


def ours(operator: CartesianMRI, kdata: Tensor) -> dict[str, Callable[[float], Any]]:
    return {
        "zero-filled": lambda _: zero_filled(operator, kdata),
        "CG-SENSE": lambda w: cg_sense(operator, kdata, regularisation=w),
        "L1-wavelet": lambda w: l1_wavelet(operator, kdata, weight=w),
        "total variation": lambda w: total_variation(operator, kdata, weight=w),
    }


def peers(kdata: Tensor, smaps: Tensor) -> dict[str, Callable[[float], Any]]:
    """Run sigpy with its own numbers of iterations; its weights are absolute: data are scaled to an image near 1."""
    import sigpy.mri as mr

    scale = float((smaps.conj() * torch.fft.ifft2(kdata, norm="ortho")).sum(0).abs().max())
    y, maps = (kdata / scale).numpy(), smaps.numpy()
    # Without the samples' weights sigpy takes measured zeros for data; with them it agrees with a mask.
    settings = {"weights": (abs(y) > 0).any(0).astype("float32"), "show_pbar": False}
    return {
        "sigpy SenseRecon": lambda w: mr.app.SenseRecon(y, maps, lamda=w, **settings).run(),
        "sigpy L1WaveletRecon": lambda w: mr.app.L1WaveletRecon(y, maps, lamda=w, **settings).run(),
        "sigpy TotalVariationRecon": lambda w: mr.app.TotalVariationRecon(y, maps, lamda=w, **settings).run(),
    }


def main() -> int:
    folder = Path(os.environ.get("OTRECON_DATA", "")) / "brain-poisson"
    if not (folder / "img.cfl").exists():
        print("Skipped: OTRECON_DATA does not name a folder that holds brain-poisson/img.cfl and ksp.cfl.")
        return 0
    kdata, reference = load(folder)
    mask = (kdata != 0).any(0)
    smaps = espirit(kdata, calibration=20)
    operator = CartesianMRI(mask, smaps)
    rows: list[dict[str, object]] = []
    best: dict[str, float] = {}
    for name, method in {**ours(operator, kdata), **peers(kdata, smaps)}.items():
        for weight in SWEEPS.get(name, (0.0,)):
            start = time.perf_counter()
            result = method(weight)
            seconds = time.perf_counter() - start
            image = torch.as_tensor(getattr(result, "image", result))
            found = error(image, reference)
            rows.append(
                {
                    "method": name,
                    "weight": weight,
                    "nrmse": found,
                    "seconds": seconds,
                    "iterations": getattr(result, "iterations", ""),
                    "converged": getattr(result, "converged", ""),
                }
            )
            best[name] = min(found, best.get(name, found))
    ratio = min(best[name] for name in ours(operator, kdata)) / best["zero-filled"]
    save("brain", rows, size=list(kdata.shape), sampled=float(mask.float().mean()), best_to_zero_filled=ratio)
    return 0 if ratio <= 0.5 else 1


if __name__ == "__main__":
    sys.exit(main())
