"""Kernels of every geometry against the dense matrix of their costs; what a geometry says of itself."""

import math
import re

import pytest
import torch

from otrecon.ot.divergence import sinkhorn_divergence
from otrecon.ot.geometry import Convolution, Dense, Grid
from otrecon.ot.geometry.convolution import DIRECT_PIXELS, FFT_RANGE, FlatKernel, FourierKernel
from otrecon.ot.geometry.separable import SeparableKernel
from tests.ot.reference import costs

CPU = torch.device("cpu")


def random(*shape, seed=0, holes=0.0):
    generator = torch.Generator().manual_seed(seed)
    values = 3 * torch.randn(shape, dtype=torch.float64, generator=generator)
    return torch.where(torch.rand(shape, dtype=torch.float64, generator=generator) < holes, -math.inf, values)


def windy(*steps):
    """A cost that knows its direction: dear upwind, cheap downwind, another strength along each axis."""
    return sum((k + 1) * (step.clamp(min=0) + 0.3 * (-step).clamp(min=0)) ** 1.5 for k, step in enumerate(steps))


def saturating(*steps):
    return 1 - torch.exp(-(sum(step**2 for step in steps) ** 2) / 6.0**4)


def by_pairs(shape, spacing, cost):
    """Matrix of a cost of displacements, target minus source, pair by pair."""
    places = torch.cartesian_prod(*(torch.arange(n, dtype=torch.float64) for n in shape)).reshape(-1, len(shape))
    places = places * torch.tensor(spacing, dtype=torch.float64)
    rows = [torch.stack([cost(*(y - x).unbind()) for y in places]) for x in places]
    return torch.stack(rows)


GEOMETRIES = {
    "line": (Grid((13,)), 1.3),
    "image": (Grid((5, 8)), 0.7),
    "image, anisotropic": (Grid((6, 5), (2.5, 0.4)), 1.0),
    "image, small blur": (Grid((7, 9)), 0.05),
    "volume": (Grid((3, 4, 5), (1.0, 2.0, 0.5)), 1.1),
    "pixel": (Grid((1,)), 1.0),
    "row": (Grid((1, 9)), 1.0),
    "by axes": (Convolution((6, 7), [torch.abs, lambda x: x**4 / 100], (0.5, 1.0)), 0.8),
    "by axes, windy": (Convolution((6, 7), [windy, lambda x: 2 * windy(x)]), 0.6),
    "line, windy": (Convolution((15,), windy, 0.7), 1.5),
    "Fourier": (Convolution((6, 7), saturating), 0.4),
    "Fourier, windy": (Convolution((6, 5), windy, (0.3, 0.2)), 1.4),
    "Fourier, volume": (Convolution((3, 4, 5), saturating, (2.0, 1.0, 1.0)), 0.5),
    "pairs": (Convolution((6, 7), saturating), 0.05),
    "pairs, windy": (Convolution((6, 5), windy), 0.3),
    "matrix": (Dense(random(8, 11, seed=1).abs()), 0.6),
    "matrix, negative costs": (Dense(random(8, 5, seed=2)), 0.6),
}
EVERY = pytest.mark.parametrize("name", list(GEOMETRIES))


def matrices(name, device=CPU):
    """Geometry, kernel, and the logarithms of the kernel written out."""
    geometry, blur = GEOMETRIES[name]
    kernel = geometry.kernel(blur**2, device)
    return geometry, kernel, -geometry.cost_matrix().to(device) / blur**2


def dense_sum(matrix, h, shape):
    return torch.logsumexp(matrix + h.flatten(h.ndim - len(shape))[..., None, :], dim=-1)


@EVERY
@pytest.mark.parametrize("holes", [0.0, 0.5])
def test_kernels_are_the_matrix_both_ways(name, holes, device):
    geometry, kernel, matrix = matrices(name, device)
    accuracy = {"rtol": 1e-12, "atol": 1e-7 if isinstance(kernel, FourierKernel) else 1e-11}
    for one, logs, inputs, outputs in (
        (kernel, matrix, geometry.target_shape, geometry.source_shape),
        (kernel.T, matrix.T, geometry.source_shape, geometry.target_shape),
        (kernel.T.T, matrix, geometry.target_shape, geometry.source_shape),
    ):
        h = random(2, 3, *inputs, seed=3, holes=holes).to(device)
        h[..., (0,) * len(inputs)] = 0.0
        found = one(h)
        assert found.shape == (2, 3, *outputs)
        torch.testing.assert_close(found.flatten(2), dense_sum(logs, h, inputs), **accuracy)
        torch.testing.assert_close(one(h[0, 0]), found[0, 0], rtol=1e-13, atol=1e-11)


@EVERY
def test_nothing_in_gives_nothing_out(name):
    geometry, kernel, _ = matrices(name)
    h = torch.full((2, *geometry.target_shape), -math.inf, dtype=torch.float64)
    h[0] = 0.0
    found = kernel(h)
    assert bool(torch.isfinite(found[0]).all())
    assert torch.equal(found[1], torch.full(geometry.source_shape, -math.inf, dtype=torch.float64))


@EVERY
def test_the_derivative_is_that_of_finite_differences(name, device):
    geometry, kernel, _ = matrices(name, device)
    h = random(2, *geometry.target_shape, seed=4).to(device).requires_grad_()
    assert torch.autograd.gradcheck(kernel, (h,), rtol=1e-5, atol=1e-7)
    u = random(2, *geometry.source_shape, seed=5).to(device).requires_grad_()
    assert torch.autograd.gradcheck(kernel.T, (u,), rtol=1e-5, atol=1e-7)


@EVERY
def test_where_there_is_no_mass_the_derivative_is_zero(name):
    geometry, kernel, matrix = matrices(name)
    h = random(*geometry.target_shape, seed=6)
    h.flatten()[1::2] = -math.inf
    weights = random(*geometry.source_shape, seed=7)
    probe = h.clone().requires_grad_()
    kernel(probe).backward(weights)
    probe_dense = h.clone().requires_grad_()
    dense_sum(matrix, probe_dense, geometry.target_shape).backward(weights.flatten())
    assert bool((probe.grad.flatten()[1::2] == 0).all())
    torch.testing.assert_close(probe.grad, probe_dense.grad, rtol=1e-6, atol=1e-9)


def test_a_kernel_is_differentiated_once():
    kernel = Grid((4,)).kernel(1.0, CPU)
    h = random(4).requires_grad_()
    (slope,) = torch.autograd.grad(kernel(h).sum(), h, create_graph=True)
    with pytest.raises(RuntimeError, match="differentiable once"):
        slope.sum().backward()


@EVERY
def test_the_cost_of_what_moves(name):
    geometry, kernel, matrix = matrices(name)
    h = random(2, *geometry.target_shape, seed=8, holes=0.3)
    cost = geometry.cost_matrix()
    assert kernel.least_cost == min(0.0, float(cost.min()))
    cost = cost - kernel.least_cost
    expected = torch.logsumexp(cost.log() + matrix + h.flatten(1)[:, None, :], dim=-1)
    torch.testing.assert_close(
        kernel.log_cost_sum_exp(h).flatten(1).exp(), expected.exp(), rtol=1e-7, atol=1e-9 * float(expected.exp().max())
    )


@EVERY
@pytest.mark.parametrize("fronts", [((), ()), ((2,), ()), ((), (2,)), ((3, 1), (4,)), ((2,), (2,))])
def test_weights_of_either_sign_broadcast(name, fronts):
    geometry, kernel, matrix = matrices(name)
    shape = geometry.target_shape
    h, values = random(*fronts[0], *shape, seed=9), random(*fronts[1], *shape, seed=10)
    positive, negative = kernel.weighted(h, values).exp()
    terms = (values * h.exp()).flatten(-len(shape))
    expected = (matrix.exp() @ terms[..., None])[..., 0]
    assert positive.shape == (*torch.broadcast_shapes(*fronts), *geometry.source_shape)
    assert bool((positive >= 0).all())
    assert bool((negative >= 0).all())
    difference = (positive - negative).flatten(-len(geometry.source_shape))
    torch.testing.assert_close(difference, expected, rtol=1e-7, atol=1e-8 * float(terms.abs().max()))


# Costs


@pytest.mark.parametrize(
    ("shape", "spacing"), [((9,), 1.0), ((9,), 0.3), ((4, 7), (2.0, 0.5)), ((3, 4, 5), (1.0, 2.5, 0.1)), ((1, 1), 1.0)]
)
def test_a_grid_costs_half_the_square(shape, spacing):
    grid = Grid(shape, spacing)
    torch.testing.assert_close(grid.cost_matrix(), costs(shape, spacing), rtol=1e-14, atol=0)
    assert grid.cost_matrix().dtype == torch.float64
    assert grid.largest_cost == pytest.approx(float(costs(shape, spacing).max()), rel=1e-14)


@pytest.mark.parametrize("spacing", [(1.0, 1.0), (2.0, 0.5)])
@pytest.mark.parametrize("cost", [windy, saturating])
def test_a_convolution_costs_what_its_function_says_from_source_to_target(cost, spacing):
    geometry = Convolution((3, 4), cost, spacing)
    torch.testing.assert_close(geometry.cost_matrix(), by_pairs((3, 4), spacing, cost), rtol=1e-14, atol=0)
    assert geometry.largest_cost == float(geometry.cost_matrix().max())


def test_costs_by_axes_add_up():
    axes = [windy, lambda x: 2 * windy(x)]
    geometry = Convolution((3, 4), axes, (2.0, 0.5))
    expected = by_pairs((3, 4), (2.0, 0.5), lambda y, x: axes[0](y) + axes[1](x))
    torch.testing.assert_close(geometry.cost_matrix(), expected, rtol=1e-14, atol=0)
    assert geometry.largest_cost == pytest.approx(float(expected.max()), rel=1e-14)


@pytest.mark.parametrize("form", ["one cost", "by axes"])
@pytest.mark.parametrize("blur", [1.0, 4.0])
def test_the_quadratic_cost_as_a_convolution_is_the_grid(form, blur):
    half = lambda *steps: sum(step**2 for step in steps) / 2  # noqa: E731
    spacing = (0.8, 0.6)
    geometry = Convolution((7, 9), half if form == "one cost" else [half, half], spacing)
    h = random(2, 7, 9, seed=11)
    torch.testing.assert_close(
        geometry.kernel(blur**2, CPU)(h), Grid((7, 9), spacing).kernel(blur**2, CPU)(h), rtol=1e-12, atol=1e-7
    )


def test_a_dense_geometry_is_its_matrix_in_float64():
    matrix = torch.rand(3, 4, dtype=torch.float32, generator=torch.Generator().manual_seed(0))
    geometry = Dense(matrix)
    assert geometry.cost_matrix().dtype == torch.float64
    torch.testing.assert_close(geometry.cost_matrix(), matrix.double(), rtol=0, atol=0)
    assert (geometry.source_shape, geometry.target_shape) == ((3,), (4,))
    assert geometry.largest_cost == float(matrix.double().max())


@pytest.mark.parametrize("geometry", [Grid((90, 90)), Convolution((90, 90), [torch.abs, torch.abs])])
def test_a_matrix_that_would_not_fit_is_refused(geometry):
    with pytest.raises(ValueError, match="use sinkhorn, which never forms it, or smaller images"):
        geometry.cost_matrix()


@pytest.mark.parametrize(
    ("geometry", "symmetric"),
    [
        (Grid((4, 5), (1.0, 3.0)), True),
        (Convolution((4, 5), saturating), True),
        (Convolution((4, 5), [torch.abs, torch.square]), True),
        (Convolution((4, 5), windy), False),
        (Convolution((4, 5), [torch.abs, windy]), False),
        (Convolution((1, 5), [windy, torch.abs]), True),
        (Dense(torch.ones(3, 3, dtype=torch.float64)), True),
        (Dense(torch.arange(9, dtype=torch.float64).view(3, 3)), False),
        (Dense(torch.ones(3, 4, dtype=torch.float64)), False),
    ],
)
def test_a_geometry_knows_whether_the_way_back_costs_the_same(geometry, symmetric):
    assert geometry.symmetric is symmetric


# Places


def test_coordinates_are_index_times_spacing():
    grid = Grid((3, 4), (2.0, 0.5))
    assert grid.coordinates().shape == (3, 4, 2)
    assert grid.coordinates().dtype == torch.float64
    assert grid.coordinates()[0, 0].tolist() == [0.0, 0.0]
    assert grid.coordinates()[2, 3].tolist() == [4.0, 1.5]
    assert Grid((5,), 0.1).coordinates().shape == (5, 1)


def test_attributes_of_a_grid():
    grid = Grid([3, 4, 5], 2)
    assert (grid.shape, grid.spacing, grid.ndim, grid.size) == ((3, 4, 5), (2.0, 2.0, 2.0), 3, 60)
    assert grid.source_shape == grid.target_shape == (3, 4, 5)
    assert repr(grid) == "Grid((3, 4, 5), spacing=(2.0, 2.0, 2.0))"
    assert Grid(torch.Size((3, 4))).shape == (3, 4)


# Fourier


def test_the_way_is_chosen_by_size_and_blur():
    small, large = Convolution((64, 64), saturating), Convolution((65, 64), saturating)
    assert small.size == DIRECT_PIXELS
    edge = 1 / FFT_RANGE
    assert small.largest_cost == pytest.approx(1.0, rel=1e-12)
    assert isinstance(small.kernel(1.01 * edge, CPU), FourierKernel)
    assert isinstance(Convolution((8, 9), saturating).kernel(0.5 * edge, CPU), FlatKernel)
    assert large.smallest_blur == pytest.approx(math.sqrt(edge))
    assert isinstance(Convolution((200, 200), [torch.abs, torch.abs]).kernel(1.0, CPU), SeparableKernel)


def test_nothing_wraps_around():
    # Next to the border on one side, far from it on the other.
    geometry = Convolution((8, 9), lambda y, x: y**2 + x**2)
    h = torch.full((8, 9), -math.inf, dtype=torch.float64)
    h[0, 8] = 0.0
    found = geometry.kernel(geometry.largest_cost / FFT_RANGE, CPU)(h)
    y, x = torch.meshgrid(torch.arange(8.0), 8 - torch.arange(9.0), indexing="ij")
    expected = -(y**2 + x**2).double() * FFT_RANGE / geometry.largest_cost
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-7)


@pytest.mark.parametrize("seed", range(5))
def test_the_transform_keeps_its_promise_at_the_edge_of_its_range(seed):
    geometry = Convolution((21, 18), lambda y, x: y**2 + x**2)
    eps = 1.0001 * geometry.largest_cost / FFT_RANGE
    kernel = geometry.kernel(eps, CPU)
    assert isinstance(kernel, FourierKernel)
    h = 20 * random(4, 21, 18, seed=seed, holes=0.3)
    # All the mass in one corner: in the other all there is of it is exp(-18).
    h[0] = -math.inf
    h[0, 0, 0] = 700.0
    h[1, 20, 17] = 300.0
    expected = dense_sum(-geometry.cost_matrix() / eps, h, (21, 18))
    torch.testing.assert_close(kernel(h).flatten(1), expected, rtol=0, atol=3e-8)


# Blurs and coarser grids


@pytest.mark.parametrize(
    "geometry",
    [
        Grid((40, 72)),
        Grid((30,), 1e-3),
        Grid((3, 4, 5), (1.0, 700.0, 2.0)),
        Convolution((100, 100), saturating),
        Convolution((10, 10), saturating),
        Dense(torch.full((3, 3), 7.7, dtype=torch.float64)),
    ],
)
def test_a_blur_that_is_too_small_is_refused_with_one_that_is_not(geometry):
    with pytest.raises(ValueError, match=r"Use blur=\S+ or more, or emd") as refusal:
        geometry.check_blur(0.999 * geometry.smallest_blur)
    offered = float(str(refusal.value).split("Use blur=")[1].split()[0])
    geometry.check_blur(offered)
    assert geometry.smallest_blur <= offered <= 1.01 * geometry.smallest_blur


def test_a_blur_beyond_every_move_is_refused():
    grid = Grid((16, 16))
    with pytest.raises(ValueError, match="is too large for float64") as refusal:
        grid.check_blur(1.001 * grid.largest_blur)
    offered = float(re.search(r"Use blur=(\S+) or less", str(refusal.value))[1])
    assert 0.99 * grid.largest_blur <= offered <= grid.largest_blur
    a, b = (measure / measure.sum() for measure in random(2, 16, 16, seed=13).exp())
    means = torch.stack([(m[..., None] * grid.coordinates()).sum((0, 1)) for m in (a, b)])
    far = sinkhorn_divergence(a, b, grid, blur=offered)
    assert float(far.value) == pytest.approx(float((means[0] - means[1]).square().sum() / 2), rel=1e-4)
    # A single pixel has no moves to compare with.
    assert Grid((1,)).check_blur(1e40) == 1e40


def test_the_smallest_blur_still_gives_eight_digits():
    grid = Grid((60,))
    kernel = grid.kernel(grid.smallest_blur**2, CPU)
    # What a solver would hand over: a line that undoes the costs, as potentials do.
    cost = grid.cost_matrix()
    h = (cost[30] / grid.smallest_blur**2)[None]
    exact = torch.logsumexp(h[:, None] - cost / grid.smallest_blur**2, dim=2)
    assert float((kernel(h) - exact).abs().max()) < 3e-8


@pytest.mark.parametrize("blur", [0.5, 1.0, 1.9, 4.0, 4.1, 8.0, 31.0, 1000.0])
@pytest.mark.parametrize(
    ("shape", "spacing"), [((200, 37), (1.0, 1.0)), ((64, 50, 7), (0.25, 1.0, 3.0)), ((5,), (0.1,))]
)
def test_coarser_grids_still_resolve_the_blur(shape, spacing, blur):
    coarse, factors = Grid(shape, spacing).coarsened(blur)
    assert isinstance(coarse, Grid)
    for n, step, m, wide, factor in zip(shape, spacing, coarse.shape, coarse.spacing, factors, strict=True):
        assert math.log2(factor).is_integer()
        assert (m, wide) == (math.ceil(n / factor), step * factor)
        assert factor == 1 or wide <= blur / 2
        assert factor == 1 or m >= 4, "too few pixels to say anything"
        # No coarser grid would do as well.
        assert 2 * wide > blur / 2 or n < 8 * factor


@pytest.mark.parametrize(
    "geometry", [Dense(torch.ones(3, 3, dtype=torch.float64)), Convolution((64, 64), saturating)], ids=repr
)
def test_a_geometry_without_coarser_ones_gives_itself(geometry):
    assert geometry.coarsened(1e6) == (geometry, (1,) * len(geometry.source_shape))
