"""An experiment that other processes can import: it counts its steps on disk, and dies where it is told to."""

import json
import os
import signal
from dataclasses import dataclass
from pathlib import Path

import torch

from otrecon.lab.experiments import Experiment, Plan


@dataclass(frozen=True)
class Settings:
    seed: int = 0
    size: int = 3
    word: str = "a"
    dies: str = ""
    """File that says that it has died; seed 2 dies once, in the middle."""


def function(config, *, folder, progress):
    """Ten steps of a random walk; the state after each is on disk, and so is a line for each step that was taken."""
    state = folder / "state.json"
    start, value = json.loads(state.read_text()) if state.exists() else (0, 0.0)
    for step in range(start, 10):
        if config.word == "stop" and step == 4 and not (folder / "stopped").exists():
            (folder / "stopped").touch()
            raise KeyboardInterrupt
        if config.word == "fail":
            raise FloatingPointError("the loss is nan")
        if config.dies and config.seed == 2 and step == 5 and not Path(config.dies).exists():
            Path(config.dies).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        generator = torch.Generator().manual_seed(1000 * config.seed + step)
        value += float(torch.rand(config.size, generator=generator).sum())
        state.write_text(json.dumps([step + 1, value]))
        with (folder.parent / f"steps-{config.seed}").open("a") as log:
            log.write(f"{step}\n")
    if progress:
        print("progress")  # noqa: T201
    return {
        "value": value,
        "first": (1, 2),
        "walk": torch.full((config.size,), value),
        "threads": torch.get_num_threads(),
    }


def film(config, *, folder, progress):
    """A film of seed + 1 everywhere, compared with one of 4; seed 2 has nothing to compare, seed 3 no film."""
    if config.word == "fail":
        raise FloatingPointError("the loss is nan")
    made = {
        "film": torch.full((config.size, 6, 5), config.seed + 1.0),
        "reference": torch.full((config.size, 6, 5), 4.0),
    }
    return {name: made[name] for name in list(made)[: (2, 2, 1, 0)[config.seed]]}


TOY = Experiment(
    "toy",
    "A toy",
    function,
    {scale: Plan(Settings(), {"seed": (0, 1, 2, 3)}) for scale in ("smoke", "cpu", "paper")},
)

FILMS = Experiment(
    "films",
    "Toy films",
    film,
    {
        scale: Plan(Settings(size=size), TOY.plans[scale].over)
        for scale, size in (("smoke", 3), ("cpu", 4), ("paper", 5))
    },
)
