"""Blocked products in the log domain against a logsumexp over all pairs, pushed to where blocks could underflow."""

import math

import pytest
import torch

from otrecon.ot.geometry import log_matmul
from otrecon.ot.geometry.log_matmul import CHUNK, FLOOR, RANGE, BlockedLogMatmul


def quadratic(n, blur, m=None):
    i, j = torch.arange(n, dtype=torch.float64), torch.arange(m or n, dtype=torch.float64)
    return (i[:, None] - j).square() / (2 * blur**2)


def broadcast(exponent, h):
    return torch.logsumexp(h[:, None, :] - exponent, dim=2)


def random(*shape, seed=0):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def agree(exponent, h, device="cpu"):
    """Assert that every output is right to 1e-10, apart from what float64 holds of the numbers that go in."""
    exponent, h = exponent.to(device), h.to(device)
    product = BlockedLogMatmul(exponent)
    found, expected = product(h), broadcast(exponent, h)
    empty = torch.isinf(expected)
    assert torch.equal(found[empty], expected[empty])
    # Differences of logarithms are relative errors. A logarithm that is the sum of large ones is rounded as they are.
    size = exponent.amax() + h[torch.isfinite(h)].abs().amax() if bool(torch.isfinite(h).any()) else 0.0
    worst = float((found - expected)[~empty].abs().max()) if bool((~empty).any()) else 0.0
    assert worst <= 1e-10 + 1e-15 * float(size)
    return product


def lines(n, seed=0):
    """Lines of every kind that a solver meets: flat, rough, steep both ways, bowls that undo the cost, holes."""
    x = torch.linspace(-1, 1, n, dtype=torch.float64) if n > 1 else torch.zeros(1, dtype=torch.float64)
    rough = random(n, seed=seed)
    holes = torch.where(random(n, seed=seed + 1) < 0, -math.inf, rough)
    first, last, both = (torch.full((n,), -math.inf, dtype=torch.float64) for _ in range(3))
    first[0] = last[-1] = both[0] = 1.5
    both[-1] = -3000.0
    kinds = [0 * x, rough, 300 * rough, 1e5 * rough, 4e4 * x, -4e4 * x, 2e4 * x**2, -2e4 * x**2, holes, 500 * holes]
    return torch.stack([*kinds, first, last, both, torch.full_like(x, -math.inf)])


@pytest.mark.parametrize("blur", [0.3, 0.5, 1.0, 3.7, 20.0, 500.0])
@pytest.mark.parametrize("n", [1, 2, 7, 64, 200])
def test_equals_logsumexp_over_all_pairs(n, blur, device):
    agree(quadratic(n, blur), lines(n), device)


def test_blurs_of_a_large_image_go_through_every_width():
    widths = {agree(quadratic(40, blur), lines(40)).width for blur in torch.logspace(-2, 1, 60).tolist()}
    # The width is the length over a number of blocks, rounded up.
    assert widths == {math.ceil(40 / blocks) for blocks in range(1, 41)}


@pytest.mark.parametrize("width", range(1, 38))
def test_any_width_gives_the_same(width):
    exponent = quadratic(37, 6.0)
    product = BlockedLogMatmul(exponent)
    product.width = width
    product._cut(exponent)
    torch.testing.assert_close(product(lines(37)), broadcast(exponent, lines(37)), rtol=1e-15, atol=1e-10)


@pytest.mark.parametrize(("n", "m"), [(1, 30), (30, 1), (13, 90), (90, 13), (64, 65)])
@pytest.mark.parametrize("blur", [0.4, 3.0, 30.0])
def test_axes_of_different_lengths(n, m, blur):
    agree(quadratic(n, blur, m), lines(m))


@pytest.mark.parametrize("strength", [0.1, 3.0, 1e2, 1e4])
@pytest.mark.parametrize(
    "cost",
    [
        lambda i, j: (i - j).abs(),
        lambda i, j: 1 - torch.exp(-((i - j) ** 4) / 6.0**4),
        lambda i, j: (j - i).clamp(min=0) ** 1.5 + 0.1 * (i - j).clamp(min=0),
        lambda i, j: torch.sin(3 * i + 5 * j * j) + 1,
        lambda i, j: (i * j).sqrt(),
    ],
    ids=["distance", "saturating", "one way", "rough", "product"],
)
def test_any_cost(cost, strength):
    i, j = torch.arange(41, dtype=torch.float64)[:, None], torch.arange(33, dtype=torch.float64)
    agree(strength * cost(i, j), lines(33))


@pytest.mark.parametrize("seed", range(20))
def test_costs_without_any_structure(seed):
    generator = torch.Generator().manual_seed(seed)
    size = 10 ** float(torch.empty(1).uniform_(-1, 5, generator=generator))
    agree(size * torch.rand(23, 19, dtype=torch.float64, generator=generator), lines(19, seed))


# The underflow rule


def test_blocks_are_as_wide_as_the_rule_allows():
    for blur in (1.0, 2.5, 6.0):
        product = BlockedLogMatmul(quadratic(600, blur))
        assert product.spread <= RANGE
        assert 24 * blur < product.width <= 29 * blur


def test_a_width_does_not_depend_on_the_length_of_the_line():
    widths = [BlockedLogMatmul(quadratic(n, 2.0)).width for n in (112, 170, 1200)]
    assert min(widths) >= 24 * 2.0
    assert max(widths) <= 29 * 2.0


def test_where_no_block_fits_pixels_stand_alone():
    product = agree(quadratic(12, 0.03), lines(12))
    assert product.width == 1


@pytest.mark.parametrize("gap", [150, 250, 350, 390, 410, 480, FLOOR, 500, 700, 800, 2000])
def test_terms_that_a_block_nearly_loses(gap):
    # One block whose mixed part reaches RANGE: where the line peaks it is smallest, elsewhere, far below, largest.
    exponent = quadratic(29, 1.0)
    product = BlockedLogMatmul(exponent)
    assert product.spread > 0.9 * RANGE, "the block is not at the edge of the rule"
    h = torch.full((4, 29), -math.inf, dtype=torch.float64)
    h[0, 0], h[0, -1] = 0.0, -float(gap)
    h[1, -1], h[1, 0] = 0.0, -float(gap)
    h[2], h[2, 0] = -float(gap), 0.0
    # A slope makes what is undone by the cost the largest term of all, at every output another one.
    h[3] = -gap * torch.arange(29, dtype=torch.float64) / 29
    agree(exponent, h)


@pytest.mark.parametrize("gap", [0, 200, 400, 489, 491, 600, 1000])
@pytest.mark.parametrize("slope", [-30.0, -7.0, 0.0, 7.0, 30.0])
def test_blocks_that_outweigh_each_other(gap, slope):
    n = 116
    exponent = quadratic(n, 1.0)
    assert BlockedLogMatmul(exponent).width < n // 3
    j = torch.arange(n, dtype=torch.float64)
    h = slope * j + random(3, n, seed=4)
    h[0, : n // 2] -= gap
    h[1, n // 4 : n // 2] -= gap
    h[2] += j**2 / 2
    agree(exponent, h)


@pytest.mark.parametrize("seed", range(5))
def test_the_worst_line_for_each_output(seed):
    # A line that undoes the costs to one output makes all its terms equal, those to the others most unequal.
    exponent = quadratic(200, 0.3)
    h = exponent[torch.arange(0, 200, 13)] + 300 * random(16, 200, seed=seed)
    agree(exponent, h)


def test_the_rule_is_needed(monkeypatch):
    # What the rule keeps out happens without it: not a small error, a wrong answer.
    monkeypatch.setattr(log_matmul, "RANGE", 1e9)
    exponent = quadratic(200, 1.0)
    product = BlockedLogMatmul(exponent)
    product.width = 200
    h = lines(200)[4:6]
    assert not torch.allclose(product(h), broadcast(exponent, h), rtol=1e-3)


# Shapes and emptiness


def test_more_lines_than_fit_at_once():
    count = 3 * CHUNK // 50 + 7
    h = random(count, 50)
    exponent = quadratic(50, 1.5)
    found = BlockedLogMatmul(exponent)(h)
    assert found.shape == h.shape
    for part in (slice(0, 20), slice(CHUNK // 50 - 5, CHUNK // 50 + 5), slice(count - 9, count)):
        torch.testing.assert_close(found[part], broadcast(exponent, h[part]), rtol=0, atol=1e-10)


@pytest.mark.parametrize("blur", [0.3, 2.0, 90.0])
def test_an_empty_line_stays_empty_and_spoils_no_other(blur):
    exponent, h = quadratic(60, blur), random(5, 60)
    expected = broadcast(exponent, h)
    h[1] = h[4] = -math.inf
    found = BlockedLogMatmul(exponent)(h)
    assert torch.equal(found[[1, 4]], torch.full((2, 60), -math.inf, dtype=torch.float64))
    torch.testing.assert_close(found[[0, 2, 3]], expected[[0, 2, 3]], rtol=0, atol=1e-10)


def test_the_lines_that_come_in_stay_as_they_were():
    h = lines(48)
    before = h.clone()
    BlockedLogMatmul(quadratic(48, 1.0))(h)
    assert torch.equal(h, before)
