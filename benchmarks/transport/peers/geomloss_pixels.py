"""GeomLoss: ``SamplesLoss`` on the pixels as a cloud of points, and the barycenter of images that its name promises.

Conversions. With p = 2 its cost is half the squared distance and its epsilon is blur^2: both as ours.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from benchmarks.transport.peers.peer import Answer, CannotRunError, Peer, Setting, load
from benchmarks.transport.problems import Problem

__all__ = ["BARYCENTER", "DIVERGENCE"]

TENSOR_LIMIT = 5_000  # points; above it the library turns to KeOps, which compiles C++ on the user's machine


def _divergence(problem: Problem, setting: Setting) -> Callable[[], Answer]:
    geomloss = load("geomloss")
    size = int(np.prod(problem.shape))
    if size > TENSOR_LIMIT:
        raise CannotRunError(f"{size} points: above {TENSOR_LIMIT} it needs KeOps, which compiles C++")
    axes = [torch.arange(n, dtype=torch.float64) for n in problem.shape]
    points = torch.cartesian_prod(*axes)
    loss = geomloss.SamplesLoss("sinkhorn", p=2, blur=problem.blur, **setting)
    a, b = (torch.from_numpy(measure.ravel()) for measure in problem.measures)
    return lambda: float(loss(a, points, b, points))


def _barycenter(problem: Problem, setting: Setting) -> Callable[[], Answer]:
    geomloss = load("geomloss")
    if len(problem.shape) != 2:
        raise CannotRunError("for two-dimensional images only")
    images = torch.from_numpy(np.stack(problem.measures))[None]
    weights = torch.full((1, 2), 0.5, dtype=torch.float64)
    blur = problem.blur / problem.shape[0]  # its image has side 1

    def solve() -> Answer:
        try:
            return geomloss.ImagesBarycenter(images, weights, blur=blur, **setting)[0, 0].numpy()
        except ImportError as error:
            raise CannotRunError(f"needs KeOps, which compiles C++: {error}") from error

    return solve


_SCALINGS = tuple({"scaling": scaling} for scaling in (0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995))
DIVERGENCE = Peer("GeomLoss, pixels", _divergence, (_SCALINGS,))
BARYCENTER = Peer("GeomLoss, images", _barycenter, (({},),))
