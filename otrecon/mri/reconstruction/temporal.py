"""Films whose frames change little from one to the next: total variation in time, and iGRASP's way to it."""

from __future__ import annotations

import math

from torch import Tensor

from otrecon.mri.differences import FilmDifference
from otrecon.mri.reconstruction.result import Reconstruction, check_film_operator, check_weight, data_term, largest
from otrecon.operators import LinearOperator
from otrecon.solvers import (
    DualProximal,
    LeastSquares,
    MixedNorm,
    StackedNorms,
    fista,
    nonlinear_conjugate_gradient,
)
from otrecon.solvers.solution import Callback

__all__ = ["grasp", "temporal_tv"]

# Accuracy of the proximal maps relative to the tolerance, and where none is asked for; the limit of iterations of each.
# On a film of 20 frames weighted by density, 193 iterations led to a tolerance of 1e-4 with a tenth, 178 with a
# thousandth; with maps no better than the tolerance itself they stalled at 3e-4.
_SHARE, _ACCURACY, _INNER = 0.1, 1e-5, 100


def temporal_tv(
    operator: LinearOperator,
    kdata: Tensor,
    *,
    weight: float,
    space_weight: float = 0.0,
    periodic: bool = False,
    initial: Tensor | None = None,
    tolerance: float = 1e-4,
    max_iterations: int = 300,
    callback: Callback | None = None,
) -> Reconstruction:
    """Minimise ``|A x - y|^2 / 2 + w |D_t x|_1 + s TV(x)``, by FISTA on A^H A.

    ``D_t x`` are the differences between successive frames, ``|.|_1`` the sum of their moduli over pixels and pairs of
    frames; ``TV`` is that of :func:`~otrecon.mri.total_variation`, summed over frames. A frame without data is filled
    in by its neighbours: with ``s = 0`` the penalty is the same for all ways between them, a copy of one of the two or
    any mixture, and so is the minimum: which of them is returned is up to the iteration.

    Parameters
    ----------
    operator
        A, on films ``(..., t, y, x)``: :class:`~otrecon.mri.RadialFilm`, its density-weighted version, or
        :class:`~otrecon.mri.CartesianFilm`.
    kdata
        y, complex ``(..., *operator.range)``. Leading axes are a batch of independent problems.
    weight
        At least 0, without unit: ``w = weight * M0`` with ``M0 = max |A^H y|``, the largest modulus in the film that
        the adjoint makes of the data. Scaling the data or the operator changes nothing. Density weighting does: it
        changes A and y, and M0 with them.
    space_weight
        At least 0: ``s = space_weight * M0``.
    periodic
        Whether the first frame follows the last.
    initial
        Starting film; 0 when omitted.
    tolerance
        Stop when two numbers are at most this, for the dual variable p of the penalty g of ``K x``: the norm of the
        violation of ``A^H (A x - y) + K^H p = 0`` relative to ``|A^H y|``, and the gap ``g(K x) - <p, K x>`` relative
        to what the last proximal map minimised. Both are zero exactly at a minimiser. 0: run all ``max_iterations``
        and do not warn.
    max_iterations
        Limit of iterations.
    callback
        Called as ``callback(iteration, film)`` after each iteration.

    Returns
    -------
    Reconstruction
        Its ``image`` is the film ``(..., t, y, x)``, its ``weight`` is w.

    Raises
    ------
    TypeError
        If the data are not complex.
    ValueError
        If shapes do not fit, the data contain NaN or infinity, a weight is negative, or the operator acts on images.

    Warns
    -----
    ConvergenceWarning
        If the tolerance was not reached.

    Notes
    -----
    The proximal map of the penalty is solved in the dual (:class:`~otrecon.solvers.DualProximal`), which costs no A.
    The primal-dual method that :func:`~otrecon.mri.total_variation` uses needs some twenty times as many grams here:
    each of its iterations moves news by one frame, a proximal map moves it through the film.

    Published weights are those of ``|A x - y|^2 + w' |D_t x|_1``, without the half: ``w = w' / 2``. The public code
    of iGRASP takes ``w' = 0.25 M0`` for a liver, which is ``weight=0.125`` here, for density-weighted data.

    References
    ----------
    L. Feng et al., Golden-angle radial sparse parallel MRI (iGRASP), Magn. Reson. Med. 72 (2014). Seed row 000-M2,
    erratum 15.
    """
    data, difference, penalty, w = _problem(operator, kdata, weight, space_weight, periodic, "temporal_tv")
    accuracy = _SHARE * tolerance or _ACCURACY
    proximal = DualProximal(difference, penalty, difference.norm_bound, accuracy=accuracy, max_iterations=_INNER)
    solution = fista(
        data, proximal, initial=initial, tolerance=tolerance, max_iterations=max_iterations, callback=callback
    )
    return Reconstruction.of(solution, w.squeeze((-3, -2, -1)))


def grasp(
    operator: LinearOperator,
    kdata: Tensor,
    *,
    weight: float,
    space_weight: float = 0.0,
    periodic: bool = False,
    smoothing: float = 1e-3,
    restarts: int = 3,
    iterations: int = 8,
    initial: Tensor | None = None,
    tolerance: float = 0.0,
    callback: Callback | None = None,
) -> Reconstruction:
    """Minimise what :func:`temporal_tv` minimises, made smooth, by nonlinear conjugate gradients: iGRASP's own way.

    Each modulus ``|d|`` becomes ``sqrt(|d|^2 + mu^2) - mu``: a little less than ``|d|``, by mu at most. With a smaller
    mu the minimiser comes closer to that of :func:`temporal_tv`, and takes more iterations to find. The published three
    runs of eight iterations do not reach it: compare ``error``.

    Parameters
    ----------
    operator, kdata, weight, space_weight, periodic
        As for :func:`temporal_tv`.
    smoothing
        Positive, without unit: ``mu = smoothing * M0 / |A|^2``, a fraction of a typical intensity of the film. The
        public code has ``mu = 3e-8`` in the unit of its images.
    restarts, iterations
        Runs, each starting with steepest descent, and iterations of each. (The public code stops its loop one late and
        does 9 where its parameter says 8.)
    initial
        Starting film; the adjoint of the data over ``|A|^2`` when omitted. The public code starts at A^H y of density-
        weighted data, which is gridding.
    tolerance
        Stop when the norm of the gradient relative to ``|A^H y|`` is at most this. 0: do all iterations, do not warn.
    callback
        Called as ``callback(iteration, film)`` after each iteration.

    Returns
    -------
    Reconstruction
        Its ``image`` is the film ``(..., t, y, x)``, its ``weight`` is w, its ``objective`` the smooth one.
        ``converged`` is False where ``tolerance`` is 0: nothing was asked for, and a gradient is hardly ever zero.

    Raises
    ------
    TypeError, ValueError
        As for :func:`temporal_tv`; also if ``smoothing`` is not positive or a number of iterations is less than 1.

    Warns
    -----
    ConvergenceWarning
        If a tolerance above 0 was not reached.

    References
    ----------
    L. Feng et al., Magn. Reson. Med. 72 (2014), and its public code; see :func:`temporal_tv` for its weights. Seed row
    000-M2: the seed's text names conjugate gradients, which TensorFlow-MRI offers for quadratic penalties alone.
    """
    if not (math.isfinite(smoothing) and smoothing > 0):
        raise ValueError(
            f"smoothing must be a positive finite number, got {smoothing}: for the penalty itself use temporal_tv."
        )
    data, difference, penalty, w = _problem(operator, kdata, weight, space_weight, periodic, "grasp")
    scale = data.lipschitz or 1.0
    # Zero data have no scale; any smoothing will do.
    mu = smoothing * largest(data.rhs, 3).double() / scale
    solution = nonlinear_conjugate_gradient(
        data,
        difference,
        penalty,
        smoothing=mu.where(mu > 0, 1.0),
        initial=data.rhs / scale if initial is None else initial,
        restarts=restarts,
        iterations=iterations,
        tolerance=tolerance,
        callback=callback,
    )
    return Reconstruction.of(solution, w.squeeze((-3, -2, -1)))


def _problem(
    operator: LinearOperator, kdata: Tensor, weight: float, space_weight: float, periodic: bool, method: str
) -> tuple[LeastSquares, FilmDifference, StackedNorms, Tensor]:
    """Check a problem and take it apart: data term, differences, their norms, and the absolute weight in time."""
    check_weight(weight)
    check_weight(space_weight, "space_weight")
    check_film_operator(operator, method)
    data = data_term(operator, kdata)
    m0 = largest(data.rhs, 3).unsqueeze(-4)
    parts = [(1, MixedNorm(weight * m0, dims=4))]
    if space_weight:
        parts.append((2, MixedNorm(space_weight * m0, dims=4, group=-4)))
    difference = FilmDifference(operator.domain, space=space_weight > 0, periodic=periodic)
    return data, difference, StackedNorms(parts, axis=-4), (weight * m0).squeeze(-4)
