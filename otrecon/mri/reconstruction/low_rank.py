"""Films that are a background of few patterns plus changes of few frequencies: low rank plus sparse."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from otrecon.mri.reconstruction.result import Reconstruction, check_film_operator, check_weight, data_term, largest
from otrecon.operators import LinearOperator
from otrecon.solvers import MixedNorm, fista
from otrecon.solvers.least_squares import LeastSquares
from otrecon.solvers.solution import Callback

__all__ = ["LowRankPlusSparse", "low_rank_plus_sparse"]


@dataclass(frozen=True, repr=False, kw_only=True)
class LowRankPlusSparse(Reconstruction):
    """A reconstruction and the two films that it is the sum of.

    Attributes
    ----------
    low_rank
        Background L, complex ``(..., t, y, x)``.
    sparse
        Changes S, of the same shape; ``image`` is L + S.
    sparse_weight
        The absolute weight of S, one for each film ``(...)``; that of L is ``weight``.
    """

    low_rank: Tensor
    sparse: Tensor
    sparse_weight: Tensor


def low_rank_plus_sparse(
    operator: LinearOperator,
    kdata: Tensor,
    *,
    low_rank_weight: float,
    sparse_weight: float,
    tolerance: float = 1e-4,
    max_iterations: int = 500,
    callback: Callback | None = None,
) -> LowRankPlusSparse:
    """Minimise ``|A (L + S) - y|^2 / 2 + l |L|_* + s |F_t S|_1`` over two films L and S.

    ``|L|_*`` is the sum of the singular values of the Casorati matrix of L, one row a frame and one column a pixel:
    small for a film of few patterns that come and go. ``F_t`` is the unitary Fourier transform along time, ``|.|_1``
    the sum of moduli: small for pixels that change periodically.

    Parameters
    ----------
    operator
        A, on films ``(..., t, y, x)``: :class:`~otrecon.mri.RadialFilm`, its density-weighted version, or
        :class:`~otrecon.mri.CartesianFilm`.
    kdata
        y, complex ``(..., *operator.range)``. Leading axes are a batch of independent problems.
    low_rank_weight
        At least 0, without unit: ``l`` is this times the largest singular value of A^H y. At 1 and above L is zero
        where S is.
    sparse_weight
        At least 0, without unit: ``s`` is this times ``max |F_t A^H y|``. At 1 and above S is zero where L is. The
        largest coefficient is the mean over time, as a rule, so that useful weights are far below 1.
    tolerance
        Stop when the norm of the subgradient of the objective relative to ``|A^H y|`` (counted twice, for L and for S)
        is at most this. 0: run all ``max_iterations`` and do not warn.
    max_iterations
        Limit of iterations.
    callback
        Called as ``callback(iteration, film)`` after each iteration, with ``film = L + S``.

    Returns
    -------
    LowRankPlusSparse
        ``image`` is L + S.

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
    The paper iterates the same two proximal maps with a step of 1, which converges where ``|A|`` is at most 1; here the
    step follows from ``|A|``, and FISTA accelerates. Its public code takes the threshold of L relative to the largest
    singular value of the iterate, which changes from one iteration to the next and minimises no fixed objective, and
    that of S in the unit of the data. The sum L + S is unique in practice, the parts less so: a static background has
    rank 1 and a single frequency, and goes where it costs less.

    References
    ----------
    R. Otazo, E. Candes and D. K. Sodickson, Low-rank plus sparse matrix decomposition for accelerated dynamic MRI with
    separation of background and dynamic components, Magn. Reson. Med. 73 (2015).
    """
    check_weight(low_rank_weight, "low_rank_weight")
    check_weight(sparse_weight, "sparse_weight")
    check_film_operator(operator, "low_rank_plus_sparse")
    start = data_term(operator, kdata).rhs
    data = LeastSquares(operator @ _Total(operator.domain), kdata)
    low = low_rank_weight * singular_values(start).amax(-1)[..., None, None, None]
    high = sparse_weight * largest(torch.fft.fft(start, dim=-3, norm="ortho"), 3)
    penalty = MixedNorm(high, dims=3)

    def proximal(v: Tensor, step: float) -> tuple[Tensor, Tensor]:
        low_rank, nuclear = shrink_singular_values(v[..., 0, :, :, :], step * low)
        frequencies = penalty.prox(torch.fft.fft(v[..., 1, :, :, :], dim=-3, norm="ortho"), step)
        sparse = torch.fft.ifft(frequencies, dim=-3, norm="ortho")
        value = low * nuclear + penalty.value(frequencies)
        return torch.stack([low_rank, sparse], -4), value.unsqueeze(-4)

    def report(iteration: int, parts: Tensor) -> None:
        if callback is not None:
            callback(iteration, parts.sum(-4))

    solution = fista(data, proximal, tolerance=tolerance, max_iterations=max_iterations, callback=report)
    low_rank, sparse = solution.x.unbind(-4)
    return LowRankPlusSparse(
        low_rank + sparse,
        solution.converged,
        solution.iterations,
        solution.error,
        solution.residuals,
        solution.objective,
        low.squeeze((-3, -2, -1)),
        low_rank=low_rank,
        sparse=sparse,
        sparse_weight=high.squeeze((-3, -2, -1)),
    )


def singular_values(film: Tensor) -> Tensor:
    """Singular values ``(..., min(t, y x))`` of the Casorati matrix of a film ``(..., t, y, x)``, in double."""
    return torch.linalg.svdvals(film.flatten(-2).to(torch.complex128))


def shrink_singular_values(film: Tensor, threshold: Tensor) -> tuple[Tensor, Tensor]:
    """Take ``threshold`` ``(..., 1, 1, 1)`` from the singular values of a film, down to zero; return their sum, too.

    Frames are few and pixels many: the frames' inner products, ``(t, t)``, tell the singular values and the mixtures of
    frames that belong to them. In double precision their squares lose nothing that a threshold would keep.
    """
    casorati = film.flatten(-2)
    products = torch.zeros((*casorati.shape[:-1], casorati.shape[-2]), dtype=torch.complex128, device=film.device)
    # In pieces: a copy of the whole film in double is spared.
    for piece in casorati.split(math.ceil(2**16 / casorati.shape[-2]), -1):
        wide = piece.to(torch.complex128)
        products += wide @ wide.mH
    squares, mixtures = torch.linalg.eigh(products)
    values = squares.clamp_min(0).sqrt()
    limit = threshold.double().reshape(*threshold.shape[:-3], 1)
    kept = (values - limit).clamp_min(0)
    factor = torch.where(kept > 0, kept / values, 0)
    weights = (mixtures * factor.unsqueeze(-2)) @ mixtures.mH
    return (weights.to(film.dtype) @ casorati).reshape(film.shape), kept.sum(-1)[..., None, None, None]


class _Total(LinearOperator):
    """The sum of two films: ``(..., 2, t, y, x)`` to ``(..., t, y, x)``."""

    def __init__(self, film_size: tuple[int, ...]) -> None:
        super().__init__((2, *film_size), film_size)

    def _forward(self, x: Tensor) -> Tensor:
        return x[..., 0, :, :, :] + x[..., 1, :, :, :]

    def _adjoint(self, y: Tensor) -> Tensor:
        return torch.stack([y, y], -4)
