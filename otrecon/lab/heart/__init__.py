"""A beating heart on radial spokes: classical methods, networks and priors (rows 000-E7 and 000-E8)."""

from otrecon.lab.experiments import Experiment
from otrecon.lab.heart.settings import PLANS, RAT_PLANS, HeartSettings
from otrecon.lab.heart.trial import trial

__all__ = ["HEART", "PLANS", "RAT", "RAT_PLANS", "HeartSettings", "trial"]

HEART = Experiment(
    "dynamic-radial",
    "A beating heart on few radial spokes, every frame or every second one: iGRASP, networks, priors (000-E7, E8)",
    trial,
    PLANS,
)

RAT = Experiment(
    "dynamic-rat",
    "A rat's heart, a quarter of the lines of every second frame: the same methods on images that no phantom made",
    trial,
    RAT_PLANS,
)
