"""A mask with the acceleration that was asked for and the one that it has."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["SamplingMask", "check_acceleration"]


@dataclass(frozen=True, eq=False)
class SamplingMask:
    """A sampling pattern with the acceleration that was asked for and the one that it has.

    Attributes
    ----------
    mask
        Boolean tensor ``(y, x)``, True where k-space is acquired; centred, so that ``mask[y // 2, x // 2]`` is DC.
    nominal
        Acceleration that was requested.
    """

    mask: Tensor
    nominal: float

    def __post_init__(self) -> None:
        if self.mask.dtype != torch.bool or self.mask.ndim != 2:
            raise TypeError(f"A mask is a boolean tensor (y, x), got {self.mask.dtype} of {tuple(self.mask.shape)}.")
        if not bool(self.mask.any()):
            raise ValueError("The mask samples nothing.")

    @property
    def acceleration(self) -> float:
        """True acceleration: pixels of the grid over pixels sampled."""
        return self.mask.numel() / int(self.mask.sum())

    @classmethod
    def of_budget(cls, mask: Tensor, nominal: float, samples: int) -> SamplingMask:
        """Wrap a mask that must have exactly ``samples`` samples; anything else is an error of ours."""
        if int(mask.sum()) != samples:
            raise AssertionError(f"The mask has {int(mask.sum())} samples, its budget is {samples}.")
        return cls(mask, float(nominal))


def check_acceleration(acceleration: float) -> None:
    """Raise ValueError unless ``acceleration`` is finite and more than 1."""
    if not acceleration > 1 or not math.isfinite(acceleration):
        raise ValueError(
            f"acceleration is {acceleration}; it must be finite and more than 1. "
            "For full sampling use torch.ones(im_size, dtype=torch.bool)."
        )
