"""FISTA: accelerated proximal gradients for least squares plus a penalty with a cheap proximal map."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from otrecon.solvers.least_squares import LeastSquares
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

__all__ = ["Proximal", "fista"]

Proximal = Callable[[Tensor, float], tuple[Tensor, Tensor]]


@torch.no_grad()
def fista(
    data: LeastSquares,
    proximal: Proximal,
    *,
    initial: Tensor | None = None,
    tolerance: float = 1e-4,
    max_iterations: int = 200,
    callback: Callback | None = None,
) -> Solution:
    """Minimise ``f(x) + g(x)`` with ``f(x) = |A x - y|^2 / 2``.

    Parameters
    ----------
    data
        f.
    proximal
        The map ``(v, step) -> (x, value)`` with ``x`` the minimiser of ``|x - v|^2 / (2 step) + g(x)`` and ``value``
        the number ``g(x)`` of each image of the batch, its last ``data.dims`` axes of length 1. A map that is found by
        iteration says in its attribute ``error`` how far its last result may be from x (:class:`DualProximal`).
    initial
        Starting point; 0 when omitted.
    tolerance
        Stop when the residual of every image is at most this. 0: run all ``max_iterations`` and do not warn.
    max_iterations
        Limit of iterations, at least 1.
    callback
        Called as ``callback(iteration, x)`` after each iteration, from 1 on; ``x`` must not be changed.

    Returns
    -------
    Solution
        The residual is the norm of the subgradient of the objective at ``x`` that the step exhibits, relative to
        ``|A^H y|``, or the ``error`` of the proximal map if that is larger: it is zero exactly at a minimiser.

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
    The step is 1 / L with L the squared norm of A. Its estimate comes from below; where an iterate disproves it, L
    grows and the step is done again. Since A^H A is linear, gradients at the extrapolated points, the objective and
    this check all come from a single gram an iteration. The momentum of an image starts again when it points uphill.

    References
    ----------
    A. Beck and M. Teboulle, SIAM J. Imaging Sci. 2 (2009); B. O'Donoghue and E. Candes, Found. Comput. Math. 15 (2015),
    gradient scheme of the restart.
    """
    check_settings(tolerance, max_iterations)
    dims, rhs = data.dims, data.rhs
    x = torch.zeros_like(rhs) if initial is None else check_start(initial, rhs)
    gram_x = torch.zeros_like(rhs) if initial is None else data.gram(x)
    # A zero operator has no curvature: any step will do.
    lipschitz = data.lipschitz or 1.0
    z, gram_z = x, gram_x
    momentum = torch.ones_like(data.rhs_norm)
    residuals: list[float] = []
    objective: list[float] = []
    rounding = 8 * torch.finfo(rhs.dtype).eps
    for iteration in range(1, max_iterations + 1):
        gradient = gram_z - rhs
        while True:
            new, penalty = proximal(z - gradient / lipschitz, 1 / lipschitz)
            gram_new = data.gram(new)
            step, gram_step = new - z, gram_new - gram_z
            length = inner(step, step, dims)
            # A short step carries the rounding of the long vectors that it is the difference of.
            slack = 1e-5 + rounding * ratio(inner(new, new, dims), length).sqrt()
            needed = ratio(inner(step, gram_step, dims), length)
            check_residual("fista", float(needed.sum()))
            if bool((needed <= lipschitz * (1 + slack)).all()):
                break
            lipschitz = 1.02 * float(needed.max())
        subgradient = gram_step - lipschitz * step
        violation = float(ratio(inner(subgradient, subgradient, dims).sqrt(), data.rhs_norm).max())
        residuals.append(max(violation, float(getattr(proximal, "error", torch.zeros(1)).max())))
        objective.append(float((data.value(new, gram_new) + penalty).sum()))
        uphill = inner(step, new - x, dims) < 0
        grown = (1 + (1 + 4 * momentum**2).sqrt()) / 2
        beta = torch.where(uphill, 0.0, (momentum - 1) / grown).to(rhs.real.dtype)
        momentum = torch.where(uphill, 1.0, grown)
        z, gram_z = new + beta * (new - x), gram_new + beta * (gram_new - gram_x)
        x, gram_x = new, gram_new
        if callback is not None:
            callback(iteration, x)
        if residuals[-1] <= tolerance:
            break
    return finish("fista", x, residuals, objective, tolerance, residuals[-1])
