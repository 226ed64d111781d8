"""Exact optimal transport between two measures: the linear programme, solved by POT's network simplex."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from otrecon.ot.checks import check_masses, check_measure
from otrecon.ot.geometry import Convolution, Dense, Grid
from otrecon.ot.once import differentiable_once
from otrecon.ot.parcels import ParcelPlan

__all__ = ["MAX_PAIRS", "Exact", "emd"]

MAX_PAIRS = 2**24
"""Most pairs of a source and a target, both with mass, that `emd` accepts: two full images of 64 x 64 pixels."""

_STEPS = 20_000_000


@dataclass(frozen=True, eq=False)
class Exact:
    r"""What the linear programme answers.

    Attributes
    ----------
    value : Tensor
        0-d, :math:`\min_P \langle c, P \rangle`; on a grid half of :math:`W_2^2`. Differentiable in both measures.
    f, g : Tensor
        Optimal potentials, in the shapes of the measures, detached. :math:`f(x) + g(y) \le c(x, y)` everywhere, also
        where there is no mass, with equality wherever mass travels; :math:`\langle f, a \rangle = \langle g, b
        \rangle`, which fixes the constant that balanced potentials leave free.
    plan : ParcelPlan
        An optimal plan, as parcels.
    """

    value: Tensor
    f: Tensor
    g: Tensor
    plan: ParcelPlan


def emd(a: Tensor, b: Tensor, geometry: Grid | Convolution | Dense) -> Exact:
    r"""Move one measure onto another at the least cost, exactly: no blur, but a few thousand pixels at most.

    Parameters
    ----------
    a, b
        Real, non-negative, of equal mass: ``geometry.shape`` each, or ``(n,)`` and ``(m,)`` for a `Dense` cost. One
        pair; there is no batch.
    geometry
        Where the measures live and what a move costs. Costs of `Grid` are :math:`|x - y|^2 / 2`.

    Returns
    -------
    Exact
        Value, potentials and plan, in the data type and on the device of `a`; computed on the CPU in float64.

    Raises
    ------
    TypeError
        If a measure is not a real floating-point tensor, or the two differ in data type.
    ValueError
        If shapes do not fit; a value is negative, NaN or infinite; a measure is empty; the masses differ; or more than
        `MAX_PAIRS` pairs of pixels hold mass.
    RuntimeError
        If the network simplex gives up.

    Notes
    -----
    Pixels without mass take no part in the simplex, whose work and memory grow at least with the number of pairs; their
    potentials are filled in afterwards by c-transforms. The derivative of the value is the pair of potentials. It
    holds along changes that keep the two masses equal, as only those keep the problem feasible, and it is one of
    several where the optimal potentials are not unique.

    References
    ----------
    Seed row 000-T3. N. Bonneel et al., Displacement interpolation using Lagrangian mass transport, 2011 (the simplex).
    """
    if not isinstance(geometry, Grid | Convolution | Dense):
        raise TypeError(f"geometry must be a Grid, Convolution or Dense, got {type(geometry).__name__}.")
    shapes = (geometry.source_shape, geometry.target_shape)
    for name, measure, shape in (("a", a, shapes[0]), ("b", b, shapes[1])):
        _check(name, measure, shape)
    if (a.dtype, a.device) != (b.dtype, b.device):
        raise TypeError(f"a is {a.dtype} on {a.device} and b is {b.dtype} on {b.device}; bring them together first.")
    check_masses(a, b, a.ndim, b.ndim, way_out="or use sinkhorn, whose reach= lets mass appear and vanish")
    first, last = (measure.detach().reshape(-1).to("cpu", torch.float64) for measure in (a, b))
    sources, targets = (torch.nonzero(measure).flatten() for measure in (first, last))
    if (pairs := len(sources) * len(targets)) > MAX_PAIRS:
        raise ValueError(
            f"{len(sources)} pixels of a and {len(targets)} of b hold mass, {pairs} pairs; emd takes {MAX_PAIRS}. "
            "Make the images coarser, or use sinkhorn, which never looks at pairs."
        )
    costs = _OnGrid(geometry) if isinstance(geometry, Grid) else _Listed(geometry)
    cost = costs.between(sources, targets)
    mass, prices = _simplex(first[sources], last[targets], cost)
    # What is small for the whole and for both of its ends is rounding, not transport.
    ends = torch.minimum(first[sources][:, None], last[targets])
    row, column = torch.nonzero((mass > 1e-14 * first.sum()) | (mass > 1e-9 * ends), as_tuple=True)
    value = (mass[row, column] * cost[row, column]).sum()
    # The prices at the targets with mass make all others: the highest at which no move would lose.
    f, landing = costs.transform(torch.full_like(last, -math.inf).index_copy(0, targets, prices))
    g, _ = costs.transform(f, reverse=True)
    shift = (f @ first / first.sum() - g @ last / last.sum()) / 2
    f, g = (f - shift).reshape(shapes[0]).to(a), (g + shift).reshape(shapes[1]).to(a)
    parcels = (sources[row].to(a.device), targets[column].to(a.device), mass[row, column].to(a))
    plan = ParcelPlan(*parcels, *shapes, landing.to(a.device), costs.places)
    return Exact(_Value.apply(a, b, value.to(a), f, g), f, g, plan)


class _Value(torch.autograd.Function):
    """The value, whose derivative in the measures is the potentials."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor, value: Tensor, f: Tensor, g: Tensor) -> Tensor:  # noqa: ARG004
        ctx.save_for_backward(f, g)
        return value.clone()

    @staticmethod
    @differentiable_once
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        f, g = ctx.saved_tensors
        return grad * f, grad * g, None, None, None


class _OnGrid:
    """Half squared distances on a grid, one axis at a time."""

    def __init__(self, grid: Grid) -> None:
        self.shape = grid.shape
        self.places = grid.coordinates().reshape(-1, grid.ndim).to("cpu", torch.float64)
        self.axes = []
        for n, step in zip(grid.shape, grid.spacing, strict=True):
            place = step * torch.arange(n, dtype=torch.float64)
            self.axes.append((place[:, None] - place) ** 2 / 2)

    def between(self, sources: Tensor, targets: Tensor) -> Tensor:
        """Costs ``(source, target)``."""
        where = [torch.unravel_index(flat, self.shape) for flat in (sources, targets)]
        cost = torch.zeros(len(sources), len(targets), dtype=torch.float64)
        for axis, start, end in zip(self.axes, *where, strict=True):
            cost += axis[start[:, None], end]
        return cost

    def transform(self, potential: Tensor, *, reverse: bool = False) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        """Least cost minus potential, and the pixel where it is attained."""
        value = -potential.reshape(self.shape)
        where = torch.arange(value.numel()).reshape(self.shape)
        for k, axis in enumerate(self.axes):
            line = value.movedim(k, -1)
            # Some rows at a time: never more than 2**24 numbers at once.
            rows = axis.split(max(1, 2**24 // value.numel()))
            parts = [(line[..., None, :] + row).min(-1) for row in rows]
            value = torch.cat([part.values for part in parts], -1).movedim(-1, k)
            index = torch.cat([part.indices for part in parts], -1)
            where = where.movedim(k, -1).gather(-1, index).movedim(-1, k)
        return value.flatten(), where.flatten()


class _Listed:
    """Costs from a matrix."""

    def __init__(self, geometry: Convolution | Dense) -> None:
        self.matrix = geometry.cost_matrix().detach().to("cpu", torch.float64)
        self.places = None
        if isinstance(geometry, Convolution):
            grid = Grid(geometry.shape, geometry.spacing)
            self.places = grid.coordinates().reshape(-1, grid.ndim).to("cpu", torch.float64)

    def between(self, sources: Tensor, targets: Tensor) -> Tensor:
        """Costs ``(source, target)``."""
        return self.matrix[sources][:, targets]

    def transform(self, potential: Tensor, *, reverse: bool = False) -> tuple[Tensor, Tensor]:
        """Least cost minus potential, and the place where it is attained; `reverse`: from sources to targets."""
        least = ((self.matrix.T if reverse else self.matrix) - potential).min(1)
        return least.values, least.indices


def _simplex(a: Tensor, b: Tensor, cost: Tensor) -> tuple[Tensor, Tensor]:
    """Plan ``(source, target)`` and prices at the targets; masses and costs are brought near 1 for the solver."""
    import ot

    scale = float(cost.abs().max()) or 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # What the solver warns of is an error below.
        plan, log = ot.emd(
            (a / a.sum()).numpy(),
            (b / b.sum()).numpy(),
            (cost / scale).numpy(),
            numItermax=_STEPS,
            log=True,
            center_dual=False,
            check_marginals=False,
        )
    if log["warning"] is not None:
        raise RuntimeError(
            f"the network simplex gave up after at most {_STEPS} steps: {log['warning']} Make the images coarser, "
            "or use sinkhorn with a small blur."
        )
    return torch.from_numpy(plan) * a.sum(), torch.from_numpy(log["v"]) * scale


def _check(name: str, measure: Tensor, shape: tuple[int, ...]) -> None:
    check_measure(name, measure, shape)
    if measure.ndim > len(shape):
        raise ValueError(
            f"{name} has shape {tuple(measure.shape)}, the geometry {shape}; emd takes one pair of measures at a time: "
            "loop over the batch, or use sinkhorn."
        )
