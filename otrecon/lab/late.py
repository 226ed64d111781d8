"""Priors that set in late: the learning rate that goes with them, and the seconds that they take."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from torch import nn

from otrecon.inr import cosine

__all__ = ["Clock", "restarted"]


def restarted(start: float) -> Callable[[float], float]:
    """Learning rate that falls along half a cosine until ``start``, a share of the steps, and again from then on.

    A rate that has come down to nothing would leave a late prior without effect.
    """
    return lambda done: cosine(done / start if done < start else (done - start) / (1 - start))


class Clock:
    """Seconds that a prior takes: forward, and making its targets; its way back is a few products."""

    def __init__(self, prior: nn.Module | None) -> None:
        self.seconds = 0.0
        for name in ("forward", "prepare"):
            if hasattr(prior, name):
                setattr(prior, name, self._timed(getattr(prior, name)))

    def _timed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any) -> Any:
            begun = time.perf_counter()
            result = function(*arguments)
            self.seconds += time.perf_counter() - begun
            return result

        return timed
