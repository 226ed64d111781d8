"""Conjugate gradients against dense factorisations."""

import numpy as np
import pytest
import torch

from otrecon.solvers import ConvergenceWarning, conjugate_gradient
from tests.laws import randn, relative


def hermitian(n, *, seed, spread=1.0, dtype=torch.complex128):
    """Positive definite, eigenvalues from 1 to 1 + spread."""
    basis, _ = torch.linalg.qr(randn((n, n), seed=seed, dtype=dtype))
    values = torch.linspace(1, 1 + spread, n, dtype=torch.float64)
    return (basis * values) @ basis.mH


@pytest.mark.parametrize("dtype", [torch.complex128, torch.float64])
def test_equals_the_dense_solution(dtype):
    G, b = hermitian(17, seed=0, spread=30, dtype=dtype), randn((17,), seed=1, dtype=dtype)
    solution = conjugate_gradient(lambda x: G @ x, b, tolerance=1e-12)
    assert solution.converged
    assert solution.x.dtype == dtype
    assert relative(solution.x - torch.linalg.solve(G, b), solution.x) < 1e-10
    true = float(torch.linalg.vector_norm(b - G @ solution.x) / torch.linalg.vector_norm(b))
    assert solution.error == pytest.approx(true, rel=1e-3, abs=1e-16)
    assert solution.residuals[-1] == solution.error <= 1e-12
    assert len(solution.residuals) == len(solution.objective) == solution.iterations


def test_as_many_iterations_as_distinct_eigenvalues():
    basis, _ = torch.linalg.qr(randn((20, 20), seed=2))
    values = torch.tensor([1.0, 3.0, 10.0], dtype=torch.float64).repeat(7)[:20]
    G = (basis * values) @ basis.mH
    solution = conjugate_gradient(lambda x: G @ x, randn((20,), seed=3), tolerance=1e-10)
    assert solution.iterations == 3


def test_objective_decreases_in_every_iteration_to_its_minimum():
    G, b = hermitian(23, seed=4, spread=1e3), randn((23,), seed=5)
    solution = conjugate_gradient(lambda x: G @ x, b, tolerance=1e-10)
    minimum = -0.5 * float((b.conj() @ torch.linalg.solve(G, b)).real)
    assert (np.diff(solution.objective) <= 1e-12 * abs(minimum)).all()
    assert solution.objective[-1] == pytest.approx(minimum, rel=1e-12)


def test_singular_system_gives_the_solution_of_least_norm():
    A = randn((6, 11), seed=6)
    y = randn((6,), seed=7)
    solution = conjugate_gradient(lambda x: A.mH @ (A @ x), A.mH @ y, tolerance=1e-10)
    assert relative(solution.x - torch.linalg.pinv(A) @ y, solution.x) < 1e-8


def test_batch_is_its_items():
    G = hermitian(9, seed=8, spread=50)
    # One member is solved at once, one is zero, two need the whole way.
    b = torch.stack(
        [randn((9,), seed=9), torch.zeros(9, dtype=torch.complex128), torch.linalg.eigh(G)[1][:, 3], G[:, 0]]
    )
    together = conjugate_gradient(lambda x: x @ G.mT, b, dims=1, tolerance=1e-10)
    for item, rhs in zip(together.x, b, strict=True):
        alone = conjugate_gradient(lambda x: G @ x, rhs, tolerance=1e-10)
        assert torch.linalg.vector_norm(item - alone.x) <= 1e-9
    assert together.converged
    assert not together.x[1].any()


def test_start_at_the_solution_needs_no_iteration():
    G, b = hermitian(8, seed=10), randn((8,), seed=11)
    start = torch.linalg.solve(G, b)
    solution = conjugate_gradient(lambda x: G @ x, b, initial=start, tolerance=1e-10)
    assert solution.converged
    assert solution.iterations == 0
    assert torch.equal(solution.x, start)
    assert solution.x is not start


def test_float32_reports_the_residual_that_is_true():
    G = hermitian(40, seed=12, spread=1e4).to(torch.complex64)
    b = randn((40,), seed=13, dtype=torch.complex64)
    with pytest.warns(ConvergenceWarning):
        solution = conjugate_gradient(lambda x: G @ x, b, tolerance=1e-9, max_iterations=300)
    double = G.to(torch.complex128) @ solution.x.to(torch.complex128)
    true = relative(double - b, b.to(torch.complex128))
    assert not solution.converged
    # The recursion claims 5e-7 here; single precision with a condition number of 1e4 reaches 1e-4.
    assert 0.5 < solution.error / true < 2


def test_warns_once_with_what_was_reached():
    G, b = hermitian(30, seed=14, spread=1e3), randn((30,), seed=15)
    with pytest.warns(ConvergenceWarning, match=r"after 4 iterations at a relative residual of .* 1\.0e-08") as caught:
        solution = conjugate_gradient(lambda x: G @ x, b, tolerance=1e-8, max_iterations=4)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert not solution.converged
    assert solution.error > 1e-8
    # One line to read: what came out and how it ended, no tensor and no history.
    assert repr(solution) == f"Solution(x=(30,) complex128, converged=False, iterations=4, error={solution.error:.1e})"


def test_tolerance_zero_runs_all_iterations_in_silence_and_calls_back():
    G, b = hermitian(30, seed=16, spread=1e3), randn((30,), seed=17)
    seen = []
    solution = conjugate_gradient(
        lambda x: G @ x, b, tolerance=0, max_iterations=5, callback=lambda i, x: seen.append((i, x.clone()))
    )
    assert [i for i, _ in seen] == [1, 2, 3, 4, 5]
    assert torch.equal(seen[-1][1], solution.x)
    assert not torch.equal(seen[0][1], seen[1][1])
    assert not solution.converged


def test_negative_curvature_is_told():
    G = torch.diag(torch.tensor([1.0, -2.0], dtype=torch.float64))
    with pytest.warns(ConvergenceWarning, match="not positive semidefinite"):
        conjugate_gradient(lambda x: G @ x, torch.ones(2, dtype=torch.float64))


def test_zero_data_are_solved_by_zero():
    solution = conjugate_gradient(lambda x: x, torch.zeros(4))
    assert solution.converged
    assert not solution.x.any()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"tolerance": -1e-3}, "tolerance must be at least 0"),
        ({"tolerance": float("nan")}, "tolerance must be at least 0"),
        ({"max_iterations": 0}, "positive integer"),
        ({"initial": torch.zeros(3)}, "initial must match"),
        ({"initial": torch.tensor([0.0, 1.0, float("nan"), 0.0])}, "initial contains NaN"),
        ({"initial": torch.zeros(4, dtype=torch.float64)}, "initial must match"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        conjugate_gradient(lambda x: x, torch.ones(4), **settings)


def test_an_operator_that_gives_nan_is_told_at_once():
    with pytest.raises(ValueError, match="conjugate_gradient met NaN or infinity"):
        conjugate_gradient(lambda x: x / 0 - x / 0, torch.ones(3))


@pytest.mark.parametrize("scale", [1e-25, 1e25])
def test_single_precision_has_room_for_numbers_whose_squares_it_cannot_hold(scale):
    G, b = hermitian(9, seed=18, spread=5).to(torch.complex64), randn((9,), seed=19, dtype=torch.complex64)
    expected = torch.linalg.solve(G, b)
    solution = conjugate_gradient(lambda x: G @ x, scale * b, tolerance=1e-5)
    assert solution.converged
    assert relative(solution.x / scale - expected, expected) < 1e-4
