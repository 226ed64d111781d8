"""The multiscale listing of seed 000, appendix B, as re-implemented in the package: its blur is what it is."""

from __future__ import annotations

from collections.abc import Callable

import torch

from benchmarks.transport.peers.peer import Answer, CannotRunError, Peer, Setting
from benchmarks.transport.problems import Problem
from otrecon.ot.appendix_b import appendix_b_barycenter, appendix_b_blur

__all__ = ["BARYCENTER"]


def _barycenter(problem: Problem, setting: Setting) -> Callable[[], Answer]:
    if len(problem.shape) != 2:
        raise CannotRunError("for two-dimensional images only")
    fixed = appendix_b_blur(problem.shape[0])
    if abs(problem.blur / fixed - 1) > 0.02:
        raise CannotRunError(f"its blur is fixed at {fixed:.2f} px")
    measures = torch.stack([torch.from_numpy(measure) for measure in problem.measures])
    updates = int(setting.get("iterations", 20))
    return lambda: appendix_b_barycenter(measures, last_updates=updates).numpy()


BARYCENTER = Peer("appendix B", _barycenter, (tuple({"iterations": 20 * 2**k} for k in range(8)),))
