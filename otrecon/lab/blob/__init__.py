"""The moving blob: every network and prior of seed 000 on the film of its section 4.2 (rows 000-E1 to E6)."""

from otrecon.lab.blob.settings import PLANS, BlobSettings
from otrecon.lab.blob.trial import trial
from otrecon.lab.experiments import Experiment

__all__ = ["BLOB", "PLANS", "BlobSettings", "trial"]

BLOB = Experiment(
    "dynamic-blob",
    "A moving blob, undersampled in space or time: networks, priors and controls (000-E1 to E6)",
    trial,
    PLANS,
)
