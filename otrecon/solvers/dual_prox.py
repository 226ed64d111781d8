"""The proximal map of a norm of a linear map, found in the dual, where it is a projection at a time."""

from __future__ import annotations

import torch
from torch import Tensor

from otrecon.operators import LinearOperator
from otrecon.solvers.penalties import Penalty
from otrecon.solvers.solution import check_settings, inner, ratio

__all__ = ["DualProximal"]

_CHECK = 5


class DualProximal:
    """The map ``(v, step) -> (x, g(K x))`` with ``x`` the minimiser of ``|x - v|^2 / (2 step) + g(K x)``.

    It is what :func:`~otrecon.solvers.fista` asks of a penalty, for those without a closed form: total variation, say.
    ``x = v - step K^H p`` for the dual variable p in the ball of g; accelerated projected gradients find p, and each
    call starts where the last one ended. As FISTA settles down, so do its proximal maps: a few iterations each are
    enough.

    Parameters
    ----------
    transform
        K, from ``(..., *domain)`` to a space of its own.
    penalty
        g, on the range of K.
    transform_norm
        An upper bound of the norm of K.
    accuracy
        Stop when the gap ``g(K x) - <p, K x>``, by which x misses the minimum at most, relative to the value of what x
        should minimise is at most this for every image.
    max_iterations
        Limit of iterations of a call, at least 1. What is left open then is in ``error``.

    Attributes
    ----------
    gap : Tensor
        Of the last call, one number for each image, the axes of the domain kept with length 1. With the residual of
        FISTA it certifies a solution: that is the violation of ``A^H (A x - y) + K^H p = 0``, for the p found here.
    error : Tensor
        The same relative to the value: what ``accuracy`` bounds.
    iterations : int
        Of all calls together.

    Raises
    ------
    ValueError
        If ``accuracy`` is negative, or ``max_iterations`` less than 1.

    References
    ----------
    A. Beck and M. Teboulle, IEEE Trans. Image Process. 18 (2009), fast gradient projection.
    """

    gap: Tensor
    error: Tensor

    def __init__(
        self,
        transform: LinearOperator,
        penalty: Penalty,
        transform_norm: float,
        *,
        accuracy: float,
        max_iterations: int = 200,
    ) -> None:
        check_settings(accuracy, max_iterations)
        self.transform, self.penalty = transform, penalty
        self.bound, self.accuracy, self.max_iterations = transform_norm, accuracy, max_iterations
        self.iterations = 0
        self._dual: Tensor | None = None

    @torch.no_grad()
    def __call__(self, v: Tensor, step: float) -> tuple[Tensor, Tensor]:
        """Return ``x`` and ``g(K x)`` of each image, the axes of the domain kept with length 1."""
        K, dims, axes = self.transform, len(self.transform.domain), len(self.transform.range)
        p = v.new_zeros((*v.shape[: v.ndim - dims], *K.range))
        if self._dual is not None and (self._dual.shape, self._dual.dtype) == (p.shape, p.dtype):
            p = self._dual
        extrapolated, momentum = p, 1.0
        ascent = 1 / (step * self.bound**2)
        for iteration in range(1, self.max_iterations + 1):
            x = torch.sub(v, K._adjoint(extrapolated), alpha=step)
            new = self.penalty.project(torch.add(extrapolated, K._forward(x), alpha=ascent))
            grown = (1 + (1 + 4 * momentum**2) ** 0.5) / 2
            extrapolated = torch.lerp(p, new, 1 + (momentum - 1) / grown)
            p, momentum = new, grown
            self.iterations += 1
            if iteration % _CHECK and iteration < self.max_iterations:
                continue
            x = torch.sub(v, K._adjoint(p), alpha=step)
            transformed, moved = K._forward(x), x - v
            length = inner(moved, moved, dims)
            value = self.penalty.value(transformed)
            self.gap = (value - inner(p, transformed, axes)).reshape(length.shape).clamp_min(0)
            value = value.reshape(length.shape)
            self.error = ratio(self.gap, value + length / (2 * step))
            if bool((self.error <= self.accuracy).all()):
                break
        self._dual = p
        return x, value
