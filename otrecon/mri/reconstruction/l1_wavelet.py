"""Compressed sensing: an image with few large wavelet coefficients, by FISTA."""

from __future__ import annotations

import torch
from torch import Tensor

from otrecon.mri.reconstruction.result import Reconstruction, check_image_operator, check_weight, data_term, largest
from otrecon.mri.wavelet import Wavelet
from otrecon.operators import LinearOperator
from otrecon.solvers import MixedNorm, fista
from otrecon.solvers.solution import Callback, inner

__all__ = ["l1_wavelet"]


def l1_wavelet(
    operator: LinearOperator,
    kdata: Tensor,
    *,
    weight: float,
    wavelet: str = "db4",
    levels: int | None = None,
    spins: int = 4,
    initial: Tensor | None = None,
    tolerance: float = 1e-4,
    max_iterations: int = 300,
    callback: Callback | None = None,
) -> Reconstruction:
    """Minimise ``|A x - y|^2 / 2 + t * |W x|_1``, W an orthogonal wavelet transform, averaged over shifts of the image.

    Parameters
    ----------
    operator
        A, on images ``(..., y, x)``.
    kdata
        y, complex ``(..., *operator.range)``. Leading axes are a batch of independent problems.
    weight
        At least 0, without unit: ``t = weight * max |W A^H y|`` for each image, so that scaling the data or the
        operator changes nothing. With a single spin the solution is exactly zero from weight 1 on.
    wavelet, levels
        The transform, see :class:`~otrecon.mri.Wavelet`.
    spins
        Number of cycle spins, at least 1. With 1 the result depends on where the grid of the wavelets lies and shows
        it as blocks. With more, each iteration averages the shrunk images of that many shifts; this is the proximal map
        of a convex penalty (the proximal average of the shifted ones), so that the method converges as ever and needs
        no random numbers.
    initial
        Starting image; 0 when omitted.
    tolerance
        Stop when the norm of the subgradient of the objective relative to ``|A^H y|`` is at most this. 0: run all
        ``max_iterations`` and do not warn.
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
        If shapes do not fit, the data contain NaN or infinity, the weight is negative, or the wavelet does not exist.

    Warns
    -----
    ConvergenceWarning
        If the tolerance was not reached.

    References
    ----------
    M. Lustig, D. Donoho and J. M. Pauly, Magn. Reson. Med. 58 (2007); R. R. Coifman and D. L. Donoho,
    Translation-invariant de-noising (1995), for the spins; H. H. Bauschke et al., SIAM J. Optim. 19 (2008), for the
    proximal average. Seed row 003-M2 (its baseline).
    """
    check_weight(weight)
    check_image_operator(operator, "l1_wavelet")
    if spins < 1 or int(spins) != spins:
        raise ValueError(f"spins must be a positive integer, got {spins}.")
    data = data_term(operator, kdata)
    transform = Wavelet(operator.domain, wavelet, levels).to(data.rhs.device)
    shifts = _shifts(spins, 2**transform.levels)
    threshold = weight * largest(transform(data.rhs), 2)
    penalty = MixedNorm(threshold, dims=2)

    def proximal(v: Tensor, step: float) -> tuple[Tensor, Tensor]:
        mean = torch.zeros_like(v)
        envelope = torch.zeros_like(data.rhs_norm)
        for shift in shifts:
            coefficients = transform(v.roll(shift, (-2, -1)))
            shrunk = penalty.prox(coefficients, step)
            moved = shrunk - coefficients
            envelope = envelope + penalty.value(shrunk) + inner(moved, moved, 2) / (2 * step)
            mean = mean + transform.adjoint(shrunk).roll((-shift[0], -shift[1]), (-2, -1))
        x, envelope = mean / spins, envelope / spins
        # The Moreau envelope of the proximal average is the average of the envelopes: this gives its value.
        return x, envelope - inner(x - v, x - v, 2) / (2 * step)

    solution = fista(
        data, proximal, initial=initial, tolerance=tolerance, max_iterations=max_iterations, callback=callback
    )
    return Reconstruction.of(solution, threshold.squeeze((-2, -1)))


def _shifts(spins: int, period: int) -> list[tuple[int, int]]:
    """``spins`` shifts spread over one period of the coarsest wavelets, both parities of both axes first."""
    points = [(0, 0), (1, 1), (0, 1), (1, 0)]
    stride = max(2, period // 4 * 2 - 2)
    return [
        ((points[i % 4][0] + stride * (i // 4)) % period, (points[i % 4][1] + 2 * (i // 4)) % period)
        for i in range(spins)
    ]
