"""The primal-dual method against exact optimality conditions and problems that FISTA solves too."""

import pytest
import torch

from otrecon.operators import Identity, Matrix
from otrecon.solvers import ConvergenceWarning, LeastSquares, MixedNorm, fista, primal_dual
from tests.laws import randn


def differences(n, dtype=torch.float64):
    return torch.diff(torch.eye(n, dtype=dtype), dim=0)


def test_total_variation_on_a_line_meets_its_optimality_conditions():
    # On a line the dual variable is the running sum of the gradient of the data term, so that it can be checked whole.
    n, weight = 15, 0.7
    A = randn((18, n), seed=0, dtype=torch.float64) / 3
    truth = torch.cat([torch.full((6,), 1.0), torch.full((5,), -2.0), torch.full((4,), 0.5)]).double()
    y = A @ truth + 0.1 * randn((18,), seed=1, dtype=torch.float64)
    solution = primal_dual(
        LeastSquares(Matrix(A), y),
        Matrix(differences(n)),
        MixedNorm(weight, dims=1),
        tolerance=1e-10,
        max_iterations=50000,
    )
    assert solution.converged
    dual = torch.cumsum(A.T @ (A @ solution.x - y), 0)
    assert abs(dual[-1]) < 1e-7
    assert dual[:-1].abs().max() <= weight + 1e-7
    jumps = torch.diff(solution.x)
    jumping = jumps.abs() > 1e-6
    assert 1 <= jumping.sum() < n - 1
    torch.testing.assert_close(dual[:-1][jumping], weight * jumps[jumping].sign(), rtol=0, atol=1e-6)
    value = 0.5 * (A @ solution.x - y).square().sum() + weight * jumps.abs().sum()
    assert solution.objective[-1] == pytest.approx(float(value), rel=1e-10)


def test_agrees_with_fista_where_both_apply():
    A, y = randn((9, 14), seed=2), randn((9,), seed=3)
    data, penalty = LeastSquares(Matrix(A), y), MixedNorm(1.2, dims=1)

    def proximal(v, step):
        x = penalty.prox(v, step)
        return x, penalty.value(x)

    expected = fista(data, proximal, tolerance=1e-10, max_iterations=20000)
    solution = primal_dual(data, Identity((14,)), penalty, tolerance=1e-8, max_iterations=20000)
    torch.testing.assert_close(solution.x, expected.x, rtol=0, atol=1e-5)
    assert solution.objective[-1] == pytest.approx(expected.objective[-1], rel=1e-7)


def test_residual_certifies_the_objective():
    # The stated bound: excess <= gap + violation * distance, both in the units of the residual.
    A, y = randn((16, 10), seed=4), randn((16,), seed=5)
    data, penalty, transform = LeastSquares(Matrix(A), y), MixedNorm(0.9, dims=1), Matrix(differences(10) + 0j)
    best = primal_dual(data, transform, penalty, tolerance=1e-11, max_iterations=50000)
    run = primal_dual(data, transform, penalty, tolerance=0, max_iterations=40)
    images = []
    primal_dual(data, transform, penalty, tolerance=0, max_iterations=40, callback=lambda _, x: images.append(x))
    for x, value, residual in zip(images, run.objective, run.residuals, strict=True):
        distance = float(torch.linalg.vector_norm(x - best.x))
        bound = residual * (value + float(data.rhs_norm) * distance)
        assert -1e-9 <= value - best.objective[-1] <= bound


def test_projection_onto_the_non_negative():
    A = randn((12, 6), seed=6, dtype=torch.float64)
    y = A @ torch.tensor([1.0, -2, 3, -1, 0.5, -3], dtype=torch.float64)
    solution = primal_dual(
        LeastSquares(Matrix(A), y),
        Identity((6,)),
        MixedNorm(0.0, dims=1),
        project=lambda x: x.clamp_min(0),
        tolerance=1e-11,
        max_iterations=50000,
    )
    from scipy.optimize import nnls

    expected, _ = nnls(A.numpy(), y.numpy())
    torch.testing.assert_close(solution.x, torch.from_numpy(expected), rtol=0, atol=1e-8)
    assert 0 < (expected == 0).sum() < 6


def test_batch_is_its_items_and_start_does_not_matter():
    A, y = randn((12, 8), seed=7), randn((3, 12), seed=8)
    transform = Matrix(differences(8) + 0j)
    settings = {"tolerance": 1e-9, "max_iterations": 20000}
    together = primal_dual(LeastSquares(Matrix(A), y), transform, MixedNorm(1.0, dims=1), **settings)
    for item, data in zip(together.x, y, strict=True):
        start = randn((8,), seed=9)
        alone = primal_dual(LeastSquares(Matrix(A), data), transform, MixedNorm(1.0, dims=1), initial=start, **settings)
        torch.testing.assert_close(item, alone.x, rtol=0, atol=1e-5)


def test_warning_and_callback():
    A, y = randn((12, 8), seed=10), randn((12,), seed=11)
    seen = []
    with pytest.warns(ConvergenceWarning, match="after 3 iterations") as caught:
        solution = primal_dual(
            LeastSquares(Matrix(A), y),
            Identity((8,)),
            MixedNorm(1.0, dims=1),
            max_iterations=3,
            callback=lambda i, x: seen.append((i, x.clone())),
        )
    assert len(caught) == 1
    assert not solution.converged
    assert [i for i, _ in seen] == [1, 2, 3]
    assert torch.equal(seen[-1][1], solution.x)


def test_zero_data_are_solved_by_zero():
    data = LeastSquares(Identity((4,)), torch.zeros(4, dtype=torch.complex128))
    solution = primal_dual(data, Identity((4,)), MixedNorm(1.0, dims=1))
    assert solution.converged
    assert not solution.x.any()


@pytest.mark.parametrize("scale", [1e-25, 1e25])
def test_single_precision_has_room_for_numbers_whose_squares_it_cannot_hold(scale):
    A, y = randn((12, 8), seed=12, dtype=torch.complex64), randn((12,), seed=13, dtype=torch.complex64)
    transform, settings = Matrix(differences(8) + 0j), {"tolerance": 1e-4, "max_iterations": 5000}
    expected = primal_dual(LeastSquares(Matrix(A), y), transform, MixedNorm(1.0, dims=1), **settings)
    solution = primal_dual(LeastSquares(Matrix(A), scale * y), transform, MixedNorm(scale, dims=1), **settings)
    torch.testing.assert_close(solution.x / scale, expected.x, rtol=0, atol=1e-3, check_dtype=False)


def test_nan_ends_the_iteration():
    data = LeastSquares(Identity((4,)), torch.ones(4, dtype=torch.complex128))
    with pytest.raises(ValueError, match="primal_dual met NaN or infinity"):
        primal_dual(data, Identity((4,)), MixedNorm(1.0, dims=1), project=lambda x: x / 0)
