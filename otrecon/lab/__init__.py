"""The laboratory: one code path at three sizes."""

from otrecon.lab.scale import SCALES, pick, scale

__all__ = ["SCALES", "pick", "scale"]
