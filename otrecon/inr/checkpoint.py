"""A fit on disk: everything that the next step depends on, written whole or not at all."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

__all__ = ["Checkpoint"]

FORMAT = 1


class _Draw(Protocol):
    left: Tensor
    generator: torch.Generator


class _Best(Protocol):
    step: int
    loss: float
    recent: list[float]
    weights: dict[str, Tensor]


class Checkpoint:
    """State of a fit, in one file.

    Parameters
    ----------
    path
        The file.
    network, optimiser, draw, best, history
        What is saved, and what `load` restores in place.
    """

    def __init__(
        self,
        path: Path,
        network: nn.Module,
        optimiser: torch.optim.Optimizer,
        draw: _Draw | None,
        best: _Best,
        history: list[float],
    ) -> None:
        self.path = path
        self.network, self.optimiser, self.draw, self.best, self.history = network, optimiser, draw, best, history

    def save(self) -> None:
        """Write beside the file, then put the new one in its place: a full disk or a power cut loses nothing."""
        state = {
            "format": FORMAT,
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "best": {name: getattr(self.best, name) for name in ("step", "loss", "recent", "weights")},
            "history": torch.tensor(self.history, dtype=torch.float64),
            "draw": None
            if self.draw is None
            else {"left": self.draw.left, "generator": self.draw.generator.get_state()},
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        beside = self.path.with_name(self.path.name + ".new")
        try:
            torch.save(state, beside)
            beside.replace(self.path)
        except (OSError, RuntimeError) as error:
            beside.unlink(missing_ok=True)
            raise OSError(
                f"the checkpoint {self.path} could not be written ({error}); the one before it, if any, is untouched: "
                "make room or give another path."
            ) from error

    def load(self) -> None:
        """Restore what is in the file; do nothing where there is none."""
        if not self.path.exists():
            return
        try:
            state: dict[str, Any] = torch.load(self.path, weights_only=True)
            assert state["format"] == FORMAT  # noqa: S101
            history, best, draw = state["history"].tolist(), state["best"], state["draw"]
        except (OSError, RuntimeError, EOFError, KeyError, AssertionError, TypeError, pickle.UnpicklingError) as error:
            raise ValueError(
                f"{self.path} is no checkpoint of a fit, or it is damaged ({type(error).__name__}): move it away to "
                "start afresh."
            ) from error
        ours = {name: value.shape for name, value in self.network.state_dict().items()}
        theirs = {name: value.shape for name, value in state["network"].items()}
        if ours != theirs or (draw is None) != (self.draw is None):
            raise ValueError(
                f"{self.path} belongs to another network, or was fitted with other mini-batches: give another path, or "
                "move it away to start afresh."
            )
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        for name, value in best.items():
            setattr(self.best, name, value)
        if self.draw is not None:
            self.draw.left = draw["left"]
            self.draw.generator.set_state(draw["generator"])
        self.history[:] = history
