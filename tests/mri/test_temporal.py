"""Total variation in time against closed forms, conditions of optimality and other algorithms."""

import math

import numpy as np
import pytest
import torch

from otrecon.mri import CartesianFilm, FilmDifference, cg_sense, temporal_tv, zero_filled
from otrecon.mri.reconstruction import temporal
from otrecon.operators import Identity, LinearOperator, Matrix
from otrecon.solvers import ConvergenceWarning, LeastSquares, MixedNorm, StackedNorms, primal_dual
from tests.laws import randn, relative
from tests.mri.films import FILM, dense, scanner


@pytest.mark.parametrize("weight", [0.1, 0.3])
def test_two_frames_shrink_towards_their_mean(weight):
    # Each of two values moves by w along their difference, until they meet in the middle.
    y = randn((2, 4, 3), seed=3)
    result = temporal_tv(Identity((2, 4, 3)), y, weight=weight, tolerance=1e-10, max_iterations=2000)
    w = weight * float(y.abs().max())
    assert float(result.weight) == pytest.approx(w)
    gap = y[1] - y[0]
    move = torch.minimum(torch.full_like(gap.real, w), gap.abs() / 2) * gap / gap.abs()
    expected = torch.stack([y[0] + move, y[1] - move])
    met = (gap.abs() <= 2 * w).double().mean()
    assert 0 < met < 1
    assert relative(result.image - expected, expected) < 1e-7


def test_two_frames_of_a_periodic_film_shrink_twice():
    y = torch.tensor([1.0, 3.0], dtype=torch.complex128).reshape(2, 1, 1)
    result = temporal_tv(Identity((2, 1, 1)), y, weight=0.1, periodic=True, tolerance=1e-10, max_iterations=2000)
    torch.testing.assert_close(result.image.flatten().real, torch.tensor([1.6, 2.4], dtype=torch.float64))


def test_temporal_tv_meets_its_optimality_conditions():
    # In time alone the dual variable of each pixel is the running sum of the gradient of the data term.
    operator, _, y = scanner()
    result = temporal_tv(operator, y, weight=0.05, tolerance=1e-8, max_iterations=3000)
    x, w = result.image, float(result.weight)
    assert w == pytest.approx(0.05 * float(operator.adjoint(y).abs().max()))
    dual = torch.cumsum(operator.adjoint(operator(x) - y), 0)
    jumps = torch.diff(x, dim=0)
    jumping = jumps.abs() > 1e-5
    assert dual[-1].abs().max() < 1e-7
    assert dual.abs().max() <= w * (1 + 1e-5)
    assert 0.05 < jumping.double().mean() < 0.8
    torch.testing.assert_close(dual[:-1][jumping], w * jumps[jumping] / jumps[jumping].abs(), rtol=0, atol=1e-4 * w)
    value = (operator(x) - y).abs().square().sum() / 2 + w * jumps.abs().sum()
    assert result.objective[-1] == pytest.approx(float(value), rel=1e-9)


def test_temporal_and_spatial_variation_agree_with_the_primal_dual_method():
    operator, _, y = scanner(empty=(1,))
    ours = temporal_tv(operator, y, weight=0.03, space_weight=0.02, periodic=True, tolerance=1e-6, max_iterations=3000)
    m0 = float(operator.adjoint(y).abs().max())
    norms = StackedNorms([(1, MixedNorm(0.03 * m0, dims=4)), (2, MixedNorm(0.02 * m0, dims=4, group=-4))], axis=-4)
    theirs = primal_dual(
        LeastSquares(operator, y),
        FilmDifference(FILM, space=True, periodic=True),
        norms,
        tolerance=0,
        max_iterations=300,
    )
    assert ours.converged
    assert ours.error <= 1e-6
    assert theirs.error < 1e-4
    assert ours.objective[-1] == pytest.approx(theirs.objective[-1], rel=1e-5)
    assert relative(ours.image - theirs.x, theirs.x) < 1e-3


def matrices(film_size, *, space, periodic):
    """Differences of a film as two dense matrices, in time and, stacked, along y and x: written entry by entry."""
    number = np.arange(math.prod(film_size)).reshape(film_size)

    def along(axis, wrap):
        rows = np.zeros((number.size, number.size))
        for place in np.ndindex(film_size):
            following = list(place)
            following[axis] += 1
            if following[axis] == film_size[axis] and not wrap:
                continue
            following[axis] %= film_size[axis]
            rows[number[place], number[tuple(following)]] += 1
            rows[number[place], number[place]] -= 1
        return rows

    return along(0, periodic), [along(1, False), along(2, False)] if space else []


@pytest.mark.parametrize("periodic", [False, True])
def test_temporal_tv_of_real_films_is_a_bounded_least_squares_problem(periodic):
    # With A^H A = R^H R, x = (A^H A)^-1 (A^H y - K^H p) for the p, |p| <= w, of the shortest R^-H (A^H y - K^H p).
    from scipy.optimize import lsq_linear

    size = (5, 2, 3)
    A = 1.5 * np.eye(30) + 0.3 * np.random.default_rng(0).normal(size=(30, 30))
    y = np.random.default_rng(1).normal(size=30)
    K, _ = matrices(size, space=False, periodic=periodic)
    weight = 0.15
    w = weight * np.abs(A.T @ y).max()
    root = np.linalg.inv(np.linalg.cholesky(A.T @ A))
    p = lsq_linear(root @ K.T, root @ (A.T @ y), bounds=(-w, w), method="bvls", tol=1e-14, max_iter=1000).x
    expected = np.linalg.solve(A.T @ A, A.T @ y - K.T @ p).reshape(size)
    assert 0.2 < (np.abs(p) > w * (1 - 1e-9)).mean() < 0.9
    operator = Matrix(torch.from_numpy(A).to(torch.complex128)) @ Flat(size)
    data = torch.from_numpy(y).to(torch.complex128)
    result = temporal_tv(operator, data, weight=weight, periodic=periodic, tolerance=1e-8, max_iterations=5000)
    assert relative(result.image - torch.from_numpy(expected), result.image) < 1e-6


class Flat(LinearOperator):
    """The pixels of a film one after the other."""

    def __init__(self, film_size):
        super().__init__(film_size, (math.prod(film_size),))

    def _forward(self, x):
        return x.flatten(-3)

    def _adjoint(self, y):
        return y.unflatten(-1, self.domain)


@pytest.mark.parametrize(("space_weight", "periodic"), [(0.0, False), (0.0, True), (0.06, False), (0.06, True)])
def test_temporal_tv_against_a_general_solver_of_its_dual(space_weight, periodic):
    from scipy.optimize import minimize

    size, weight = (3, 2, 3), 0.2
    smaps = randn((3, *size[1:]), seed=7)
    mask = torch.rand(size, generator=torch.Generator().manual_seed(3)) < 0.7
    operator = CartesianFilm(mask, smaps)
    y = operator.mask * randn(operator.range, seed=8)
    A = dense(operator)
    rhs = A.conj().T @ y.numpy().ravel()
    gram = A.conj().T @ A
    in_time, in_space = matrices(size, space=space_weight > 0, periodic=periodic)
    K, m0, n = np.concatenate([in_time, *in_space]), np.abs(rhs).max(), in_time.shape[0]
    limits = np.concatenate([np.full(n, weight), np.full(n if in_space else 0, space_weight)]) * m0

    def squares(q):
        p = np.abs(q[: len(K)] + 1j * q[len(K) :]) ** 2
        return np.concatenate([p[:n], p[n : 2 * n] + p[2 * n :]]) if in_space else p

    def slopes(q):
        rows = 2 * np.concatenate([np.diag(q[: len(K)]), np.diag(q[len(K) :])], 1)
        return np.concatenate([rows[:n], rows[n : 2 * n] + rows[2 * n :]]) if in_space else rows

    def film(q):
        return np.linalg.solve(gram, rhs - K.T @ (q[: len(K)] + 1j * q[len(K) :]))

    def dual(q):
        x = film(q)
        slope = -K @ x
        return (x.conj() @ gram @ x).real / 2, np.concatenate([slope.real, slope.imag])

    ball = {"type": "ineq", "fun": lambda q: limits**2 - squares(q), "jac": lambda q: -slopes(q)}
    start = np.zeros(2 * len(K))
    solved = minimize(dual, start, jac=True, constraints=ball, method="SLSQP", options={"ftol": 1e-15, "maxiter": 500})
    expected = torch.from_numpy(film(solved.x)).reshape(size)
    tight = squares(solved.x) > (limits * (1 - 1e-5)) ** 2
    assert 0.1 < tight.mean() < 0.9
    result = temporal_tv(
        operator,
        y,
        weight=weight,
        space_weight=space_weight,
        periodic=periodic,
        tolerance=1e-8,
        max_iterations=5000,
    )
    assert relative(result.image - expected, expected) < 1e-6


def test_a_frame_without_data_lies_between_its_neighbours():
    operator, _, y = scanner(empty=(2,))
    x = temporal_tv(operator, y, weight=0.02, tolerance=1e-8, max_iterations=3000).image
    # No detour: the two steps are together as long as the one over them.
    detour = (x[2] - x[1]).abs() + (x[3] - x[2]).abs() - (x[3] - x[1]).abs()
    assert detour.max() < 1e-4
    assert x[2].abs().max() > 0.5
    assert not zero_filled(operator, y).image[2].any()


def test_it_is_better_than_the_frames_alone():
    operator, film, y = scanner()
    alone = cg_sense(operator, y, regularisation=0.01).image
    assert relative(temporal_tv(operator, y, weight=0.01).image - film, film) < 0.7 * relative(alone - film, film)


def test_weight_zero_is_least_squares():
    operator, _, y = scanner()
    least = cg_sense(operator, y, tolerance=1e-9).image
    result = temporal_tv(operator, y, weight=0.0, tolerance=1e-9, max_iterations=5000)
    assert relative(operator.gram(result.image - least), least) < 1e-7


def test_the_iteration_goes_on_until_the_proximal_map_is_closed(monkeypatch):
    # With one iteration in the dual a call, the violation is small long before p fits x.
    operator, _, y = scanner()
    monkeypatch.setattr(temporal, "_INNER", 1)
    with pytest.warns(ConvergenceWarning, match="after 20 iterations"):
        early = temporal_tv(operator, y, weight=0.3, tolerance=0.02, max_iterations=20)
    assert early.error > 0.1
    result = temporal_tv(operator, y, weight=0.3, tolerance=1e-4, max_iterations=3000)
    monkeypatch.undo()
    exact = temporal_tv(operator, y, weight=0.3, tolerance=1e-8, max_iterations=3000)
    assert result.converged
    assert result.objective[-1] == pytest.approx(exact.objective[-1], rel=2e-4)
