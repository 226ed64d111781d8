"""One run on the beating heart: read the scan, reconstruct it, judge it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from otrecon.lab.heart.classical import classical
from otrecon.lab.heart.networks import network
from otrecon.lab.heart.radial import radial_scan
from otrecon.lab.heart.rat import rat_scan
from otrecon.lab.heart.scan import Scan
from otrecon.lab.heart.settings import CLASSICAL, HeartSettings
from otrecon.metrics import psnr, ssim

__all__ = ["heart_window", "judge", "trial"]


def trial(config: HeartSettings, *, folder: Path, progress: bool) -> dict[str, Any]:
    """Run one setting.

    Returns
    -------
    dict
        ``psnr_observed``, ``psnr_missing`` in dB and ``ssim_observed``, ``ssim_missing``, and around the heart
        ``psnr_heart_observed`` and so on, None where there is no such frame; ``held_out_error``, None where nothing was
        held out; ``fit_seconds`` of the reconstruction, and ``prior_seconds`` that a prior took of them;
        ``weight_used``; of classical methods ``iterations``, ``converged``, ``error``, ``residuals``, ``objective``; of
        networks ``spatial_weight_used``, ``iterations``, ``best_step``, ``best_loss``; ``window``, top, bottom, left
        and right of the heart; of a file its ``size``, ``frames`` and ``coils``; and the tensors ``film`` and
        ``reference``, ``(t, y, x)``.
    """
    scan = rat_scan(config, folder) if config.data == "rat" else radial_scan(config, folder, progress=progress)
    begun = time.perf_counter()
    if config.method in CLASSICAL:
        film, facts = classical(config, scan, progress=progress)
    else:
        film, facts = network(config, scan, folder, progress=progress)
    spent = {"fit_seconds": round(time.perf_counter() - begun, 2), "prior_seconds": 0.0}
    window = heart_window(scan.reference, config.region)
    return {
        **(_of_file(scan) if config.data == "file" else {}),
        **judge(film.abs().cpu(), scan, window),
        "held_out_error": scan.predicted(film),
        **spent,
        **facts,
        "window": list(window),
        "film": film.abs(),
        "reference": scan.reference,
    }


def _of_file(scan: Scan) -> dict[str, int | None]:
    """Give what a report says in place of the settings of the phantom, which a file does not heed."""
    frames, _, size = scan.reference.shape
    return {"size": size, "frames": frames, "coils": len(scan.smaps), "spokes": None, "snr": None}


def heart_window(reference: Tensor, share: float) -> tuple[int, int, int, int]:
    """Top, bottom, left and right of the window in which a film varies most in time, ``share`` of the image's sides."""
    variance = reference.double().var(0)
    height, width = (max(7, round(share * n)) for n in variance.shape)
    sums = torch.zeros(variance.shape[0] + 1, variance.shape[1] + 1, dtype=torch.float64)
    sums[1:, 1:] = variance.cumsum(0).cumsum(1)
    inside = sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width] + sums[:-height, :-width]
    top, left = divmod(int(inside.argmax()), inside.shape[1])
    return top, top + height, left, left + width


def judge(film: Tensor, scan: Scan, window: tuple[int, int, int, int]) -> dict[str, float | None]:
    """PSNR and SSIM of moduli on observed and on missing frames, whole and within a window: means over frames."""
    top, bottom, left, right = window
    reference, peak = scan.reference.to(film), float(scan.reference.max())
    found: dict[str, float | None] = {}
    for place, rows, columns in (
        ("", slice(None), slice(None)),
        ("heart_", slice(top, bottom), slice(left, right)),
    ):
        for name, frames in (("observed", scan.observed), ("missing", scan.missing)):
            mine, theirs = film[frames][:, rows, columns], reference[frames][:, rows, columns]
            for metric, score in (("psnr", psnr), ("ssim", ssim)):
                value = round(float(score(mine, theirs, data_range=peak).mean()), 4) if frames else None
                found[f"{metric}_{place}{name}"] = value
    return found
