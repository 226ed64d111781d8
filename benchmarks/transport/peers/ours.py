"""otrecon: as the others, at the cheapest of its settings that solves the problem; by default its tolerance is 1e-6."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from benchmarks.transport.peers.peer import Answer, Peer, Setting
from benchmarks.transport.problems import Problem

__all__ = ["BARYCENTER", "DIVERGENCE"]


def _divergence(problem: Problem, setting: Setting) -> Callable[[], Answer]:
    from otrecon.ot import Grid, sinkhorn_divergence

    a, b = (torch.from_numpy(measure) for measure in problem.measures)
    grid = Grid(problem.shape)
    tolerance: dict[str, Any] = {"tol": setting["tol"]} if "tol" in setting else {}
    return lambda: float(sinkhorn_divergence(a, b, grid, blur=problem.blur, **tolerance).value)


def _barycenter(problem: Problem, setting: Setting) -> Callable[[], Answer]:
    from otrecon.ot import Grid, barycenter

    measures = torch.stack([torch.from_numpy(measure) for measure in problem.measures])
    grid = Grid(problem.shape)
    tolerance: dict[str, Any] = {"tol": setting["tol"]} if "tol" in setting else {}
    return lambda: barycenter(measures, grid, blur=problem.blur, **tolerance).measure.numpy()


_FAMILY: tuple[Setting, ...] = (*({"tol": tol} for tol in (1e-2, 1e-3, 1e-4, 1e-5)), {})
DIVERGENCE = Peer("otrecon", _divergence, (_FAMILY,))
BARYCENTER = Peer("otrecon", _barycenter, (_FAMILY,))
