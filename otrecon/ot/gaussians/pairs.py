"""Value, divergence, plan and path between two Gaussians."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from otrecon.ot.gaussians.measure import Gaussian, eigenvalues, root

__all__ = ["GaussianPlan", "displacement", "divergence", "entropic", "plan", "slope", "wasserstein"]


@dataclass(frozen=True, eq=False)
class GaussianPlan:
    """The optimal plan between two Gaussians, itself a Gaussian over pairs of places.

    Attributes
    ----------
    source, target : Gaussian
        The marginals: the two measures themselves when balanced; with a reach, what is left of them.
    cross : Tensor
        ``(d, d)``, covariance between where mass comes from and where it goes.
    slope : Tensor
        ``(d, d)``, symmetric: how the average destination changes with the place.
    """

    source: Gaussian
    target: Gaussian
    cross: Tensor
    slope: Tensor

    @property
    def mass(self) -> float:
        """Mass that is moved."""
        return self.source.mass

    @property
    def transport_cost(self) -> float:
        """Cost of the moves alone, without entropy and without what is paid for mass that is not moved."""
        gap = self.source.mean - self.target.mean
        spread = self.source.covariance + self.target.covariance - 2 * self.cross
        return self.mass * float(gap @ gap + spread.trace()) / 2

    def map(self, x: Tensor) -> Tensor:
        """Where the mass at ``x`` goes on average, ``(..., d)`` to ``(..., d)``; without blur it all goes there."""
        return self.target.mean.to(x) + (x - self.source.mean.to(x)) @ self.slope.to(x)


def wasserstein(p: Gaussian, q: Gaussian) -> float:
    """Half the squared Wasserstein distance W2 between two Gaussians of equal mass, times that mass.

    Parameters
    ----------
    p, q
        Of equal mass and dimension.

    Returns
    -------
    float
        Half the squared distance of the means plus half the squared Bures distance of the covariances.

    Raises
    ------
    ValueError
        If dimensions or masses differ.
    """
    return entropic(p, q, 0.0)


def entropic(p: Gaussian, q: Gaussian, blur: float, reach: float | None = None) -> float:
    """Value of regularised transport between two Gaussians, balanced or with a reach.

    Parameters
    ----------
    p, q
        Of equal dimension; of equal mass unless there is a reach.
    blur
        Length, at least 0; 0 is transport without entropy.
    reach
        Length beyond which mass rather vanishes and appears than moves; None: all of it moves.

    Returns
    -------
    float
        Length squared times mass: cost, plus ``blur**2`` times KL against the product of the measures, plus
        ``reach**2`` times KL of either marginal.

    Raises
    ------
    ValueError
        If dimensions differ, masses differ without a reach, or a length is not allowed.
    """
    eps, rho = _check(p, q, blur, reach)
    if rho == math.inf:
        gap = p.mean - q.mean
        half = root(p.covariance)
        # Eigenvalues of sqrt(4 A^(1/2) B A^(1/2) + eps^2), the only place where the two covariances meet.
        mix = torch.sqrt(4 * eigenvalues(half @ q.covariance @ half) + eps**2)
        value = float(gap @ gap + p.covariance.trace() + q.covariance.trace() - (mix - eps).sum()) / 2
        if eps > 0:
            value += eps / 2 * float(torch.log((mix + eps) / (2 * eps)).sum())
        # A mass m instead of 1 multiplies the value; KL against the product of the measures adds the rest.
        return p.mass * value + eps * p.mass * (p.mass - 1 - math.log(p.mass))
    moved, energy = _solve(p, q, eps, rho)
    # At the optimum the value is eps (m_p m_q - m) + rho (m_p + m_q - 2m); spelled so that a large rho cancels nothing.
    product = math.log(p.mass * q.mass)
    geometric = math.exp(product / 2)
    gain = math.expm1((eps / 2 * product - energy) / (eps + 2 * rho))
    lost = (math.sqrt(p.mass) - math.sqrt(q.mass)) ** 2 - 2 * geometric * gain
    return eps * (p.mass * q.mass - moved.mass) + rho * lost


def divergence(p: Gaussian, q: Gaussian, blur: float, reach: float | None = None) -> float:
    """Sinkhorn divergence between two Gaussians: regularised transport, less what blur alone costs.

    Parameters
    ----------
    p, q, blur, reach
        As in `entropic`.

    Returns
    -------
    float
        ``OT(p, q) - OT(p, p) / 2 - OT(q, q) / 2 + blur**2 / 2 * (m_p - m_q)**2``, never negative, 0 for p = q.

    Raises
    ------
    ValueError
        As in `entropic`.
    """
    own = (entropic(p, p, blur, reach) + entropic(q, q, blur, reach)) / 2
    return entropic(p, q, blur, reach) - own + blur**2 / 2 * (p.mass - q.mass) ** 2


def plan(p: Gaussian, q: Gaussian, blur: float = 0.0, reach: float | None = None) -> GaussianPlan:
    """Optimal plan between two Gaussians.

    Parameters
    ----------
    p, q, blur, reach
        As in `entropic`.

    Returns
    -------
    GaussianPlan

    Raises
    ------
    ValueError
        As in `entropic`.
    """
    eps, rho = _check(p, q, blur, reach)
    return _solve(p, q, eps, rho)[0]


def displacement(p: Gaussian, q: Gaussian, time: float) -> Gaussian:
    """Return the Gaussian on the way from p to q, every parcel moving straight at constant speed (McCann).

    Parameters
    ----------
    p, q
        Of equal mass and dimension.
    time
        0 is p and 1 is q.

    Returns
    -------
    Gaussian

    Raises
    ------
    ValueError
        If dimensions or masses differ, or the time is not between 0 and 1.
    """
    if not 0 <= time <= 1:
        raise ValueError(f"time must lie between 0, which is p, and 1, which is q, got {time}.")
    cross = plan(p, q).cross
    mixed = (1 - time) * time * (cross + cross.mT)
    covariance = (1 - time) ** 2 * p.covariance + time**2 * q.covariance + mixed
    return Gaussian((1 - time) * p.mean + time * q.mean, covariance, p.mass)


def _solve(p: Gaussian, q: Gaussian, eps: float, rho: float) -> tuple[GaussianPlan, float]:
    """Return the plan and, for rho finite, the energy of its normalised version between the normalised measures.

    Both potentials are quadratic. Fixing their curvatures is the balanced problem again, between measures narrowed by
    the penalty and with eps stretched by 1 / sqrt(tau); no covariance is inverted, so that points and flat Gaussians
    are allowed.
    """
    d = p.ndim
    identity = torch.eye(d, dtype=torch.float64)
    wall = eps + rho
    tau = 1.0 if rho == math.inf else rho / wall
    A, B = p.covariance, q.covariance
    root_a, root_b = root(A), root(B)
    narrow_a, narrow_b = _narrowed(root_a, wall), _narrowed(root_b, wall)
    stretched = eps / math.sqrt(tau)
    forward = slope(narrow_a, narrow_b, stretched) / math.sqrt(tau)
    backward = slope(narrow_b, narrow_a, stretched) / math.sqrt(tau)

    gap = torch.linalg.solve(identity + (A + B) / wall, p.mean - q.mean)
    pull_a = root_a @ (identity - forward) @ root_a / wall
    pull_b = root_b @ (identity - backward) @ root_b / wall
    left = root_a @ torch.linalg.solve(identity + pull_a, root_a)
    right = root_b @ torch.linalg.solve(identity + pull_b, root_b)
    left, right = (left + left.mT) / 2, (right + right.mT) / 2
    cross = left @ forward
    mean_a, mean_b = p.mean - A @ gap / wall, q.mean + B @ gap / wall
    if rho == math.inf:
        return GaussianPlan(Gaussian(mean_a, left, p.mass), Gaussian(mean_b, right, p.mass), cross, forward), 0.0

    energy = float(gap @ gap + (left + right - 2 * cross).trace()) / 2
    for covariance, pull in ((A, pull_a), (B, pull_b)):
        u = torch.linalg.eigvalsh((pull + pull.mT) / 2)
        energy += rho / 2 * float((torch.log1p(u) - u / (1 + u)).sum() + gap @ covariance @ gap / wall**2)
    if eps > 0:
        # The plan's precision is that of the product plus this, the curvature of (f + g - cost) / eps.
        curvature = torch.cat(
            [
                torch.cat([(1 - tau) * identity + tau * forward, -identity], 1),
                torch.cat([-identity, (1 - tau) * identity + tau * backward], 1),
            ]
        )
        roots = torch.block_diag(root_a, root_b)
        u = torch.linalg.eigvalsh(roots @ curvature @ roots / eps)
        shift = float(gap @ (A + B) @ gap) / wall**2
        energy += eps / 2 * (float((torch.log1p(u) - u / (1 + u)).sum()) + shift)
    mass = math.exp((wall * math.log(p.mass * q.mass) - energy) / (eps + 2 * rho))
    return GaussianPlan(Gaussian(mean_a, left, mass), Gaussian(mean_b, right, mass), cross, forward), energy


def slope(A: Tensor, B: Tensor, eps: float) -> Tensor:
    """Linear part of the balanced entropic map from covariance A to covariance B; both may be singular."""
    half = root(B)
    values, vectors = torch.linalg.eigh(half @ A @ half)
    values = values.clamp(min=0)
    largest = torch.sqrt(values.max() + eps**2 / 4)
    scale = torch.sqrt(values + eps**2 / 4) + eps / 2
    inverse = torch.where(scale > 1e-12 * largest, 1 / scale.clamp(min=1e-300), 0.0)
    return half @ (vectors * inverse) @ vectors.mT @ half


def _narrowed(half: Tensor, wall: float) -> Tensor:
    """Covariance of a Gaussian after multiplication with ``exp(-|x|^2 / (2 wall))``; given the root of its own."""
    identity = torch.eye(len(half), dtype=torch.float64)
    return half @ torch.linalg.solve(identity + half @ half / wall, half)


def _check(p: Gaussian, q: Gaussian, blur: float, reach: float | None) -> tuple[float, float]:
    """Return eps and rho, or raise."""
    if p.ndim != q.ndim:
        raise ValueError(f"the two Gaussians must have as many axes, got {p.ndim} and {q.ndim}.")
    if not (math.isfinite(blur) and blur >= 0):
        raise ValueError(f"blur must be a length of at least 0, got {blur}.")
    if reach is None:
        if abs(p.mass - q.mass) > 1e-12 * max(p.mass, q.mass):
            raise ValueError(
                f"the masses differ, {p.mass:.6g} and {q.mass:.6g}: give both the same mass, or give a reach, so that "
                "mass may appear and vanish."
            )
        return float(blur) ** 2, math.inf
    if not (math.isfinite(reach) and reach > 0):
        raise ValueError(f"reach must be a positive length, or None for balanced transport, got {reach}.")
    return float(blur) ** 2, float(reach) ** 2
