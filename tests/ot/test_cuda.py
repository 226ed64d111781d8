"""On a graphics card every entry gives what it gives on the processor, there, with the same gradients."""

import pytest
import torch

from otrecon.ot import (
    Convolution,
    Dense,
    Grid,
    barycenter,
    displacement_interpolation,
    emd,
    line_barycenter,
    sinkhorn,
    sinkhorn_divergence,
    to_measure,
    wasserstein_line,
)
from tests.ot import reference
from tests.ot.conftest import NO_GPU

pytestmark = [pytest.mark.cuda, NO_GPU]

SHAPE = (12, 17)
GRID = Grid(SHAPE, (1.0, 0.7))


def images(dtype=torch.float64):
    return torch.rand(2, *SHAPE, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).to(dtype) + 0.01


def saturating(y, x):
    return 1 - torch.exp(-((y**2 + x**2) ** 2) / 6.0**4)


def divergence(pair):
    return sinkhorn_divergence(pair[0], pair[1], GRID, blur=1.0, tol=1e-9).value


def with_a_reach(pair):
    return sinkhorn(1.3 * pair[0], pair[1], GRID, blur=1.0, reach=3.0, tol=1e-9).value


def bounded_cost(pair):
    return sinkhorn(pair[0], pair[1], Convolution(SHAPE, saturating), blur=0.5, tol=1e-9).value


def matrix(pair):
    pair = pair.flatten(1)
    return sinkhorn(pair[0], pair[1], Dense(reference.costs(SHAPE)), blur=1.0, tol=1e-9).value


def middle(pair):
    found = barycenter(
        pair, GRID, blur=1.5, weights=[0.3, 0.7], debiased=False, tol=1e-9, max_iterations=2000, differentiable=True
    )
    return found.measure[5, 6]


def exact(pair):
    return emd(pair[0], pair[1], GRID).value


def line(pair):
    return wasserstein_line(*to_measure(pair.sum(1), ndim=1))


@pytest.mark.parametrize("entry", [divergence, with_a_reach, bounded_cost, matrix, middle, exact, line])
def test_values_and_gradients_are_those_of_the_processor(entry):
    results = []
    for device in ("cpu", "cuda"):
        pair = images().to(device).requires_grad_()
        value = entry(to_measure(pair))
        value.backward()
        assert value.device.type == device
        assert pair.grad.device.type == device
        results.append((value.detach().cpu(), pair.grad.cpu()))
    torch.testing.assert_close(*(value for value, _ in results), rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(*(grad for _, grad in results), rtol=1e-5, atol=1e-8)


def test_what_is_drawn_is_there_too():
    # The same measures to the last bit: several exact plans can be the best, and rounding would choose among them.
    here = to_measure(images())
    there = here.cuda()
    for solver in (emd, lambda a, b, grid: sinkhorn(a, b, grid, blur=1.0, tol=1e-9)):
        film = [displacement_interpolation(solver(*pair, GRID), 0.3, GRID) for pair in (here, there)]
        assert film[1].device.type == "cuda"
        torch.testing.assert_close(film[1].cpu(), film[0], rtol=1e-6, atol=1e-9)
    rows = [line_barycenter(to_measure(pair.sum(1), ndim=1), weights=[0.3, 0.7]) for pair in (here, there)]
    torch.testing.assert_close(rows[1].positions.cpu(), rows[0].positions)


def test_single_precision_stays_single_and_there():
    pair = to_measure(images(torch.float32).cuda())
    found = sinkhorn_divergence(*pair, GRID, blur=1.0)
    assert (found.value.dtype, found.value.device.type, found.f.device.type) == (torch.float32, "cuda", "cuda")
    assert bool(found.converged)
