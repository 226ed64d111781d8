"""The laboratory: one code path at three sizes, and what was measured beforehand."""

from otrecon.lab.scale import SCALES, pick, scale
from otrecon.lab.stored import results

__all__ = ["SCALES", "pick", "results", "scale"]
