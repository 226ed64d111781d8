"""Nonlinear conjugate gradients for least squares plus a smoothed norm of a linear map."""

from __future__ import annotations

import torch
from torch import Tensor

from otrecon.checks import check_count
from otrecon.operators import LinearOperator
from otrecon.solvers.least_squares import LeastSquares
from otrecon.solvers.penalties import SmoothPenalty
from otrecon.solvers.solution import (
    Callback,
    Solution,
    check_residual,
    check_settings,
    check_start,
    finish,
    inner,
    ratio,
)

__all__ = ["nonlinear_conjugate_gradient"]

# Sufficient decrease and shrinkage of the line search, as in the public code of iGRASP; its limit: 0.6^60 is rounding.
_DECREASE, _SHRINK, _TRIALS = 0.01, 0.6, 60


@torch.no_grad()
def nonlinear_conjugate_gradient(
    data: LeastSquares,
    transform: LinearOperator,
    penalty: SmoothPenalty,
    *,
    smoothing: float | Tensor,
    initial: Tensor | None = None,
    restarts: int = 3,
    iterations: int = 8,
    tolerance: float = 0.0,
    callback: Callback | None = None,
) -> Solution:
    """Minimise ``f(x) + g_s(K x)`` with ``f(x) = |A x - y|^2 / 2`` and ``g_s`` a norm made smooth.

    Parameters
    ----------
    data
        f.
    transform
        K, from ``(..., *domain)`` to a space of its own.
    penalty
        g, on the range of K: ``|z|`` becomes ``sqrt(|z|^2 + s^2) - s``.
    smoothing
        s, positive, in the unit of ``K x``: a number, or one for each image of the batch with axes of length 1 for the
        domain.
    initial
        Starting point; 0 when omitted.
    restarts, iterations
        Runs, each of which begins with steepest descent where the last one ended, and iterations of each, at least 1.
    tolerance
        Stop when the norm of the gradient relative to ``|A^H y|`` is at most this for every image. 0: do all
        iterations and do not warn.
    callback
        Called as ``callback(iteration, x)`` after each iteration, from 1 on; ``x`` must not be changed.

    Returns
    -------
    Solution
        The residual is the norm of the gradient relative to ``|A^H y|``; the objective never grows.

    Raises
    ------
    TypeError
        If a number of iterations is no integer.
    ValueError
        If a setting is out of range, ``initial`` or ``smoothing`` does not match the solution, or NaN or infinity turns
        up.

    Warns
    -----
    ConvergenceWarning
        If a tolerance above 0 was not reached. Where rounding leaves nothing to gain, the iteration ends early.

    Notes
    -----
    Polak and Ribiere's directions, with Powell's restart where they would turn back, and a backtracking line search.
    (The public codes have Fletcher and Reeves' directions: with so loose a search they jam. Two hundred iterations of a
    small film with little smoothing left a gradient of 5e-2 with them, and 3e-7 with those used here.) On a line the
    data term is a parabola, so that a trial costs no operator: an iteration costs one gram, one K and one K^H, however
    long the search. It starts at the minimum of that parabola, or a little above the last step if this is shorter.

    References
    ----------
    M. Lustig, D. Donoho and J. M. Pauly, Magn. Reson. Med. 58 (2007), appendix.
    """
    check_settings(tolerance, check_count("iterations", iterations) * check_count("restarts", restarts))
    dims, rhs = data.dims, data.rhs
    extra = (1,) * (len(transform.range) - dims)
    s = torch.as_tensor(smoothing, dtype=torch.float64, device=rhs.device)
    if not bool((torch.isfinite(s) & (s > 0)).all()):
        raise ValueError(f"smoothing must be positive and finite, got {smoothing}: without it there is no gradient.")

    def widen(number: Tensor) -> Tensor:
        """Give a number for each image the axes of the range of K."""
        return number.reshape(*number.shape[: number.ndim - dims], *extra, *number.shape[number.ndim - dims :])

    shape = data.rhs_norm.shape
    if s.ndim and s.shape != shape:
        raise ValueError(f"smoothing must be a number, or of shape {tuple(shape)}, got {tuple(s.shape)}.")
    s = s if s.ndim == 0 else widen(s)
    x = torch.zeros_like(rhs) if initial is None else check_start(initial, rhs)
    z = transform(x)
    last = torch.full_like(data.rhs_norm, torch.inf)
    residuals: list[float] = []
    objective: list[float] = []

    for iteration in range(restarts * iterations):
        if iteration % iterations == 0:
            gram_x = data.gram(x) if iteration or initial is not None else torch.zeros_like(x)
            gradient = gram_x - rhs + transform.adjoint(penalty.smoothed_gradient(z, s))
            squared = inner(gradient, gradient, dims)
            check_residual("nonlinear_conjugate_gradient", float(squared.sum()))
            direction = -gradient
            value = penalty.smoothed_value(z, s).reshape(shape)
        slope = inner(gradient, direction, dims)
        uphill = slope >= 0
        direction = torch.where(uphill, -gradient, direction)
        slope = torch.where(uphill, -squared, slope)
        gram_d, z_d = data.gram(direction), transform(direction)
        linear, curvature = inner(gram_x - rhs, direction, dims), inner(direction, gram_d, dims).clamp_min(0)
        longest = torch.where(curvature > 0, -slope / curvature, torch.inf)
        step = torch.minimum(longest, last / _SHRINK)
        # Without data along the direction and without a last step, any length is as good: that of the solution so far.
        step = torch.where(torch.isfinite(step), step, 1.0)
        step = torch.where(slope < 0, step, 0.0)
        for _ in range(_TRIALS):
            new_value = penalty.smoothed_value(z + widen(step).to(z.real.dtype) * z_d, s).reshape(shape)
            change = step * linear + step.square() * curvature / 2 + new_value - value
            too_far = (change > _DECREASE * step * slope) & (step > 0)
            if not bool(too_far.any()):
                break
            step = torch.where(too_far, _SHRINK * step, step)
        else:
            # Rounding hides what is left to gain.
            step = torch.where(too_far, 0.0, step)
        # A step as long as the parabola asks for sets no limit to the next: a pure parabola gets its exact steps.
        last = torch.where((step > 0) & (step < longest), step, torch.inf)
        t = step.to(rhs.real.dtype)
        x, gram_x, z = x + t * direction, gram_x + t * gram_d, z + widen(t) * z_d
        value = penalty.smoothed_value(z, s).reshape(shape)
        old, previous = gradient, squared
        gradient = gram_x - rhs + transform.adjoint(penalty.smoothed_gradient(z, s))
        squared = inner(gradient, gradient, dims)
        residuals.append(float(ratio(squared.sqrt(), data.rhs_norm).max()))
        check_residual("nonlinear_conjugate_gradient", residuals[-1])
        objective.append(float((data.value(x, gram_x) + value).sum()))
        if callback is not None:
            callback(iteration + 1, x)
        if residuals[-1] <= tolerance or not bool((step > 0).any()):
            break
        turn = ratio((squared - inner(gradient, old, dims)).clamp_min(0), previous)
        direction = turn.to(rhs.real.dtype) * direction - gradient
    reason = "raise restarts or iterations, accept a larger tolerance, or smooth more"
    return finish("nonlinear_conjugate_gradient", x, residuals, objective, tolerance, residuals[-1], reason)
