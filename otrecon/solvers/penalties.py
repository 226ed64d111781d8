"""Sparsity penalties: the l1 norm, of numbers or of groups of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Protocol

import torch
from torch import Tensor

__all__ = ["MixedNorm", "Penalty", "SmoothPenalty", "StackedNorms"]


class Penalty(Protocol):
    """What the primal-dual method asks of a norm: its value, and the projection onto the ball of its dual norm."""

    def value(self, z: Tensor) -> Tensor:
        """``g(z)``, one number for each member of a batch, the summed axes kept with length 1."""

    def project(self, p: Tensor) -> Tensor:
        """Project on the set where the conjugate of g is zero."""


class SmoothPenalty(Protocol):
    """What a gradient method asks of a norm: a smooth function near it, and its gradient."""

    def smoothed_value(self, z: Tensor, smoothing: Tensor) -> Tensor:
        """One number for each member of a batch, the summed axes kept with length 1."""

    def smoothed_gradient(self, z: Tensor, smoothing: Tensor) -> Tensor:
        """Gradient of the smoothed value, of the shape of ``z``."""


class MixedNorm:
    """``g(z) = weight * sum |z|``, with ``|z|`` the modulus, or the Euclidean length along one axis.

    Its conjugate is the indicator of the ball ``|p| <= weight``, so that one map, the projection onto that ball, gives
    everything: the proximal map is what the projection leaves (Moreau).

    Parameters
    ----------
    weight
        At least 0: a number, or a tensor that broadcasts against ``|z|`` (a weight for each image of a batch).
    dims
        Number of trailing axes that the sum runs over, the group axis included.
    group
        Axis (negative) whose entries are measured together; None: each entry by itself.
    """

    def __init__(self, weight: float | Tensor, *, dims: int, group: int | None = None) -> None:
        if not bool((torch.as_tensor(weight) >= 0).all()):
            raise ValueError(f"weight must be at least 0, got {weight}.")
        if group is not None and not -dims <= group < 0:
            raise ValueError(f"group must be one of the last {dims} axes, counted from the end; got {group}.")
        self.weight, self.dims, self.group = weight, dims, group

    def length(self, z: Tensor) -> Tensor:
        """``|z|``; the group axis stays, with length 1."""
        if self.group is None:
            return z.abs()
        # Ten times faster than vector_norm along such an axis, and as safe from overflow.
        return reduce(torch.hypot, z.abs().unbind(self.group)).unsqueeze(self.group)

    def value(self, z: Tensor) -> Tensor:
        """``g(z)``, summed over the last ``dims`` axes, which stay with length 1."""
        # Widened first: a weight is as large as the data, and their product leaves the range of float32.
        return (self.weight * self.length(z).double()).sum(tuple(range(-self.dims, 0)), keepdim=True)

    def project(self, p: Tensor) -> Tensor:
        """Project on ``|p| <= weight``: the proximal map of the conjugate, whatever its step."""
        length = self.length(p)
        return p * torch.where(length > self.weight, self.weight / length, 1.0)

    def prox(self, z: Tensor, step: float) -> Tensor:
        """Soft threshold: the minimiser over u of ``|u - z|^2 / 2 + step * g(u)``."""
        length = self.length(z)
        threshold = step * self.weight
        return z * torch.where(length > threshold, 1 - threshold / length, torch.zeros_like(length))

    def smoothed_value(self, z: Tensor, smoothing: Tensor) -> Tensor:
        """``weight * sum (sqrt(|z|^2 + smoothing^2) - smoothing)``: below ``g(z)``, by ``weight * smoothing`` a term.

        ``smoothing`` is positive and broadcasts against ``|z|``; the difference is computed without cancellation.
        """
        squared, s = self.length(z).double().square(), smoothing.double()
        terms = self.weight * (squared / ((squared + s.square()).sqrt() + s))
        return terms.sum(tuple(range(-self.dims, 0)), keepdim=True)

    def smoothed_gradient(self, z: Tensor, smoothing: Tensor) -> Tensor:
        """``weight * z / sqrt(|z|^2 + smoothing^2)``."""
        length = self.length(z)
        return z * (self.weight / torch.hypot(length, smoothing.to(length.dtype))).to(length.dtype)


class StackedNorms:
    """A sum of norms, each of its own part of ``z``; the parts follow one another along one axis.

    Parameters
    ----------
    parts
        Length of each part along the axis, and its norm. All norms sum over as many ``dims``.
    axis
        The axis (negative), one of those that the norms sum over.
    """

    def __init__(self, parts: Sequence[tuple[int, MixedNorm]], *, axis: int) -> None:
        if not parts or any(-norm.dims > axis or norm.dims != parts[0][1].dims for _, norm in parts) or axis >= 0:
            raise ValueError(f"The norms must sum over as many axes, among them axis {axis}, counted from the end.")
        self.sizes, self.norms, self.axis = [size for size, _ in parts], [norm for _, norm in parts], axis

    def value(self, z: Tensor) -> Tensor:
        """Sum of the norms, the summed axes kept with length 1."""
        values = [norm.value(part) for part, norm in self._parts(z)]
        return torch.stack(values).sum(0)

    def project(self, p: Tensor) -> Tensor:
        """Project each part."""
        return torch.cat([norm.project(part) for part, norm in self._parts(p)], self.axis)

    def smoothed_value(self, z: Tensor, smoothing: Tensor) -> Tensor:
        """Sum of the smoothed norms, see :meth:`MixedNorm.smoothed_value`."""
        values = [norm.smoothed_value(part, smoothing) for part, norm in self._parts(z)]
        return torch.stack(values).sum(0)

    def smoothed_gradient(self, z: Tensor, smoothing: Tensor) -> Tensor:
        """Gradient of the smoothed norms, part by part."""
        return torch.cat([norm.smoothed_gradient(part, smoothing) for part, norm in self._parts(z)], self.axis)

    def _parts(self, z: Tensor) -> list[tuple[Tensor, MixedNorm]]:
        return list(zip(z.split(self.sizes, self.axis), self.norms, strict=True))
