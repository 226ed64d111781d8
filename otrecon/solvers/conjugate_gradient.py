"""Conjugate gradients for Hermitian positive (semi)definite systems."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

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

__all__ = ["conjugate_gradient"]


@torch.no_grad()
def conjugate_gradient(
    operator: Callable[[Tensor], Tensor],
    rhs: Tensor,
    *,
    dims: int | None = None,
    initial: Tensor | None = None,
    tolerance: float = 1e-6,
    max_iterations: int = 100,
    callback: Callback | None = None,
) -> Solution:
    """Solve ``G x = b`` for a Hermitian positive semidefinite G.

    Parameters
    ----------
    operator
        The map ``x -> G x``, linear, on tensors of the shape of ``rhs``.
    rhs
        b, ``(..., *domain)``, real or complex.
    dims
        Number of trailing axes that make one vector; the axes before them are a batch of independent systems, each with
        its own step lengths. All axes when omitted.
    initial
        Starting point; 0 when omitted. With a singular G, a start at 0 leads to the solution of least norm.
    tolerance
        Stop when the relative residual ``|b - G x| / |b|`` of every system is at most this. The residual that decides,
        and the last one reported, are computed from the definition, not by the recursion, which drifts in finite
        precision. 0: run all
        ``max_iterations`` and do not warn.
    max_iterations
        Limit of iterations, at least 1.
    callback
        Called as ``callback(iteration, x)`` after each iteration, from 1 on; ``x`` must not be changed.

    Returns
    -------
    Solution
        ``residuals`` are relative residuals; ``objective`` is ``<x, G x> / 2 - <x, b>``, which CG decreases in every
        iteration (the residual need not).

    Raises
    ------
    ValueError
        If a setting is out of range, ``initial`` does not match ``rhs``, or NaN or infinity turns up.

    Warns
    -----
    ConvergenceWarning
        If the tolerance was not reached, or G shows a direction of negative curvature.

    References
    ----------
    M. R. Hestenes and E. Stiefel, J. Res. Natl. Bur. Stand. 49 (1952).
    """
    check_settings(tolerance, max_iterations)
    dims = rhs.ndim if dims is None else dims
    x = torch.zeros_like(rhs) if initial is None else check_start(initial, rhs)
    norm = inner(rhs, rhs, dims).sqrt()
    # A copy: the residual is updated in place, and an identity may return its argument.
    residual = rhs - operator(x) if initial is not None else rhs.clone()
    direction = residual.clone()
    squared = inner(residual, residual, dims)
    error = _worst(squared, norm)
    residuals: list[float] = []
    objective: list[float] = []
    drifted = False
    reason = "raise max_iterations, regularise, or accept a larger tolerance"
    for iteration in range(1, max_iterations + 1):
        if error <= tolerance:
            break
        image = operator(direction)
        curvature = inner(direction, image, dims)
        check_residual("conjugate_gradient", float(curvature.sum()))
        if bool((curvature < 0).any()):
            reason = "the operator has a direction of negative curvature, so that it is not positive semidefinite"
            break
        # A system that is solved stands still while the others of its batch go on.
        moving = (squared > (tolerance * norm) ** 2) & (curvature > 0)
        step = torch.where(moving, squared / curvature, 0).to(rhs.real.dtype)
        x = x + step * direction
        residual = residual - step * image
        previous, squared = squared, inner(residual, residual, dims)
        drifted = _worst(squared, norm) <= tolerance
        if drifted:
            residual = rhs - operator(x)
            squared = inner(residual, residual, dims)
            # If the true residual is not there yet, conjugacy is lost: start again from the steepest descent.
            direction = residual.clone()
        else:
            direction = residual + torch.where(moving, squared / previous, 0).to(rhs.real.dtype) * direction
        error = _worst(squared, norm)
        residuals.append(error)
        objective.append(float(-inner(x, residual + rhs, dims).sum() / 2))
        if callback is not None:
            callback(iteration, x)
    if residuals and not drifted:
        residual = rhs - operator(x)
        residuals[-1] = error = _worst(inner(residual, residual, dims), norm)
    return finish("conjugate_gradient", x, residuals, objective, tolerance, error, reason)


def _worst(squared: Tensor, norm: Tensor) -> float:
    return float(ratio(squared.sqrt(), norm).max())
