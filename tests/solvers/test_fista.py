"""FISTA against closed forms, optimality conditions and its own theorem."""

import pytest
import torch

from otrecon.operators import Identity, Matrix
from otrecon.solvers import ConvergenceWarning, LeastSquares, MixedNorm, fista
from tests.laws import randn


def l1(weight, dims=1):
    penalty = MixedNorm(weight, dims=dims)

    def proximal(v, step):
        x = penalty.prox(v, step)
        return x, penalty.value(x)

    return proximal


def lasso(seed=0, dtype=torch.complex128):
    A = randn((12, 20), seed=seed, dtype=dtype)
    truth = torch.zeros(20, dtype=dtype)
    truth[[2, 7, 15]] = torch.tensor([2.0, -1.0, 3.0], dtype=dtype)
    return A, A @ truth + 0.05 * randn((12,), seed=seed + 1, dtype=dtype)


def objective(A, y, x, weight):
    return 0.5 * float((A @ x - y).abs().square().sum()) + weight * float(x.abs().sum())


def test_identity_is_the_soft_threshold():
    y = randn((9,), seed=2)
    solution = fista(LeastSquares(Identity((9,)), y), l1(0.6), tolerance=1e-10)
    torch.testing.assert_close(solution.x, y * (1 - 0.6 / y.abs()).clamp_min(0), rtol=0, atol=1e-9)
    assert solution.objective[-1] == pytest.approx(
        objective(torch.eye(9, dtype=y.dtype), y, solution.x, 0.6), rel=1e-12
    )


def test_unitary_operator_is_the_soft_threshold_of_its_adjoint():
    Q, _ = torch.linalg.qr(randn((8, 8), seed=3))
    y = randn((8,), seed=4)
    solution = fista(LeastSquares(Matrix(Q), y), l1(0.5), tolerance=1e-10)
    b = Q.mH @ y
    torch.testing.assert_close(solution.x, b * (1 - 0.5 / b.abs()).clamp_min(0), rtol=0, atol=1e-8)


@pytest.mark.parametrize("dtype", [torch.complex128, torch.float64])
def test_lasso_meets_its_optimality_conditions(dtype):
    A, y = lasso(dtype=dtype)
    weight = 1.5
    solution = fista(LeastSquares(Matrix(A), y), l1(weight), tolerance=1e-9, max_iterations=5000)
    assert solution.converged
    x, slope = solution.x, A.mH @ (y - A @ solution.x)
    support = x.abs() > 0
    assert 0 < support.sum() < 12
    assert slope.abs().max() <= weight * (1 + 1e-6)
    torch.testing.assert_close(slope[support], weight * x[support] / x[support].abs(), rtol=0, atol=1e-6)
    assert solution.objective[-1] == pytest.approx(objective(A, y, x, weight), rel=1e-10)
    assert len(solution.residuals) == len(solution.objective) == solution.iterations


def test_objective_falls_at_least_as_fast_as_the_theorem_says():
    A, y = lasso(seed=7)
    data, weight = LeastSquares(Matrix(A), y), 0.3
    best = fista(data, l1(weight), tolerance=1e-12, max_iterations=20000)
    run = fista(data, l1(weight), tolerance=0, max_iterations=150)
    L = float(torch.linalg.matrix_norm(A, 2)) ** 2 * 1.02
    distance = float(best.x.abs().square().sum())
    for k, value in enumerate(run.objective, start=1):
        excess = value - best.objective[-1]
        assert -1e-9 <= excess <= 2 * L * distance / (k + 1) ** 2
    assert run.objective[-1] - best.objective[-1] < 1e-3 * (run.objective[0] - best.objective[-1])


def test_a_norm_estimated_too_low_is_mended():
    A, y = lasso(seed=9)
    data, honest = LeastSquares(Matrix(A), y), LeastSquares(Matrix(A), y)
    data._lipschitz = 1e-3 * honest.lipschitz
    mended = fista(data, l1(1.0), tolerance=1e-9, max_iterations=5000)
    expected = fista(honest, l1(1.0), tolerance=1e-9, max_iterations=5000)
    torch.testing.assert_close(mended.x, expected.x, rtol=0, atol=1e-7)


def test_batch_is_its_items_and_start_does_not_matter():
    A, y = lasso(seed=11)
    batch = torch.stack([y, 0.3 * y.flip(0), torch.zeros_like(y)])
    together = fista(LeastSquares(Matrix(A), batch), l1(1.0), tolerance=1e-9, max_iterations=5000)
    for item, data in zip(together.x, batch, strict=True):
        start = randn((20,), seed=12)
        alone = fista(LeastSquares(Matrix(A), data), l1(1.0), initial=start, tolerance=1e-9, max_iterations=5000)
        torch.testing.assert_close(item, alone.x, rtol=0, atol=1e-6)


def test_same_numbers_again():
    A, y = lasso(seed=13)
    first, second = (fista(LeastSquares(Matrix(A), y), l1(1.0), tolerance=0, max_iterations=20) for _ in range(2))
    assert torch.equal(first.x, second.x)
    assert first.objective == second.objective


def test_warning_and_callback():
    A, y = lasso(seed=15)
    seen = []
    with pytest.warns(ConvergenceWarning, match="after 3 iterations") as caught:
        solution = fista(
            LeastSquares(Matrix(A), y), l1(0.1), max_iterations=3, callback=lambda i, x: seen.append((i, x.clone()))
        )
    assert len(caught) == 1
    assert not solution.converged
    assert [i for i, _ in seen] == [1, 2, 3]
    assert torch.equal(seen[-1][1], solution.x)


def test_nan_ends_the_search_for_a_step():
    A, y = lasso(seed=17)
    with pytest.raises(ValueError, match="initial contains NaN"):
        fista(LeastSquares(Matrix(A), y), l1(0.1), initial=torch.full((20,), float("nan"), dtype=y.dtype))
    with pytest.raises(ValueError, match="fista met NaN or infinity"):
        fista(LeastSquares(Matrix(A), y), lambda v, _: (v / 0, torch.zeros(1, 1)))
    with pytest.raises(ValueError, match="norm of Matrix is not finite"):
        fista(LeastSquares(Matrix(torch.tensor([[1.0, float("inf")]])), torch.zeros(1)), l1(0.1))


@pytest.mark.parametrize("scale", [1e-25, 1e25])
def test_single_precision_has_room_for_numbers_whose_squares_it_cannot_hold(scale):
    A, y = lasso(seed=19, dtype=torch.complex64)
    expected = fista(LeastSquares(Matrix(A), y), l1(1.0), tolerance=1e-5, max_iterations=5000)
    solution = fista(LeastSquares(Matrix(A), scale * y), l1(scale), tolerance=1e-5, max_iterations=5000)
    torch.testing.assert_close(solution.x / scale, expected.x, rtol=0, atol=1e-3)
    assert solution.objective[-1] / scale**2 == pytest.approx(expected.objective[-1], rel=1e-4)


def test_data_that_torch_conjugates_lazily_are_data():
    A, y = lasso(seed=21)
    assert y.conj().is_conj()
    lazy = fista(LeastSquares(Matrix(A.conj()), y.conj()), l1(1.0), tolerance=1e-9, max_iterations=5000)
    plain = fista(LeastSquares(Matrix(A), y), l1(1.0), tolerance=1e-9, max_iterations=5000)
    torch.testing.assert_close(lazy.x.conj(), plain.x, rtol=0, atol=1e-6)


def test_operator_that_is_zero():
    solution = fista(LeastSquares(Matrix(torch.zeros(3, 5, dtype=torch.complex128)), randn((3,), seed=1)), l1(1.0))
    assert solution.converged
    assert not solution.x.any()


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (torch.tensor([1.0, float("nan")]), ValueError, "NaN or infinity"),
        (torch.tensor([1.0, float("inf")]) + 0j, ValueError, "NaN or infinity"),
        (torch.ones(3), ValueError, r"range of shape \(\.\.\., 2\)"),
        (torch.ones(2, dtype=torch.int64), TypeError, "floating-point or complex"),
        ([1.0, 2.0], TypeError, "floating-point or complex"),
    ],
)
def test_bad_data(data, error, message):
    with pytest.raises(error, match=message):
        LeastSquares(Identity((2,)), data)
