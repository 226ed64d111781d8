"""What is varied on the beating heart."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from otrecon.checks import check_count, check_positive
from otrecon.dynamic.checks import check_one_of
from otrecon.lab.experiments import Plan
from otrecon.lab.late import check_recipe

__all__ = [
    "BETWEEN",
    "CLASSICAL",
    "METHODS",
    "NETWORKS",
    "PLANS",
    "RAT_PLANS",
    "SAMPLINGS",
    "HeartSettings",
]

CLASSICAL = (
    "all spokes",
    "gridding",
    "iGRASP",
    "temporal TV",
    "low rank plus sparse",
    "linear in time",
    "barycenter in time",
    "edges in time",
)
BETWEEN = ("linear in time", "barycenter in time", "edges in time")
NETWORKS = (
    "k-space",
    "k-space + barycenter",
    "image",
    "image + barycenter",
    "image + targets",
    "image + edges",
    "image + edges + TV",
)
METHODS = (*CLASSICAL, *NETWORKS)
SAMPLINGS = ("every frame", "every second frame")
DATA = ("phantom", "file", "rat")


@dataclass(frozen=True)
class HeartSettings:
    """One run.

    Attributes
    ----------
    method
        ``"all spokes"``: least squares of what was never left out, the most that any method can hope for;
        ``"gridding"``; ``"iGRASP"``: smoothed temporal total variation by three runs of eight nonlinear conjugate
        gradients, as published; ``"temporal TV"``: the same penalty, not smoothed, to convergence; ``"low rank plus
        sparse"``; ``"linear in time"``, ``"barycenter in time"`` and ``"edges in time"``: what lies between the frames
        that temporal TV makes of those with data. Then the networks, alone, with the seed's prior, and with ours:
        ``"targets"`` of moved mass, and ``"edges"``, of pictures warped as their edges move, also with ``"TV"``, total
        variation within each frame.
    sampling
        ``"every frame"``: each has every `acceleration`-th spoke, one further than the frame before (row 000-S3).
        ``"every second frame"``: of these, frames 1, 3, ... are left out (row 000-S4).
    data
        ``"phantom"``: exact k-space of a phantom, seen by coils, with noise, written and read as a file of the Harvard
        collection. ``"rat"``: a rat's heart, whose k-space is made of the magnitude images that it is compared with (a
        data crime: no noise, no phase, one coil), on Cartesian lines, denser towards the centre. Its resolution is that
        of `size` pixels. ``"file"``, set by itself, where `file` names one.
    file
        A file of the Harvard collection, or laid out like one, instead of the phantom. It is compared with what all
        its spokes show. Its contents are what counts: under the same name another file is another run.
    seed
        Of noise, of what is held out, of first weights, and of random triplets.
    weight
        Of the penalty, each in the unit of its method; of low rank plus sparse, that of its sparse part. None: see
        `choices`.
    low_rank_weight
        Of its other part. None: see `choices`.
    spatial_weight
        Of total variation within frames, where a method has it. None: see `choices`.
    held_out
        Share of the spokes of each frame that are kept from the reconstruction and then predicted, at least one: what
        chooses weights without the truth, for every method alike. 0: none.
    begin
        Share of the steps after which a prior sets in. None: see `choices`.
    refresh
        How often our own makes its targets.
    reach
        Of our own, and of what lies between frames in time, in pixels; None: all mass travels, and edges have theirs.
    batch
        Frames with data that a step looks at, until a prior that needs all sets in; others may come along. None: all.
    steps, lr, width, hidden_layers
        Of the networks and their fit. A network of k-space takes `choices.KSPACE_STEPS` times the steps.
    omega_0, time_end
        First frequency of the network and how long the film lasts in its own time, at most 1. None: what held-out
        samples chose.
    combination
        How coil images of a k-space network become one: ``"maps"`` or ``"sum of squares"``, the seed's, which has no
        phase and so predicts no spokes.
    tolerance, max_iterations
        Of temporal TV and of low rank plus sparse.
    acceleration
        A frame has one of so many successive spokes, 1: all of them; for the rat, of so many lines, denser towards the
        centre, at least 2.
    size, frames, spokes, coils, snr
        Of the phantom: pixels a side, frames of one beat, spokes of a full frame, coils, and the peak of the image over
        the noise of a sample. A file has its own; where it has more coils than these they are compressed.
    region
        Side of the window around the heart relative to that of the image: the one where the reference varies most.
    device
        Where it runs.
    """

    method: str = "image + targets"
    sampling: str = "every second frame"
    data: str = "phantom"
    file: str | None = None
    seed: int = 0
    weight: float | None = None
    low_rank_weight: float | None = None
    spatial_weight: float | None = None
    held_out: float = 0.0
    begin: float | None = None
    refresh: int = 5
    reach: float | None = None
    batch: int | None = None
    steps: int = 600
    lr: float = 2e-3
    width: int = 64
    hidden_layers: int = 2
    omega_0: float | None = None
    time_end: float | None = None
    combination: str = "maps"
    tolerance: float = 1e-3
    max_iterations: int = 300
    acceleration: int = 5
    size: int = 48
    frames: int = 9
    spokes: int = 45
    coils: int = 4
    snr: float = 40.0
    region: float = 0.4
    device: str = "cpu"

    def __post_init__(self) -> None:
        check_one_of("method", self.method, METHODS)
        check_one_of("sampling", self.sampling, SAMPLINGS)
        check_one_of("data", self.data, DATA)
        check_one_of("combination", self.combination, ("maps", "sum of squares"))
        if self.file is not None and not isinstance(self.file, str):
            raise TypeError(f"file must be the name of one, such as 'my.mat', got {type(self.file).__name__}.")
        if self.file is not None and self.data == "rat":
            raise ValueError(f"file takes the place of the phantom: leave out data={self.data!r}.")
        if self.file is None and self.data == "file":
            raise ValueError("data='file' wants the name of one: say file=, such as 'my.mat'.")
        if self.file is not None:
            object.__setattr__(self, "data", "file")
        check_recipe(self)
        for name, least in {"coils": 1, "max_iterations": 1, "size": 16, "frames": 3}.items():
            check_count(name, getattr(self, name), least)
        check_count("acceleration", self.acceleration, 2 if self.data == "rat" else 1)
        # A file has its own, and is asked when it is read.
        check_count("spokes", self.spokes, 2 * self.acceleration if self.data == "phantom" else 1)
        for name in ("tolerance", "snr", "region"):
            check_positive(name, getattr(self, name))
        for name in ("omega_0", "time_end", "reach"):
            if getattr(self, name) is not None:
                check_positive(name, getattr(self, name))
        for name in ("weight", "low_rank_weight", "spatial_weight"):
            value = getattr(self, name)
            if value is not None and not value >= 0:
                raise ValueError(f"{name} must be at least 0, got {value}.")
        if self.time_end is not None and self.time_end > 1:
            raise ValueError(f"time_end must be at most 1, got {self.time_end}.")
        if not self.region <= 1:
            raise ValueError(f"region must be a share of the side of the image, at most 1, got {self.region}.")

    def identity(self) -> dict[str, Any]:
        """Say what names the run: all settings, and in place of the name of a file a hash of its contents."""
        path = None if self.file is None else Path(self.file).expanduser()
        if path is None or not path.is_file():
            return asdict(self)
        facts = path.stat()
        return {**asdict(self), "file": _contents(path.resolve(), facts.st_mtime_ns, facts.st_size)}


@functools.lru_cache(maxsize=16)
def _contents(path: Path, *_: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


_OVER = {"sampling": SAMPLINGS, "method": METHODS}

PLANS: Mapping[str, Plan] = {
    "smoke": Plan(
        HeartSettings(steps=6, width=8, size=24, frames=5, spokes=20, coils=2, max_iterations=10),
        {**_OVER, "seed": (0,)},
    ),
    # Few steps, so few targets: made more often they take a third of the time of the fit, and change nothing.
    "cpu": Plan(HeartSettings(batch=2, steps=300, refresh=2), {**_OVER, "seed": (0,)}),
    # Network, steps and late start of the seed; frames by twos, as all 25 of them do not fit a step.
    "paper": Plan(
        HeartSettings(
            steps=10_000,
            lr=1e-3,
            width=256,
            hidden_layers=3,
            batch=2,
            size=208,
            frames=25,
            spokes=196,
            coils=16,
            tolerance=1e-4,
        ),
        {**_OVER, "seed": (0,)},
    ),
}
"""All methods at the three scales."""

RAT_PLANS: Mapping[str, Plan] = {
    "smoke": Plan(
        HeartSettings(data="rat", acceleration=4, size=24, steps=6, width=8, max_iterations=10, reach=4.0, region=0.3),
        {"method": METHODS[1:], "seed": (0,)},
    ),
    "cpu": Plan(
        # With one frame with data a step a fit loses more than moved edges gain.
        HeartSettings(data="rat", acceleration=4, size=96, steps=800, batch=2, reach=4.0, region=0.21),
        {"method": METHODS[1:], "seed": (0, 1)},
    ),
    "paper": Plan(
        HeartSettings(
            data="rat",
            acceleration=4,
            size=192,
            steps=10_000,
            lr=1e-3,
            width=256,
            hidden_layers=3,
            batch=2,
            reach=8.0,
            region=0.21,
        ),
        {"method": METHODS[1:], "seed": (0, 1, 2, 3, 4)},
    ),
}
"""All methods on every second frame of a rat's heart, in the window of 41 of its 192 pixels where it varies most."""
