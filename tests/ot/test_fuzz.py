"""Whatever comes: an accurate answer that says it converged, or one that says it did not, or an error; never NaN.

What is accurate is judged without a solver. The potentials that come back give, in plain sums over all pairs of pixels,
a value that no transport is below and one that some transport has; the answer must lie between, and these together.
"""

import math
import warnings

import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otrecon.ot import Convolution, Grid, barycenter, sinkhorn, sinkhorn_divergence
from otrecon.solvers import ConvergenceWarning
from tests.ot import reference

LIMIT = 150

# The same examples in every run, so that a run takes the same time: another seed is an edit away.
STEADY = {"deadline": None, "derandomize": True, "suppress_health_check": list(HealthCheck)}

KINDS = ("one pixel", "almost one pixel", "two far pixels", "uniform", "random", "sparse", "steep", "border")


def shapes(*, longest):
    flat, deep = st.integers(1, longest), st.integers(1, 8)
    return st.one_of(st.tuples(flat), st.tuples(flat, flat), st.tuples(deep, deep, deep))


@st.composite
def grids(draw, *, longest=40):
    """Grids of any size and spacing, and a blur of 0.5 to 50 pixels of one of their axes."""
    shape = draw(shapes(longest=longest))
    one = draw(st.floats(-3, 3).map(lambda power: 10**power))
    stretch = draw(st.sampled_from([(1.0, 1.0, 1.0), (1.0, 3.0, 0.5), (1.0, 40.0, 1.0)]))
    grid = Grid(shape, [one * factor for factor in stretch[: len(shape)]])
    pixels = draw(st.floats(math.log(0.5), math.log(50)).map(math.exp))
    return grid, pixels * max(grid.spacing)


def measure(shape, kind, seed, mass=1.0):
    generator = torch.Generator().manual_seed(seed)
    n = math.prod(shape)
    values = torch.rand(n, dtype=torch.float64, generator=generator)
    if "pixel" in kind:
        first, other = torch.randint(n, (2,), generator=generator).tolist()
        values = torch.zeros(n, dtype=torch.float64)
        values[other] = {"one pixel": 0.0, "almost one pixel": 1e-13, "two far pixels": 0.3}[kind]
        values[first] = 1.0
    elif kind == "uniform":
        values = torch.ones(n, dtype=torch.float64)
    elif kind == "sparse":
        values = torch.where(values < 0.85, 0.0, values)
        values[0] += 1e-9
    elif kind == "steep":
        values = values**200 + 1e-300
    elif kind == "border":
        values = values.view(shape)
        values[tuple(slice(1, -1) for _ in shape)] = 0.0
    return mass * (values / values.sum()).view(shape)


KIND = st.sampled_from(KINDS)
SEED = st.integers(0, 10_000)
REACH = st.one_of(st.none(), st.floats(-2, 3).map(lambda power: 10**power))
MASS = st.floats(-2, 2).map(lambda power: 10**power)


def quietly(call, *args, **kwargs):
    """Call, and give what came back, or None for a blur that is refused."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        try:
            return call(*args, **kwargs)
        except ValueError as refusal:
            if "Use blur=" not in str(refusal):
                raise
            return None


def finite(*tensors):
    return all(bool(torch.isfinite(x).all()) for x in tensors)


@settings(max_examples=160, **STEADY)
@given(grid=grids(), kinds=st.tuples(KIND, KIND), seed=SEED, reach=REACH, masses=st.tuples(MASS, MASS))
def test_transport(grid, kinds, seed, reach, masses):
    grid, blur = grid
    reach = None if reach is None else reach * blur
    a = measure(grid.shape, kinds[0], seed, 1.0 if reach is None else masses[0])
    b = measure(grid.shape, kinds[1], seed + 1, 1.0 if reach is None else masses[1])
    found = quietly(sinkhorn, a, b, grid, blur=blur, reach=reach, max_iterations=LIMIT)
    if found is None:
        return
    assert finite(found.value, found.f, found.g, found.transport_cost, found.plan.map(), *found.plan.marginals())
    assert bool(found.converged) == (float(found.error) <= 1e-6)
    assert 1 <= found.iterations <= LIMIT
    cost = reference.costs(grid.shape, grid.spacing)
    low, high = reference.bounds(*(x.flatten() for x in (a, b, found.f, found.g)), cost, blur, reach)
    most = max(float(a.sum()), float(b.sum()))
    scale = most * (float(cost.max()) + blur**2 * max(1.0, most) + (reach or 0) ** 2)
    assert float(found.value) <= high + 1e-11 * scale
    if bool(found.converged):
        assert low - 1e-11 * scale <= float(found.value)
        assert high - low <= 2e-6 * scale


@settings(max_examples=60, **STEADY)
@given(grid=grids(longest=14), kinds=st.tuples(KIND, KIND), seed=SEED, reach=REACH, masses=st.tuples(MASS, MASS))
def test_divergence(grid, kinds, seed, reach, masses):
    grid, blur = grid
    reach = None if reach is None else reach * blur
    a = measure(grid.shape, kinds[0], seed, 1.0 if reach is None else masses[0])
    b = measure(grid.shape, kinds[1], seed + 1, 1.0 if reach is None else masses[1])
    a.requires_grad_()
    found = quietly(sinkhorn_divergence, a, b, grid, blur=blur, reach=reach, max_iterations=LIMIT)
    if found is None:
        return
    found.value.backward()
    assert finite(found.value, found.f, found.g, a.grad)
    if not bool(found.converged):
        return
    a, cost = a.detach(), reference.costs(grid.shape, grid.spacing)
    low = high = blur**2 / 2 * float(a.sum() - b.sum()) ** 2
    for share, x, y in ((1.0, a, b), (-0.5, a, a), (-0.5, b, b)):
        part = quietly(sinkhorn, x, y, grid, blur=blur, reach=reach)
        ends = reference.bounds(*(z.flatten() for z in (x, y, part.f, part.g)), cost, blur, reach)
        low, high = (
            one + share * end for one, end in zip((low, high), ends[:: int(math.copysign(1, share))], strict=True)
        )
    most = max(float(a.sum()), float(b.sum()))
    scale = most * (float(cost.max()) + blur**2 * max(1.0, most) + (reach or 0) ** 2)
    value = found.value.item()
    assert low - 1e-11 * scale <= value <= high + 1e-11 * scale
    assert high - low <= 1e-5 * scale
    assert value >= -1e-11 * scale


@settings(max_examples=40, **STEADY)
@given(
    shape=shapes(longest=12),
    form=st.sampled_from(["saturating", "distance", "windy", "by axes"]),
    strength=st.floats(-2, 1.5).map(lambda power: 10**power),
    kinds=st.tuples(KIND, KIND),
    seed=SEED,
    reach=REACH,
)
def test_any_cost(shape, form, strength, kinds, seed, reach):
    cost = {
        "saturating": lambda *steps: 1 - torch.exp(-(sum(step**2 for step in steps) ** 2) / 5.0**4),
        "distance": lambda *steps: (sum(step**2 for step in steps) + 1e-9).sqrt(),
        "windy": lambda *steps: sum((k + 1) * step.clamp(min=0) ** 1.5 for k, step in enumerate(steps)),
        "by axes": [lambda step: (step - 0.5).abs()] * len(shape),
    }[form]
    geometry = Convolution(shape, cost)
    blur = strength * math.sqrt(max(geometry.largest_cost, 1e-3))
    a, b = measure(shape, kinds[0], seed), measure(shape, kinds[1], seed + 1)
    reach = None if reach is None else reach * blur
    found = quietly(sinkhorn, a, b, geometry, blur=blur, reach=reach, max_iterations=LIMIT)
    if found is None:
        return
    assert finite(found.value, found.f, found.g, found.transport_cost)
    if bool(found.converged):
        matrix = geometry.cost_matrix()
        low, high = reference.bounds(*(x.flatten() for x in (a, b, found.f, found.g)), matrix, blur, reach)
        scale = float(matrix.max()) + blur**2 + (reach or 0) ** 2
        assert low - 1e-8 * scale <= float(found.value) <= high + 1e-8 * scale
        assert high - low <= 2e-6 * scale


@settings(max_examples=60, **STEADY)
@given(
    grid=grids(longest=20),
    kinds=st.lists(KIND, min_size=1, max_size=4),
    seed=SEED,
    reach=REACH,
    mass=MASS,
    debiased=st.booleans(),
)
def test_barycenter(grid, kinds, seed, reach, mass, debiased):
    grid, blur = grid
    reach = None if reach is None or not debiased else reach * blur
    masses = [1.0 if reach is None else mass**k for k in range(len(kinds))]
    measures = torch.stack([measure(grid.shape, kind, seed + k, masses[k]) for k, kind in enumerate(kinds)])
    weights = measure((len(kinds),), "random", seed)
    found = quietly(
        barycenter, measures, grid, blur=blur, weights=weights, reach=reach, debiased=debiased, max_iterations=LIMIT
    )
    if found is None:
        return
    assert finite(found.measure)
    assert bool((found.measure >= 0).all())
    assert bool(found.converged) == (float(found.error) <= 1e-4)
    if not bool(found.converged):
        return
    # Its plans, written out, have the marginals they should have; so has its plan onto itself.
    eps, most = blur**2, max(masses)
    exponent = -reference.costs(grid.shape, grid.spacing) / eps
    damping = 1.0 if reach is None else reach**2 / (reach**2 + eps)
    log_alpha, *log_v, log_d = found.state.flatten(1)
    alpha = found.measure.flatten()
    missed = 0.0
    for a, w, one in zip(measures.flatten(1), weights.tolist(), log_v, strict=True):
        log_u = a.log() - damping * torch.logsumexp(exponent + one, 1)
        back = log_alpha - damping * torch.logsumexp(exponent + log_u, 1)
        plan = (log_u[:, None] + exponent + back).exp()
        wanted = (log_u + torch.logsumexp(exponent + one, 1)).exp()
        missed += w * float((plan.sum(1) - wanted).abs().sum()) / most
        if reach is None:
            assert float((plan.sum(0) - alpha).abs().sum()) <= 1e-9
    assert missed <= 1e-3
    if debiased:
        own = (log_d + damping * torch.logsumexp(exponent + log_d, 1) - log_alpha).exp()
        assert float((alpha * (own - 1).abs()).sum()) <= 1e-3 * most
    if reach is None:
        assert abs(float(alpha.sum()) - 1) <= 1e-3
