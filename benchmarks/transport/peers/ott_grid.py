"""OTT-JAX on its ``Grid``: compiled, in float64, compile time left out.

Conversions. Its cost is the whole squared distance, so epsilon = 2 blur^2 and half of its value is ours; the entropy is
against the product of the marginals, as ours. The self terms use its symmetric, averaged updates. In the log domain
three families of settings compete: as the library has it, over-relaxed, and over-relaxed with a falling epsilon. Its
exponential domain ("kernel") stands as a peer of its own: cheaper, and limited by underflow.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.transport.peers.peer import Answer, CannotRunError, Peer, Setting, iterations, load
from benchmarks.transport.problems import Problem

__all__ = ["BARYCENTER", "BARYCENTER_KERNEL", "DIVERGENCE", "DIVERGENCE_KERNEL"]

GRID_LIMIT = 2 * 10**8  # entries of the widest temporary; 1.6 GB


def _jax() -> Any:
    jax = load("jax")
    jax.config.update("jax_enable_x64", True)
    return jax


def _geometry(problem: Problem, decay: float) -> Any:
    temporary = int(np.prod(problem.shape)) * max(problem.shape)
    if temporary > GRID_LIMIT:
        raise CannotRunError(f"a temporary of {8 * temporary / 2**30:.1f} GiB a softmin")
    jnp = _jax().numpy
    scheduler = load("ott.geometry.epsilon_scheduler").Epsilon
    start = sum(n**2 for n in problem.shape) / (2 * problem.blur**2) if decay < 1 else 1.0
    epsilon = scheduler(2 * problem.blur**2, init=start, decay=decay)
    return load("ott.geometry.grid").Grid(x=[jnp.arange(n, dtype=float) for n in problem.shape], epsilon=epsilon)


def _divergence(problem: Problem, setting: Setting) -> Callable[[], Answer]:
    jax = _jax()
    sinkhorn = load("ott.solvers.linear.sinkhorn").Sinkhorn
    momentum = load("ott.solvers.linear.acceleration").Momentum
    linear = load("ott.problems.linear.linear_problem").LinearProblem
    limits: dict[str, Any] = {}
    if "iterations" in setting:
        limits = {"threshold": 0.0, "max_iterations": setting["iterations"]}
    relaxation = {"momentum": momentum(value=setting["relaxation"])} if "relaxation" in setting else {}
    domain = bool(setting.get("lse_mode", True))
    cross = sinkhorn(lse_mode=domain, **limits, **relaxation)
    own = sinkhorn(lse_mode=domain, **limits, parallel_dual_updates=True, momentum=momentum(start=0, value=0.5))
    decay = float(setting.get("decay", 1.0))
    _geometry(problem, decay)

    def value(a: Any, b: Any) -> Any:
        grid = _geometry(problem, decay)
        terms = [solver(linear(grid, p, q)).reg_ot_cost for solver, p, q in ((cross, a, b), (own, a, a), (own, b, b))]
        return (terms[0] - terms[1] / 2 - terms[2] / 2) / 2

    a, b = (jax.numpy.asarray(measure.ravel()) for measure in problem.measures)
    compiled = jax.jit(value).lower(a, b).compile()
    return lambda: float(compiled(a, b))


def _barycenter(problem: Problem, setting: Setting) -> Callable[[], Answer]:
    jax = _jax()
    solver = load("ott.solvers.linear.discrete_barycenter").FixedBarycenter
    fixed = load("ott.problems.linear.barycenter_problem").FixedBarycenterProblem
    limits: dict[str, Any] = {}
    if "iterations" in setting:
        limits = {"threshold": 0.0, "max_iterations": setting["iterations"]}
    _geometry(problem, 1.0)

    def centre(measures: Any) -> Any:
        solve = solver(debiased=True, lse_mode=bool(setting.get("lse_mode", True)), **limits)
        return solve(fixed(geom=_geometry(problem, 1.0), a=measures)).histogram

    measures = jax.numpy.stack([jax.numpy.asarray(measure.ravel()) for measure in problem.measures])
    compiled = jax.jit(centre).lower(measures).compile()
    return lambda: np.asarray(compiled(measures)).reshape(problem.shape)


DIVERGENCE = Peer(
    "OTT-JAX, Grid",
    _divergence,
    (iterations(relaxation=1.5), iterations(relaxation=1.5, decay=0.7), iterations()),
)
DIVERGENCE_KERNEL = Peer(
    "OTT-JAX, Grid, kernel", _divergence, (iterations(lse_mode=False),), defaults={"lse_mode": False}
)
# Up to 1,000 iterations: its debiasing in the log domain has another fixed point, which no number of them mends.
BARYCENTER = Peer("OTT-JAX, Grid", _barycenter, (iterations(most=1_000),))
BARYCENTER_KERNEL = Peer(
    "OTT-JAX, Grid, kernel", _barycenter, (iterations(lse_mode=False),), defaults={"lse_mode": False}
)
