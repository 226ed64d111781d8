"""Mixing of iterates on linear maps whose spectrum and fixed point are known, with merits that let pass and refuse."""

import math

import pytest
import torch

from otrecon.ot.anderson import Step, fixed_point

SPECTRUM = torch.cat([torch.linspace(0.05, 0.9, 29, dtype=torch.float64), torch.tensor([0.995], dtype=torch.float64)])


def problem(spectrum, seed=0):
    """A matrix of a known spectrum and a fixed point of ``x -> A x + c``."""
    generator = torch.Generator().manual_seed(seed)
    n = len(spectrum)
    basis, _ = torch.linalg.qr(torch.randn(n, n, dtype=torch.float64, generator=generator))
    return basis @ torch.diag(spectrum) @ basis.T, torch.randn(n, dtype=torch.float64, generator=generator)


def closeness(count, error):
    """The merit of a map whose error is all there is to say."""
    return -error.log()


class Linear:
    """Problems ``x -> A x + (1 - A) fixed`` of a batch; counts how often it is asked."""

    def __init__(self, *problems, merit=closeness):
        self.A = torch.stack([A for A, _ in problems])
        self.fixed = torch.stack([fixed for _, fixed in problems])
        self.merit, self.count, self.visited = merit, 0, []

    def __call__(self, x):
        self.count += 1
        self.visited.append(x)
        new = self.fixed + torch.einsum("bij,bj->bi", self.A, x - self.fixed)
        error = (new - x).norm(dim=1)
        merit = self.merit(self.count, error)
        return Step(new, torch.ones_like(x), error, merit, torch.full_like(error, math.log(2)))

    @property
    def start(self):
        return torch.zeros_like(self.fixed)


def free(count, error):
    """A merit that never falls."""
    return torch.full_like(error, float(count))


def stubborn(count, error):
    """A merit that always falls, by more than its slack."""
    return torch.full_like(error, -10.0 * count)


def test_mixing_finds_the_fixed_point_many_times_sooner():
    plain, mixed = Linear(problem(SPECTRUM)), Linear(problem(SPECTRUM))
    slow = fixed_point(plain, plain.start, tol=1e-9, max_iterations=10_000, memory=0)
    fast = fixed_point(mixed, mixed.start, tol=1e-9, max_iterations=10_000)
    assert bool(slow.converged.all())
    assert bool(fast.converged.all())
    assert slow.iterations > 2000
    assert fast.iterations <= 60
    # The error is the change; the distance from the fixed point is up to 1 / (1 - 0.995) times as much.
    torch.testing.assert_close(fast.point, mixed.fixed, rtol=0, atol=200 * 1e-9)


def test_without_memory_it_is_the_plain_iteration():
    linear = Linear(problem(SPECTRUM, seed=1))
    found = fixed_point(linear, linear.start, tol=1e-300, max_iterations=7, memory=0)
    power = torch.linalg.matrix_power(linear.A[0], 6)
    torch.testing.assert_close(found.point[0], linear.fixed[0] - power @ linear.fixed[0], rtol=1e-12, atol=1e-13)
    torch.testing.assert_close(found.image[0], linear.fixed[0] - linear.A[0] @ power @ linear.fixed[0])
    assert (found.iterations, linear.count) == (7, 7)
    assert not bool(found.converged)


def test_few_modes_take_few_iterations():
    # Three different eigenvalues: with a merit that does not interfere, the mixture is exact after four changes.
    spectrum = torch.tensor([0.2, 0.9, 0.99], dtype=torch.float64).repeat(8)
    linear = Linear(problem(spectrum, seed=2), merit=free)
    found = fixed_point(linear, linear.start, tol=1e-8, max_iterations=100)
    assert found.iterations <= 6


def test_an_expanding_map_is_turned_around():
    # Mixing solves what the plain iteration runs away from.
    spectrum = torch.cat([SPECTRUM[:10], torch.tensor([-1.5, 1.2], dtype=torch.float64)])
    linear = Linear(problem(spectrum, seed=3), merit=free)
    found = fixed_point(linear, linear.start, tol=1e-9, max_iterations=200)
    assert bool(found.converged)
    torch.testing.assert_close(found.point, linear.fixed, rtol=0, atol=1e-7)


def test_a_merit_that_refuses_every_mixture_leaves_the_plain_iteration():
    refused = Linear(problem(SPECTRUM, seed=4), merit=stubborn)
    found = fixed_point(refused, refused.start, tol=1e-300, max_iterations=12)
    # Each refused point is replaced by the plain image of the one before: those are every other point that was visited.
    x = refused.start
    kept = [refused.visited[0], *refused.visited[2::2]]
    assert len(kept) == 12
    for point in kept:
        torch.testing.assert_close(point, x, rtol=0, atol=1e-12)
        x = refused.fixed + torch.einsum("bij,bj->bi", refused.A, x - refused.fixed)
    torch.testing.assert_close(found.image, x, rtol=0, atol=1e-12)


def test_a_mixture_that_spoils_the_merit_is_not_kept():
    """A map with a kink: mixtures overshoot it; the merit is the true distance."""

    class Kinked:
        def __init__(self):
            self.worst = []

        def __call__(self, x):
            new = torch.where(x > 1, 0.99 * x, torch.where(x > 0, 0.1 * x, x - 5.0))
            distance = x.abs().amax(1)
            self.worst.append(float(distance))
            return Step(new, torch.ones_like(x), distance, -distance, torch.zeros_like(distance))

    kinked = Kinked()
    start = torch.linspace(5, 50, 6, dtype=torch.float64)[None]
    found = fixed_point(kinked, start, tol=1e-9, max_iterations=2000)
    assert bool(found.converged)
    # Whatever was tried in between, what was kept never got worse.
    assert kinked.worst[-1] <= 1e-9


def test_problems_of_a_batch_do_not_know_of_each_other():
    problems = [problem(SPECTRUM, seed=5), problem(0.3 * SPECTRUM, seed=6), problem(SPECTRUM.flip(0) ** 2, seed=7)]
    together = Linear(*problems)
    found = fixed_point(together, together.start, tol=1e-8, max_iterations=500)
    assert bool(found.converged.all())
    for k, one in enumerate(problems):
        alone = Linear(one)
        single = fixed_point(alone, alone.start, tol=1e-8, max_iterations=500)
        torch.testing.assert_close(found.point[k : k + 1], single.point, rtol=0, atol=1e-9)
        assert single.iterations <= found.iterations


def test_a_refusal_of_one_is_none_of_the_others():
    def merit(count, error):
        return torch.stack([torch.tensor(-10.0 * count, dtype=error.dtype), -error[1].log()])

    both = Linear(problem(SPECTRUM, seed=8), problem(SPECTRUM, seed=9), merit=merit)
    found = fixed_point(both, both.start, tol=1e-8, max_iterations=100)
    alone = Linear(problem(SPECTRUM, seed=9))
    single = fixed_point(alone, alone.start, tol=1e-8, max_iterations=100)
    assert found.converged.tolist() == [False, True]
    torch.testing.assert_close(found.point[1], single.point[0], rtol=0, atol=1e-9)


def test_a_problem_that_is_done_stays_where_it_is():
    slow, quick = problem(SPECTRUM, seed=10), problem(0.01 * SPECTRUM, seed=11)
    linear = Linear(slow, quick)
    found = fixed_point(linear, linear.start, tol=1e-6, max_iterations=500)
    done = next(k for k, x in enumerate(linear.visited) if float((x[1] - found.point[1]).abs().max()) == 0)
    assert done < 10 < found.iterations
    assert all(torch.equal(x[1], found.point[1]) for x in linear.visited[done:])


def test_a_problem_that_turns_into_nan_does_not_take_the_others_with_it():
    linear = Linear(problem(SPECTRUM, seed=12), problem(SPECTRUM, seed=13))
    linear.A[0] = math.nan
    found = fixed_point(linear, linear.start, tol=1e-8, max_iterations=100)
    assert found.converged.tolist() == [False, True]
    assert bool(torch.isfinite(found.point[1]).all())


def test_infinite_entries_stay_and_take_no_part():
    # Logarithms of empty pixels.
    linear = Linear(problem(SPECTRUM, seed=14))
    plain = fixed_point(linear, linear.start, tol=1e-8, max_iterations=500)

    def step(x):
        here = linear(x[:, :-1])
        hole = torch.full((1, 1), -math.inf, dtype=torch.float64)
        weight = torch.cat([here.weight, torch.zeros(1, 1, dtype=torch.float64)], dim=1)
        return Step(torch.cat([here.new, hole], dim=1), weight, here.error, here.merit, here.slack)

    start = torch.cat([linear.start, torch.full((1, 1), -math.inf, dtype=torch.float64)], dim=1)
    found = fixed_point(step, start, tol=1e-8, max_iterations=500)
    assert bool(found.converged)
    assert found.point[0, -1] == -math.inf
    torch.testing.assert_close(found.point[:, :-1], plain.point, rtol=0, atol=1e-12)


def test_numbers_without_weight_have_no_say():
    spectrum = torch.tensor([0.5, 0.8, 0.95], dtype=torch.float64).repeat(4)
    linear = Linear(problem(spectrum, seed=15), merit=free)
    quick = fixed_point(linear, linear.start, tol=1e-8, max_iterations=100).iterations

    def step(x):
        here = linear(x[:, :-5])
        rough = torch.sin(1e3 * x[:, -5:])
        weight = torch.cat([here.weight, torch.zeros(1, 5, dtype=torch.float64)], dim=1)
        return Step(torch.cat([here.new, rough], dim=1), weight, here.error, here.merit, here.slack)

    start = torch.cat([linear.start, torch.ones(1, 5, dtype=torch.float64)], dim=1)
    found = fixed_point(step, start, tol=1e-8, max_iterations=100)
    assert bool(found.converged)
    assert found.iterations == quick


@pytest.mark.parametrize("memory", [0, 1, 3, 20])
def test_a_start_at_the_fixed_point_is_seen_at_once(memory):
    linear = Linear(problem(SPECTRUM, seed=16))
    found = fixed_point(linear, linear.fixed.clone(), tol=1e-12, max_iterations=10, memory=memory)
    assert (found.iterations, linear.count) == (1, 1)
    assert torch.equal(found.point, linear.fixed)


@pytest.mark.parametrize("memory", [1, 2, 5])
def test_a_short_memory_is_used_in_turn(memory):
    linear = Linear(problem(SPECTRUM, seed=17))
    found = fixed_point(linear, linear.start, tol=1e-7, max_iterations=3000, memory=memory)
    assert bool(found.converged)
    assert found.iterations < 1000


def test_iterating_on_beyond_rounding_breaks_nothing():
    # Changes become exactly zero, and so do all that is remembered of them.
    linear = Linear(problem(0.1 * SPECTRUM, seed=18))
    found = fixed_point(linear, linear.start, tol=1e-300, max_iterations=200)
    torch.testing.assert_close(found.point, linear.fixed, rtol=1e-13, atol=1e-14)


def test_a_drift_is_followed_in_ever_longer_steps():
    """A map that creeps by a ten-thousandth a step, up to corners: past changes differ by rounding, or not at all."""
    ends = torch.tensor([[1.0, 2.0, 0.5], [40.0, 3.0, 2.0]], dtype=torch.float64)

    def step(x):
        left = ends - x
        error = left.abs().amax(1)
        merit, slack = -left.abs().sum(1), torch.full_like(error, 1e-12)
        return Step(x + left.clamp(-1e-4, 1e-4), torch.ones_like(x), error, merit, slack)

    found = fixed_point(step, torch.zeros(2, 3, dtype=torch.float64), tol=1e-6, max_iterations=500)
    assert bool(found.converged.all())
    torch.testing.assert_close(found.point, ends, rtol=0, atol=1e-6)
