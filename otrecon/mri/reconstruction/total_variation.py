"""Total variation in space, by the primal-dual method."""

from __future__ import annotations

from torch import Tensor

from otrecon.mri.differences import FiniteDifference
from otrecon.mri.reconstruction.result import Reconstruction, check_image_operator, check_weight, data_term, largest
from otrecon.operators import LinearOperator
from otrecon.solvers import MixedNorm, primal_dual
from otrecon.solvers.solution import Callback

__all__ = ["total_variation"]


def total_variation(
    operator: LinearOperator,
    kdata: Tensor,
    *,
    weight: float,
    initial: Tensor | None = None,
    tolerance: float = 1e-4,
    max_iterations: int = 1000,
    callback: Callback | None = None,
) -> Reconstruction:
    """Minimise ``|A x - y|^2 / 2 + t * TV(x)``, with the isotropic total variation.

    ``TV(x)`` is the sum over pixels of the length of the gradient, ``sqrt(|d_y x|^2 + |d_x x|^2)``: forward differences
    between neighbours (per pixel), moduli of complex numbers, nothing across the border.

    Parameters
    ----------
    operator
        A, on images ``(..., y, x)``.
    kdata
        y, complex ``(..., *operator.range)``. Leading axes are a batch of independent problems.
    weight
        At least 0, without unit: ``t = weight * max |A^H y|`` for each image, so that scaling the data or the operator
        changes nothing.
    initial
        Starting image; 0 when omitted.
    tolerance
        Stop when both the relative violation of the optimality condition and the relative gap are at most this, see
        :func:`~otrecon.solvers.primal_dual`. 0: run all ``max_iterations`` and do not warn.
    max_iterations
        Limit of iterations.
    callback
        Called as ``callback(iteration, image)`` after each iteration.

    Returns
    -------
    Reconstruction
        Its ``weight`` is t.

    Raises
    ------
    TypeError
        If the data are not complex.
    ValueError
        If shapes do not fit, the data contain NaN or infinity, or the weight is negative.

    Warns
    -----
    ConvergenceWarning
        If the tolerance was not reached.

    References
    ----------
    L. I. Rudin, S. Osher and E. Fatemi, Physica D 60 (1992); K. T. Block, M. Uecker and J. Frahm, Magn. Reson. Med. 57
    (2007).
    """
    check_weight(weight)
    check_image_operator(operator, "total_variation")
    data = data_term(operator, kdata)
    threshold = weight * largest(data.rhs, 2)
    solution = primal_dual(
        data,
        FiniteDifference(operator.domain),
        MixedNorm(threshold.unsqueeze(-3), dims=3, group=-3),
        transform_norm=FiniteDifference.norm_bound,
        initial=initial,
        tolerance=tolerance,
        max_iterations=max_iterations,
        callback=callback,
    )
    return Reconstruction.of(solution, threshold.squeeze((-2, -1)))
