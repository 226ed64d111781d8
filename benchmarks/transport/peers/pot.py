"""POT: the convolutional debiased barycenter, both methods, and the dense solver.

Conversions. Its convolutional solver lays the image on [0, 1] with the ends included and uses the whole squared
distance: reg = 2 blur^2 / (n - 1)^2 for an image of n x n pixels. The dense solver takes any cost matrix: ours, with
reg = blur^2, and the entropy against the product of the marginals (reg_type "KL").
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.transport.peers.peer import Answer, CannotRunError, Peer, Setting, iterations, load
from benchmarks.transport.problems import Problem

__all__ = ["CONVOLUTIONAL", "CONVOLUTIONAL_LOG", "DENSE"]

DENSE_LIMIT = 5_000  # pixels; its cost matrix takes 200 MB, and the solver holds several of that size


def _dense(problem: Problem, setting: Setting) -> Callable[[], Answer]:
    ot = load("ot")
    size = int(np.prod(problem.shape))
    if size > DENSE_LIMIT:
        raise CannotRunError(f"one cost matrix of {size} x {size} pixels takes {8 * size**2 / 2**30:.0f} GiB")
    points = np.stack(np.meshgrid(*map(np.arange, problem.shape), indexing="ij"), -1).reshape(size, -1).astype(float)
    cost = ((points[:, None] - points[None]) ** 2).sum(-1) / 2
    a, b = (measure.ravel() for measure in problem.measures)
    # Without a number of iterations the library's own 1,000 and its own tolerance hold.
    limits = {"max_iter": setting["iterations"], "tol": 0.0} if "iterations" in setting else {}

    def value(p: np.ndarray, q: np.ndarray) -> float:
        return float(ot.solve(cost, p, q, reg=problem.blur**2, reg_type="KL", **limits).value)

    return lambda: value(a, b) - value(a, a) / 2 - value(b, b) / 2


def _convolutional(method: str) -> Callable[[Problem, Setting], Callable[[], Answer]]:
    def prepare(problem: Problem, setting: Setting) -> Callable[[], Answer]:
        ot = load("ot")
        if len(problem.shape) != 2:
            raise CannotRunError("for two-dimensional images only")
        n = problem.shape[0]
        if problem.shape != (n, n):
            raise CannotRunError("each axis is stretched to [0, 1]: the cost of a non-square image differs from ours")
        images = np.stack(problem.measures)
        reg = 2 * problem.blur**2 / (n - 1) ** 2
        limits = {"numItermax": setting["iterations"], "stopThr": 0.0, "warn": False} if "iterations" in setting else {}
        return lambda: ot.bregman.convolutional_barycenter2d_debiased(images, reg, method=method, **limits)

    return prepare


DENSE = Peer("POT, dense", _dense, (iterations(),))
CONVOLUTIONAL = Peer("POT, sinkhorn", _convolutional("sinkhorn"), (iterations(),))
CONVOLUTIONAL_LOG = Peer("POT, sinkhorn_log", _convolutional("sinkhorn_log"), (iterations(),))
