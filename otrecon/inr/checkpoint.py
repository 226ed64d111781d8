"""A fit on disk: everything that the next step depends on, written whole or not at all."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from otrecon.whole_files import write_whole

__all__ = ["Checkpoint", "steps_done"]

FORMAT = 1
KEYS = {"format", "settings", "network", "optimiser", "generator", "left", "best", "history"}
BEST = ("step", "loss", "recent", "weights")


class _Draw(Protocol):
    left: Tensor


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
    settings
        What makes it this run and no other: numbers, texts and lists, compared when the file is read.
    network, optimiser, generator, draw, best, history
        What is saved, and what `load` restores in place.
    """

    def __init__(
        self,
        path: Path,
        settings: dict[str, Any],
        network: nn.Module,
        optimiser: torch.optim.Optimizer,
        generator: torch.Generator | None,
        draw: _Draw | None,
        best: _Best,
        history: list[float],
    ) -> None:
        self.path, self.settings = path, settings
        self.network, self.optimiser, self.generator = network, optimiser, generator
        self.draw, self.best, self.history = draw, best, history

    def save(self) -> None:
        """Write the file, whole or not at all."""
        state = {
            "format": FORMAT,
            "settings": self.settings,
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "generator": None if self.generator is None else self.generator.get_state(),
            "left": None if self.draw is None else self.draw.left.clone(),
            "best": {name: getattr(self.best, name) for name in BEST},
            "history": torch.tensor(self.history, dtype=torch.float64),
        }
        try:
            write_whole(self.path, lambda file: torch.save(state, file))
        except (OSError, RuntimeError) as error:
            raise OSError(
                f"the checkpoint {self.path} could not be written ({error}); the one before it, if any, is untouched: "
                "make room or give another path."
            ) from error

    def load(self) -> None:
        """Restore what is in the file; do nothing where there is none."""
        if not self.path.exists():
            return
        if self.path.is_dir():
            raise IsADirectoryError(f"{self.path} is a folder: give the path of a file.")
        state = _read(self.path)
        other = [name for name, value in self.settings.items() if state["settings"].get(name) != value]
        if other:
            raise ValueError(
                f"{self.path} belongs to another run, which had another {', another '.join(other)}: give another path, "
                "or move it away to start afresh. (A longer run is another one: the rate follows a plan for all steps.)"
            )
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        for name in BEST:
            setattr(self.best, name, state["best"][name])
        if self.generator is not None and state["generator"] is not None:
            self.generator.set_state(state["generator"])
            if self.draw is not None:
                self.draw.left = state["left"].to(self.generator.device)
        self.history[:] = state["history"].tolist()


def steps_done(path: Path) -> int:
    """Count the steps that the fit in a checkpoint has taken; 0 where there is none. Errors are those of `load`."""
    return len(_read(path)["history"]) if path.exists() else 0


def _read(path: Path) -> dict[str, Any]:
    damaged = f"{path} is no checkpoint of a fit, or it is damaged: move it away to start afresh."
    try:
        state = torch.load(path, weights_only=True, map_location="cpu")
    except (OSError, RuntimeError, EOFError, ValueError, TypeError, KeyError, pickle.UnpicklingError) as error:
        raise ValueError(damaged) from error
    if not isinstance(state, dict) or state.keys() != KEYS or state["format"] != FORMAT:
        raise ValueError(damaged)
    return state
