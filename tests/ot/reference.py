"""Transport with entropy written out over all pairs of pixels: slow, plain, and sharing nothing with the solver."""

import math

import torch


def random_measures(*shape, ndim=2, seed=0, zeros=0.0, dtype=torch.float64):
    """Seeded measures of mass 1 on the trailing axes; a share of the pixels is empty."""
    values = torch.rand(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    values = torch.where(values < zeros, 0.0, values)
    values.flatten(values.ndim - ndim)[..., 0] += 1e-3
    return (values / values.sum(tuple(range(-ndim, 0)), keepdim=True)).to(dtype)


def costs(shape, spacing=1.0):
    """Half the squared distance between all pairs of pixels, from their positions in plain loops over the axes."""
    spacing = (spacing,) * len(shape) if isinstance(spacing, (int, float)) else spacing
    places = torch.cartesian_prod(*(torch.arange(n, dtype=torch.float64) for n in shape)).reshape(-1, len(shape))
    places = places * torch.tensor(spacing, dtype=torch.float64)
    return (places[:, None] - places[None]).square().sum(-1) / 2


def kl(p, log_q):
    """Generalised divergence ``sum p log(p / q) - p + q``; infinite where ``p`` has mass and ``q`` none."""
    gain = torch.where(p > 0, p * (p.log() - log_q), 0.0)
    return float(gain.sum() - p.sum() + log_q.exp().sum())


def solve(a, b, cost, blur, reach=None, *, tol=1e-13, max_iterations=20_000):
    """Plain Sinkhorn by logsumexp over the cost matrix; value of the dual, potentials. One pair, flattened."""
    eps = blur**2
    damping = 1.0 if reach is None else reach**2 / (reach**2 + eps)
    log_a, log_b, g = a.log(), b.log(), torch.zeros_like(b)
    for _ in range(max_iterations):
        f = -damping * eps * torch.logsumexp(log_b + (g - cost) / eps, 1)
        new = -damping * eps * torch.logsumexp(log_a[:, None] + (f[:, None] - cost) / eps, 0)
        change, g = float((new - g)[b > 0].abs().max()), new
        if change <= tol * eps:
            break
    return dual(a, b, f, g, cost, blur, reach), f, g


def plan(a, b, f, g, cost, blur):
    """The plan of two potentials."""
    return (a.log()[:, None] + b.log() + (f[:, None] + g - cost) / blur**2).exp()


def dual(a, b, f, g, cost, blur, reach=None):
    """Dual value of any two potentials: never above the optimum."""
    eps, rho = blur**2, math.inf if reach is None else reach**2
    total = -eps * (plan(a, b, f, g, cost, blur).sum() - a.sum() * b.sum())
    for mass, potential in ((a, f), (b, g)):
        worth = potential if math.isinf(rho) else -rho * torch.expm1(-potential / rho)
        total = total + torch.where(mass > 0, mass * worth, 0.0).sum()
    return float(total)


def primal(a, b, moved, cost, blur, reach=None):
    """Value of any plan: never below the optimum."""
    value = float((moved * cost).sum()) + blur**2 * kl(moved, a.log()[:, None] + b.log())
    if reach is not None:
        value += reach**2 * (kl(moved.sum(1), a.log()) + kl(moved.sum(0), b.log()))
    return value


def bounds(a, b, f, g, cost, blur, reach=None):
    """Between what values the optimum lies, by a dual point and a plan made from two potentials: a proof, no solver."""
    moved = plan(a, b, f, g, cost, blur)
    if reach is None:
        # Cut the plan down to what both marginals allow, and spread what is missing.
        moved = moved * (a / moved.sum(1)).nan_to_num(nan=0.0).clamp(max=1)[:, None]
        moved = moved * (b / moved.sum(0)).nan_to_num(nan=0.0).clamp(max=1)
        left, right = a - moved.sum(1), b - moved.sum(0)
        moved = moved + left.clamp(min=0)[:, None] * right.clamp(min=0) / left.sum().clamp(min=1e-300)
    return dual(a, b, f, g, cost, blur, reach), primal(a, b, moved, cost, blur, reach)
