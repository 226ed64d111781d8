"""The primal-dual hybrid gradient method for least squares plus a norm of a linear map."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from otrecon.operators import LinearOperator
from otrecon.solvers.least_squares import LeastSquares
from otrecon.solvers.penalties import Penalty
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

__all__ = ["primal_dual"]

# Longer than a plain step: any factor below 3/2 converges for the step lengths chosen here.
_RELAXATION = 1.45
# The steps are balanced anew every so many iterations, each time with a little less force: in the end they are fixed.
_REBALANCE, _CALMING = 5, 0.97


@torch.no_grad()
def primal_dual(
    data: LeastSquares,
    transform: LinearOperator,
    penalty: Penalty,
    *,
    transform_norm: float | None = None,
    project: Callable[[Tensor], Tensor] | None = None,
    initial: Tensor | None = None,
    tolerance: float = 1e-4,
    max_iterations: int = 500,
    callback: Callback | None = None,
) -> Solution:
    """Minimise ``f(x) + g(K x)`` over a convex set, with ``f(x) = |A x - y|^2 / 2`` and g a norm.

    Parameters
    ----------
    data
        f.
    transform
        K, from ``(..., *domain)`` to a space of its own.
    penalty
        g, on the range of K.
    transform_norm
        An upper bound of the norm of K; estimated by power iteration when omitted.
    project
        The projection of x onto the convex set (the non-negative images, say); the whole space when omitted.
    initial
        Starting point; 0 when omitted. The dual variable starts at 0, so that a good start saves little.
    tolerance
        Stop when the residual of every image is at most this. 0: run all ``max_iterations`` and do not warn.
    max_iterations
        Limit of iterations, at least 1.
    callback
        Called as ``callback(iteration, x)`` after each iteration, from 1 on; ``x`` must not be changed.

    Returns
    -------
    Solution
        The residual is the larger of two numbers that are both zero exactly at a minimiser: the norm of the violation
        of ``A^H (A x - y) + K^H p = 0`` relative to ``|A^H y|``, and the gap ``g(K x) - <p, K x>`` relative to the
        objective. Together they certify the objective: it exceeds the minimum by at most the gap plus the norm of the
        violation times the distance to a minimiser.

    Raises
    ------
    ValueError
        If a setting is out of range, ``initial`` does not match the solution, or NaN or infinity turns up.

    Warns
    -----
    ConvergenceWarning
        If the tolerance was not reached.

    Notes
    -----
    The smooth term enters by its gradient, so that an iteration costs one gram, one K and one K^H and A need not be
    inverted. Steps: ``sigma = c L / |K|^2`` and ``tau = 1 / ((1 + c) L)`` with L the squared norm of A; convergence
    needs ``1 / tau - sigma |K|^2 >= L / 2``, which leaves a factor of two to an estimate of L from below. The best c
    varies a thousandfold between problems; it grows while the gap is the larger of the two parts of the residual and
    shrinks while the violation is.

    References
    ----------
    A. Chambolle and T. Pock, J. Math. Imaging Vis. 40 (2011); L. Condat, J. Optim. Theory Appl. 158 (2013), for the
    gradient step and the relaxation; T. Goldstein et al., arXiv 1305.0546 (2013), for balancing residuals.
    """
    check_settings(tolerance, max_iterations)
    dims, rhs = data.dims, data.rhs
    x = torch.zeros_like(rhs) if initial is None else check_start(initial, rhs)
    lipschitz = data.lipschitz or 1.0
    bound = 1.05 * transform.norm() if transform_norm is None else transform_norm
    balance, force = 1.0, 0.5
    K = len(transform.range)

    gradient = data.gram(x) - rhs
    transformed = transform(x)
    p = torch.zeros_like(transformed)
    pulled = torch.zeros_like(x)
    residuals: list[float] = []
    objective: list[float] = []
    for iteration in range(1, max_iterations + 1):
        sigma, tau = balance * lipschitz / bound**2, 1 / ((1 + balance) * lipschitz)
        new = x - tau * (gradient + pulled)
        if project is not None:
            new = project(new)
        transformed_new = transform(new)
        p_new = penalty.project(p + sigma * (2 * transformed_new - transformed))
        gram_new = data.gram(new)
        gradient_new, pulled_new = gram_new - rhs, transform.adjoint(p_new)

        change = (x - new) / tau - (gradient - gradient_new) - (pulled - pulled_new)
        value = penalty.value(transformed_new)
        total = data.value(new, gram_new) + value.reshape(data.rhs_norm.shape)
        gap = (value - inner(p_new, transformed_new, K)).reshape(data.rhs_norm.shape)
        violation = float(ratio(inner(change, change, dims).sqrt(), data.rhs_norm).max())
        relative_gap = float(ratio(gap.clamp_min(0), total).max())
        check_residual("primal_dual", violation + relative_gap)
        residuals.append(max(violation, relative_gap))
        objective.append(float(total.sum()))
        if callback is not None:
            callback(iteration, new)
        if residuals[-1] <= tolerance:
            break
        if iteration % _REBALANCE == 0:
            factor = (max(relative_gap, 1e-15) / max(violation, 1e-15)) ** force
            balance = min(max(balance * min(max(factor, 0.5), 2.0), 1e-3), 1e3)
            force *= _CALMING
        # All but the projections is affine: relaxing the points relaxes their images under A^H A, K and K^H alike.
        x = x + _RELAXATION * (new - x)
        p = p + _RELAXATION * (p_new - p)
        gradient = gradient + _RELAXATION * (gradient_new - gradient)
        transformed = transformed + _RELAXATION * (transformed_new - transformed)
        pulled = pulled + _RELAXATION * (pulled_new - pulled)
    return finish("primal_dual", new, residuals, objective, tolerance, residuals[-1])
