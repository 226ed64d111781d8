"""Barycenters of Gaussians: exact, debiased, and with the bias of entropy left in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from otrecon.ot.checks import check_weights
from otrecon.ot.gaussians.measure import Gaussian, root
from otrecon.ot.gaussians.pairs import slope

__all__ = ["barycenter"]


def barycenter(
    gaussians: Sequence[Gaussian],
    weights: Sequence[float] | Tensor | None = None,
    blur: float = 0.0,
    *,
    debiased: bool = True,
    entropy: Literal["uniform", "product"] = "uniform",
    tol: float = 1e-12,
    max_iterations: int = 100_000,
) -> Gaussian:
    r"""Return the measure of least weighted mean divergence to several Gaussians; it is a Gaussian.

    Its mean is the mean of the means. Its covariance S solves, with :math:`R_k = (S^{1/2} A_k S^{1/2} +
    \varepsilon^2/4)^{1/2}`, the equation :math:`\sum_k w_k R_k = (S^2 + \varepsilon^2/4)^{1/2}` when debiased [1]_.
    When not, its right-hand side is :math:`S - \varepsilon/2` or :math:`S + \varepsilon/2`, by what the entropy is
    relative to; without blur all are that of [2]_. It says that the first variation is constant: a sum of potentials,
    all of them quadratic, vanishes. The equation is iterated, and the result is handed out only when it solves the
    equation to the tolerance.

    Debiased, Gaussians of one covariance keep it. Not debiased, a single Gaussian is answered with one whose covariance
    is larger by :math:`\varepsilon` along every axis, for the uniform entropy, or smaller by as much, down to a point,
    for that relative to the product of the measures.

    Parameters
    ----------
    gaussians
        At least one, all of the same dimension and mass.
    weights
        Not negative, of sum 1; None: all equal.
    blur
        Length, at least 0; ``blur**2`` is the strength of the entropy.
    debiased
        Minimise the Sinkhorn divergence, or, if false, regularised transport itself.
    entropy
        What the entropy of regularised transport is relative to, when not debiased: ``"uniform"`` is a uniform density,
        as in `otrecon.ot.barycenter` and in iterative Bregman projections; ``"product"`` is that of the two measures,
        as in `entropic`, whose weighted sum it minimises.
    tol
        Largest residual of the equation relative to the largest covariance.
    max_iterations
        Iterations of the fixed point before giving up.

    Returns
    -------
    Gaussian
        Of the common mass. Singular where the optimum is flat or a point.

    Raises
    ------
    ValueError
        If the input does not fit, entropy is none of the two, or the masses differ: with a reach there is no closed
        form here.
    RuntimeError
        If the iteration does not converge, as when, for the entropy relative to the product, ``blur**2`` is just at the
        size of the covariance.

    References
    ----------
    .. [1] H. Janati, M. Cuturi, A. Gramfort, "Debiased Sinkhorn barycenters", ICML 2020.
    .. [2] M. Agueh, G. Carlier, "Barycenters in the Wasserstein space", SIAM J. Math. Anal. 43, 2011.
    """
    w = _check(gaussians, weights, blur)
    if entropy not in ("uniform", "product"):
        raise ValueError(f"entropy must be 'uniform' or 'product', got {entropy!r}.")
    eps = float(blur) ** 2
    covariances = [gaussian.covariance for gaussian in gaussians]
    scale = max(float(covariance.trace()) for covariance in covariances)
    mean = torch.stack([gaussian.mean for gaussian in gaussians]).mT @ w
    if scale == 0 and (debiased or entropy == "product"):
        return Gaussian(mean, 0.0, gaussians[0].mass)

    S = _mean(covariances, w)
    for _ in range(max_iterations):
        half = root(S)
        # sum_k w_k R_k - eps/2, computed through the slopes: exact where S is small, and never negative.
        pull = half @ _mean([slope(S, A, eps) for A in covariances], w) @ half
        pull = (pull + pull.mT) / 2
        if debiased:
            update = root(pull @ pull + eps * pull)  # (pull + eps/2)^2 - eps^2/4 = S^2
        else:
            update = pull + eps * torch.eye(len(S), dtype=torch.float64) if entropy == "uniform" else pull
        change = float((update - S).abs().max())
        S = update
        if change <= tol * scale:
            return Gaussian(mean, S, gaussians[0].mass)
    raise RuntimeError(
        f"the barycenter of Gaussians did not converge in {max_iterations} iterations: last change {change:.1e} of the "
        f"covariance, allowed {tol * scale:.1e}. Allow a larger tol, or move blur away from the width of the Gaussians."
    )


def _mean(matrices: Sequence[Tensor], weights: Tensor) -> Tensor:
    return torch.einsum("k,kij->ij", weights, torch.stack(list(matrices)))


def _check(gaussians: Sequence[Gaussian], weights: Sequence[float] | Tensor | None, blur: float) -> Tensor:
    """Return the weights in float64, or raise."""
    if not gaussians:
        raise ValueError("a barycenter needs at least one Gaussian, got none.")
    sizes = {gaussian.ndim for gaussian in gaussians}
    if len(sizes) > 1:
        raise ValueError(f"all Gaussians must have as many axes, got {sorted(sizes)}.")
    masses = [gaussian.mass for gaussian in gaussians]
    if max(masses) - min(masses) > 1e-12 * max(masses):
        raise ValueError(f"the masses differ, {masses}: give all Gaussians the same mass.")
    if not (math.isfinite(blur) and blur >= 0):
        raise ValueError(f"blur must be a length of at least 0, got {blur}.")
    return check_weights(weights, len(gaussians), torch.device("cpu"))
