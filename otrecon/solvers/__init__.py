"""Iterative solvers that know only operators, penalties and callbacks.

They stand on the ground floor beside ``operators``: classical MRI uses them first, the dynamic, CT and cross-modal
rooms use the same ones. Conjugate gradients solves normal equations; FISTA takes a penalty whose proximal map is
cheap; the primal-dual method takes a penalty of a linear map of the image, and nonlinear conjugate gradients such a
penalty made smooth. The last three take the data as a :class:`LeastSquares` term, which costs one gram an iteration
instead of a forward and an adjoint. Each returns a :class:`Solution` that says whether it converged, to what error, and
how it got there.
"""

from otrecon.solvers.conjugate_gradient import conjugate_gradient
from otrecon.solvers.dual_prox import DualProximal
from otrecon.solvers.fista import fista
from otrecon.solvers.least_squares import LeastSquares
from otrecon.solvers.nonlinear_cg import nonlinear_conjugate_gradient
from otrecon.solvers.penalties import MixedNorm, StackedNorms
from otrecon.solvers.primal_dual import primal_dual
from otrecon.solvers.solution import ConvergenceWarning, Solution

__all__ = [
    "ConvergenceWarning",
    "DualProximal",
    "LeastSquares",
    "MixedNorm",
    "Solution",
    "StackedNorms",
    "conjugate_gradient",
    "fista",
    "nonlinear_conjugate_gradient",
    "primal_dual",
]
