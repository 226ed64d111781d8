"""Iterative SENSE: least squares by conjugate gradients."""

from __future__ import annotations

import torch
from torch import Tensor

from otrecon.mri.reconstruction.result import Reconstruction, check_weight, data_term
from otrecon.operators import LinearOperator
from otrecon.solvers import conjugate_gradient
from otrecon.solvers.solution import Callback

__all__ = ["cg_sense"]


def cg_sense(
    operator: LinearOperator,
    kdata: Tensor,
    *,
    regularisation: float = 0.0,
    initial: Tensor | None = None,
    tolerance: float = 1e-6,
    max_iterations: int = 200,
    callback: Callback | None = None,
) -> Reconstruction:
    """Minimise ``|A x - y|^2 / 2 + regularisation * |x|^2 / 2``.

    Parameters
    ----------
    operator
        A, on images ``(..., y, x)``.
    kdata
        y, complex ``(..., *operator.range)``. Leading axes are a batch of independent problems.
    regularisation
        At least 0, in units of the eigenvalues of A^H A: these lie between 0 and 1 for ``CartesianMRI`` with maps whose
        squares sum to at most 1. Without it, and with fewer data than pixels, stopping early is what regularises.
    initial
        Starting image; 0 when omitted.
    tolerance
        Stop when ``|b - G x| / |b|``, with ``G = A^H A + regularisation`` and ``b = A^H y``, is at most this. 0: run
        all ``max_iterations`` and do not warn.
    max_iterations
        Limit of iterations.
    callback
        Called as ``callback(iteration, image)`` after each iteration.

    Returns
    -------
    Reconstruction
        ``objective`` is the minimised function less the constant ``|y|^2 / 2``.

    Raises
    ------
    TypeError
        If the data are not complex.
    ValueError
        If shapes do not fit, the data contain NaN or infinity, or the regularisation is negative.

    Warns
    -----
    ConvergenceWarning
        If the tolerance was not reached.

    References
    ----------
    K. P. Pruessmann et al., Advances in sensitivity encoding with arbitrary k-space trajectories, Magn. Reson. Med. 46
    (2001).
    """
    check_weight(regularisation, "regularisation")
    data = data_term(operator, kdata)

    def normal(x: Tensor) -> Tensor:
        gram_x = data.gram(x)
        return torch.add(gram_x, x, alpha=regularisation) if regularisation else gram_x

    solution = conjugate_gradient(
        normal,
        data.rhs,
        dims=data.dims,
        initial=initial,
        tolerance=tolerance,
        max_iterations=max_iterations,
        callback=callback,
    )
    return Reconstruction.of(solution)
