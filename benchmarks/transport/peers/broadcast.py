"""The obvious torch code: Sinkhorn in the log domain, one axis at a time, by a broadcast and ``torch.logsumexp``.

Its temperature falls from the size of the image to the blur, as ours does, so that what differs is the softmin itself:
a temporary of n^(d + 1) numbers for an image of n^d pixels, and an exponential for each of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from benchmarks.transport.peers.peer import Answer, CannotRunError, Peer, Setting
from benchmarks.transport.problems import Problem

__all__ = ["BARYCENTER", "DIVERGENCE", "log_kernel", "softmin"]

TEMPORARY_LIMIT = 2 * 10**8  # numbers; 1.6 GB


def softmin(logs: Tensor, blur: float) -> Tensor:
    """Logarithm of the Gaussian kernel applied to ``exp(logs)``, pixels for unit; every axis of ``logs`` is space."""
    for axis, n in enumerate(logs.shape):
        line = torch.arange(n, dtype=logs.dtype)
        kernel = log_kernel(line, blur).reshape(n, n, *[1] * (logs.ndim - 1))
        logs = torch.logsumexp(kernel + logs.movedim(axis, 0), dim=1).movedim(0, axis)
    return logs


def log_kernel(line: Tensor, blur: float) -> Tensor:
    return -((line[:, None] - line) ** 2) / (2 * blur**2)


def _schedule(problem: Problem, setting: Setting) -> list[float]:
    blurs, blur = [], sum(n**2 for n in problem.shape) ** 0.5
    while blur > problem.blur:
        blurs.append(blur)
        blur *= 0.7
    return blurs + [problem.blur] * int(setting["iterations"])


def _measures(problem: Problem) -> list[Tensor]:
    temporary = max(problem.shape) * torch.Size(problem.shape).numel()
    if temporary > TEMPORARY_LIMIT:
        raise CannotRunError(f"a temporary of {8 * temporary / 2**30:.1f} GiB a softmin")
    return [torch.from_numpy(measure) for measure in problem.measures]


def _divergence(problem: Problem, setting: Setting) -> Callable[[], Answer]:
    a, b = _measures(problem)
    blurs = _schedule(problem, setting)

    def solve() -> Answer:
        log_a, log_b = a.log(), b.log()
        f, g, f_own, g_own = (torch.zeros_like(a) for _ in range(4))
        for blur in blurs:
            eps = blur**2
            f = -eps * softmin(log_b + g / eps, blur)
            g = -eps * softmin(log_a + f / eps, blur)
            f_own = (f_own - eps * softmin(log_a + f_own / eps, blur)) / 2
            g_own = (g_own - eps * softmin(log_b + g_own / eps, blur)) / 2
        return float((a * (f - f_own)).sum() + (b * (g - g_own)).sum())

    return solve


def _barycenter(problem: Problem, setting: Setting) -> Callable[[], Answer]:
    measures: Sequence[Tensor] = _measures(problem)
    blurs = _schedule(problem, setting)

    def solve() -> Answer:
        logs = [measure.log() for measure in measures]
        # In units of eps: potentials must be rescaled where the temperature changes.
        potentials = [torch.zeros_like(log) for log in logs]
        correction = torch.zeros_like(logs[0])
        before = blurs[0]
        for blur in blurs:
            correction = correction * (before / blur) ** 2
            potentials = [potential * (before / blur) ** 2 for potential in potentials]
            spread = [softmin(log - softmin(v, blur), blur) for log, v in zip(logs, potentials, strict=True)]
            centre = correction + sum(spread) / len(spread)
            correction = (correction + centre - softmin(correction, blur)) / 2
            potentials = [centre - each for each in spread]
            before = blur
        return centre.exp().numpy()

    return solve


_FAMILY = tuple({"iterations": count} for count in (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256))
DIVERGENCE = Peer("broadcast", _divergence, (_FAMILY,), {"iterations": 20})
# The mass overflows for a few iterations after the temperature has fallen, then returns: fewer than 16 are no use.
BARYCENTER = Peer("broadcast", _barycenter, (_FAMILY[7:],), {"iterations": 32})
