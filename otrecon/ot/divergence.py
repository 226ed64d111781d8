"""The Sinkhorn divergence: transport with entropy, without the entropy's bias."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from otrecon.ot.entry import Batch, prepare, warn_unless, with_gradient
from otrecon.ot.geometry import Geometry
from otrecon.ot.solver import solve_pair, solve_self

__all__ = ["Divergence", "sinkhorn_divergence"]


@dataclass(frozen=True, eq=False)
class Divergence:
    """What `sinkhorn_divergence` found.

    Attributes
    ----------
    value
        The divergence ``(...)``; at least 0, up to ``tol``, where ``exp(-cost / eps)`` is positive definite, as it is
        for every `Grid`; differentiable once in both measures.
    f, g
        Its derivatives in ``a`` and ``b``, ``(..., *shape)``; balanced, each up to a constant. Constants for autograd.
    converged
        Whether all three transports met the tolerance ``(...)``.
    error
        The largest of their errors, as in `Transport`.
    iterations
        The largest number of iterations among them.
    residuals
        The error after each iteration between the two measures, of the worst member of the batch.
    """

    value: Tensor
    f: Tensor = field(repr=False)
    g: Tensor = field(repr=False)
    converged: Tensor
    error: Tensor
    iterations: int
    residuals: list[float] = field(repr=False)


def sinkhorn_divergence(
    a: Tensor,
    b: Tensor,
    geometry: Geometry,
    *,
    blur: float,
    reach: float | None = None,
    tol: float = 1e-6,
    max_iterations: int = 1000,
) -> Divergence:
    """Measure how far two measures are apart: ``OT(a, b) - OT(a, a) / 2 - OT(b, b) / 2``.

    Zero where the measures are equal, positive elsewhere, and convex in each of them, for the quadratic cost. For a
    small blur it tends to half the squared Wasserstein distance, for a large one to half the squared distance of the
    means.

    Parameters
    ----------
    a, b
        Measures ``(..., *shape)``, as in `sinkhorn`.
    geometry
        `Grid`, `Convolution` or `Dense`, the same points for both measures.
    blur, reach, tol, max_iterations
        As in `sinkhorn`. With a reach, ``eps (mass(a) - mass(b))^2 / 2`` is added, which makes the divergence zero
        only where the measures are equal.

    Returns
    -------
    Divergence
        In the unit of the cost: the square of the spacing, for a `Grid`.

    Raises
    ------
    TypeError, ValueError
        As `sinkhorn`; also if the geometry is not symmetric.

    Warns
    -----
    ConvergenceWarning
        Once, if a tolerance was not reached.

    Notes
    -----
    Feydy et al. 2019, Séjourné et al. 2019 (unbalanced). Source: rows 000-T4, 002-M2, 004-M2.

    Examples
    --------
    >>> import torch
    >>> from otrecon.ot import Grid, sinkhorn_divergence, to_measure
    >>> images = to_measure(torch.rand(2, 40, 72, dtype=torch.float64, generator=torch.Generator().manual_seed(0)))
    >>> same = sinkhorn_divergence(images[0], images[0], Grid((40, 72)), blur=2.0)
    >>> abs(float(same.value)) < 1e-10
    True
    """
    a, b, problem = prepare(a, b, geometry, blur, reach, tol, max_iterations)
    if not geometry.symmetric:
        raise ValueError(
            f"{geometry!r} is not symmetric: a divergence also moves each measure onto itself, so it needs one set of "
            "points and a cost that is the same both ways. sinkhorn takes any cost."
        )
    pair = Batch.of(a, b, geometry, balanced=reach is None)
    with torch.no_grad():
        both, count = torch.cat([pair.a, pair.b]), len(pair.a)
        alone = solve_self(both, geometry, problem, tol=tol, max_iterations=max_iterations)
        self_f, self_g = alone.f[:count], alone.f[count:]
        # Measures that are nearly equal move onto each other much as each onto itself.
        cross = solve_pair(pair.a, pair.b, geometry, problem, tol=tol, max_iterations=max_iterations, guess=self_g)
        # The products of masses in the three values, and half of eps (mass(a) - mass(b))^2, add up to nothing.
        value = cross.value - (alone.value[:count] + alone.value[count:]) / 2
        slope_a = problem.slope(cross.f) - problem.slope(self_f)
        slope_b = problem.slope(cross.g) - problem.slope(self_g)
        error = torch.stack([cross.error, alone.error[:count], alone.error[count:]]).amax(0)
        converged = cross.converged & alone.converged[:count] & alone.converged[count:]
    warn_unless(converged, error, tol, max_iterations, "sinkhorn_divergence")
    return Divergence(
        with_gradient(pair.back(value), a, b, pair.back(slope_a), pair.back(slope_b)),
        pair.back(slope_a),
        pair.back(slope_b),
        pair.back(converged, torch.bool),
        pair.back(error),
        max(cross.iterations, alone.iterations),
        cross.residuals,
    )
