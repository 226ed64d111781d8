"""iGRASP's nonlinear conjugate gradients against scipy, and against the penalty that they smooth."""

import numpy as np
import pytest
import torch

from otrecon.mri import FilmDifference, grasp, temporal_tv
from tests.laws import relative
from tests.mri.films import FILM, dense, scanner


def test_grasp_reaches_a_zero_gradient_of_the_smooth_objective():
    operator, _, y = scanner(empty=(1,))
    result = grasp(
        operator, y, weight=0.03, space_weight=0.02, smoothing=0.2, restarts=1, iterations=300, tolerance=1e-7
    )
    assert result.converged
    m0 = float(operator.adjoint(y).abs().max())
    mu = 0.2 * m0 / operator.norm(iterations=12) ** 2
    x = result.image.clone().requires_grad_()
    d = FilmDifference(FILM, space=True)(x)
    along_t, in_space = d[0].abs().square(), d[1:].abs().square().sum(0)
    value = (operator(x) - y).abs().square().sum() / 2
    value = (
        value + 0.03 * m0 * ((along_t + mu**2).sqrt() - mu).sum() + 0.02 * m0 * ((in_space + mu**2).sqrt() - mu).sum()
    )
    (gradient,) = torch.autograd.grad(value, x)
    assert torch.linalg.vector_norm(gradient) < 1e-6 * torch.linalg.vector_norm(operator.adjoint(y))
    assert result.objective[-1] == pytest.approx(float(value.detach()), rel=1e-8)
    assert (np.diff(result.objective) <= 1e-12).all()


def test_grasp_against_scipy():
    from scipy.optimize import minimize

    operator, _, y = scanner(empty=(1,))
    A = dense(operator)
    data, m0 = y.numpy().ravel(), float(operator.adjoint(y).abs().max())
    mu = 0.2 * m0 / operator.norm(iterations=12) ** 2

    def objective(q):
        x = q[: q.size // 2] + 1j * q[q.size // 2 :]
        residual, film = A @ x - data, x.reshape(FILM)
        jumps = film[1:] - film[:-1]
        smooth = np.sqrt(np.abs(jumps) ** 2 + mu**2)
        slope = A.conj().T @ residual
        pull = 0.03 * m0 * jumps / smooth
        both = np.zeros(FILM, complex)
        both[1:] += pull
        both[:-1] -= pull
        slope = slope + both.ravel()
        value = (np.abs(residual) ** 2).sum() / 2 + 0.03 * m0 * (smooth - mu).sum()
        return value, np.concatenate([slope.real, slope.imag])

    start = np.zeros(2 * A.shape[1])
    settings = {"maxiter": 5000, "maxfun": 10000, "ftol": 1e-16, "gtol": 1e-9, "maxcor": 30}
    theirs = minimize(objective, start, jac=True, method="L-BFGS-B", options=settings)
    # A search along a line compares values of the objective: a slope of 1e-8 changes them by less than rounding.
    result = grasp(operator, y, weight=0.03, smoothing=0.2, restarts=1, iterations=300, tolerance=1e-7)
    ours = np.concatenate([result.image.real.ravel(), result.image.imag.ravel()])
    assert result.objective[-1] == pytest.approx(theirs.fun, rel=1e-10)
    assert np.linalg.norm(ours - theirs.x) < 1e-5 * np.linalg.norm(theirs.x)


def test_grasp_approaches_temporal_tv_as_the_smoothing_goes():
    operator, _, y = scanner()
    exact = temporal_tv(operator, y, weight=0.05, tolerance=1e-8, max_iterations=3000)
    apart, start = [], None
    for smoothing in (1e-1, 1e-2, 1e-3):
        result = grasp(
            operator, y, weight=0.05, smoothing=smoothing, initial=start, restarts=1, iterations=300, tolerance=1e-5
        )
        start = result.image
        apart.append(relative(start - exact.image, exact.image))
        jumps = float(torch.diff(start, dim=0).abs().sum())
        value = float((operator(start) - y).abs().square().sum()) / 2 + float(exact.weight) * jumps
        assert value >= exact.objective[-1] * (1 - 1e-9)
        # The smooth objective is below the true one, by mu a difference at most.
        assert result.objective[-1] <= value
    assert apart[0] > 3 * apart[1] > 6 * apart[2]
    assert apart[2] < 5e-3
    assert value == pytest.approx(exact.objective[-1], rel=5e-3)


def test_published_iterations_stop_early():
    operator, _, y = scanner()
    result = grasp(operator, y, weight=0.05)
    assert result.iterations == 24
    assert not result.converged
    assert result.error > 1e-3
