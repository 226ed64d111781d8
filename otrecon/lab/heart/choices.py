"""What held-out samples chose for each method: used where the settings do not say otherwise."""

from __future__ import annotations

from otrecon.lab.heart.settings import BETWEEN, HeartSettings

__all__ = [
    "KSPACE_STEPS",
    "OMEGA_0",
    "low_rank_weight_of",
    "onset_share",
    "spatial_weight_of",
    "time_end",
    "weight_of",
]

_WEIGHTS = {
    "iGRASP": {"every frame": 0.01, "every second frame": 0.06},
    "temporal TV": {"every frame": 0.06, "every second frame": 0.06},
    "low rank plus sparse": {"every frame": 0.01, "every second frame": 0.01},
    "k-space + barycenter": {"every frame": 1.0, "every second frame": 100.0},
    "image + barycenter": {"every frame": 1.0, "every second frame": 1.0},
    "image + targets": {"every frame": 0.003, "every second frame": 1.0},
    "image + edges": {"every frame": 0.03, "every second frame": 0.3},
}
"""Weights that predict best, of a few, the spokes which were held out, on a seed that is not reported: ``sweep
dynamic-radial --scale cpu --set held_out=0.11 --over seed=100 "method=temporal TV" weight=0.01,0.03,0.06``, and so on.
Of 0.001 to 0.2 for classical methods; of 0 and 0.003 to 3 for targets and edges, whose error hardly depends on it, so
that with every frame no weight predicts as well as the least; of 1, 100 and 10,000 for the barycenter of the k-space
network. That of the image network has the number of the seed, in the unit of this package.
"""

_RAT_WEIGHTS = {
    "iGRASP": 0.003,
    "temporal TV": 0.001,
    "low rank plus sparse": 0.01,
    "k-space + barycenter": 1.0,
    "image + barycenter": 1.0,
    "image + targets": 1.0,
    "image + edges": 0.03,
}
"""For the rat, by held-out lines of every second frame: ``sweep dynamic-rat --scale cpu --set held_out=0.1 --over
seed=100 "method=temporal TV" weight=0.0003,0.001,0.003,0.01``, and so on; 0, 0.01, 0.03, 0.1 and 0.3 for edges, 0.03 to
3 for targets. The barycenters' is that of the seed, in the unit of this package.
"""

_SPATIAL_WEIGHTS = {"phantom": 0.01, "rat": 0.1}
"""Of total variation within frames, beside edges at their weight above: by held-out spokes of 0.003, 0.01, 0.03 and
0.1, the middle two of which predict alike, and by held-out lines of the rat of 0.03, 0.1 and 0.3."""

LOW_RANK = 0.1
"""Weight of the low rank of low rank plus sparse, chosen with the other."""

KSPACE_STEPS = 2
"""Steps of a k-space network for each of an image network, which takes about as long."""

OMEGA_0 = {"image": 20.0, "k-space": 15.0}
"""First frequency of the networks, chosen by held-out spokes of every frame."""

_TIME_END = {"phantom": {"image": 0.1, "k-space": 0.03}, "rat": {"image": 0.05, "k-space": 0.03}}
"""How long the film lasts in a network's own time, chosen by held-out spokes, or lines, of every frame; for the rat of
0.05, 0.1, 0.2 and 0.4 for images, and as for the phantom for k-space."""

_BEGIN = {
    "barycenter": {"every frame": 0.8, "every second frame": 0.75},
    "targets": {"every frame": 0.25, "every second frame": 0.25},
    "edges": {"every frame": 0.25, "every second frame": 0.25},
}
"""Share of the steps after which a prior sets in: the seed's in the last 2,000 of 10,000 steps, or 5,000 of 20,000."""


def weight_of(config: HeartSettings) -> float:
    """Weight of the penalty or the prior, in the unit of its method."""
    if config.weight is not None:
        return config.weight
    method = "temporal TV" if config.method in BETWEEN else config.method.removesuffix(" + TV")
    return _RAT_WEIGHTS[method] if config.data == "rat" else _WEIGHTS[method][config.sampling]


def low_rank_weight_of(config: HeartSettings) -> float:
    """Weight of the low rank of low rank plus sparse."""
    return LOW_RANK if config.low_rank_weight is None else config.low_rank_weight


def spatial_weight_of(config: HeartSettings) -> float:
    """Weight of total variation within frames."""
    if config.spatial_weight is not None:
        return config.spatial_weight
    return _SPATIAL_WEIGHTS["rat" if config.data == "rat" else "phantom"]


def time_end(config: HeartSettings, kind: str) -> float:
    """How long the film lasts in the time of an ``"image"`` or ``"k-space"`` network."""
    if config.time_end is not None:
        return config.time_end
    return _TIME_END["rat" if config.data == "rat" else "phantom"][kind]


def onset_share(config: HeartSettings) -> float:
    """Share of the steps after which a prior sets in."""
    prior = config.method.removesuffix(" + TV").partition(" + ")[2]
    return _BEGIN.get(prior, {}).get(config.sampling, 0.0) if config.begin is None else config.begin
