"""Nonlinear conjugate gradients, smoothed norms and proximal maps in the dual, against closed forms."""

import math

import pytest
import torch

from otrecon.operators import Identity, Matrix
from otrecon.solvers import (
    ConvergenceWarning,
    DualProximal,
    LeastSquares,
    MixedNorm,
    StackedNorms,
    conjugate_gradient,
    nonlinear_conjugate_gradient,
)
from tests.laws import randn, relative


def test_without_a_penalty_it_is_conjugate_gradients():
    A, y = Matrix(randn((9, 6), seed=1)), randn((9,), seed=2)
    result = nonlinear_conjugate_gradient(
        LeastSquares(A, y), Identity((6,)), MixedNorm(0.0, dims=1), smoothing=1.0, restarts=1, iterations=6
    )
    expected = conjugate_gradient(A.gram, A.adjoint(y), tolerance=1e-12).x
    assert relative(result.x - expected, expected) < 1e-9


def test_smoothed_soft_threshold():
    # |x - y|^2 / 2 + w sqrt(x^2 + s^2): the derivative vanishes, x + w x / sqrt(x^2 + s^2) = y.
    y = randn((5,), seed=3)
    result = nonlinear_conjugate_gradient(
        LeastSquares(Identity((5,)), y),
        Identity((5,)),
        MixedNorm(0.4, dims=1),
        smoothing=0.1,
        tolerance=1e-7,
        restarts=3,
        iterations=60,
    )
    x = result.x
    assert result.converged
    assert relative(x + 0.4 * x / (x.abs().square() + 0.01).sqrt() - y, y) < 1e-6


def test_smoothed_norms_have_their_gradients():
    z, s = randn((3, 4, 5), seed=4), torch.tensor(0.3, dtype=torch.float64)
    norms = StackedNorms([(1, MixedNorm(0.5, dims=3)), (2, MixedNorm(2.0, dims=3, group=-3))], axis=-3)
    probe = z.clone().requires_grad_()
    value = norms.smoothed_value(probe, s)
    (gradient,) = torch.autograd.grad(value.sum(), probe)
    assert relative(gradient - norms.smoothed_gradient(z, s), gradient) < 1e-12
    exact = 0.5 * z[0].abs().sum() + 2.0 * torch.linalg.vector_norm(z[1:], dim=0).sum()
    assert float(norms.value(z)) == pytest.approx(float(exact))
    assert float(exact) - 0.3 * (0.5 + 2.0) * 20 <= float(value.detach()) <= float(exact)
    projected = norms.project(10 * z)
    assert float(projected[0].abs().max()) == pytest.approx(0.5)
    assert float(torch.linalg.vector_norm(projected[1:], dim=0).max()) == pytest.approx(2.0)


@pytest.mark.parametrize("step", [0.5, 3.0])
def test_the_dual_finds_the_soft_threshold(step):
    v, norm = randn((2, 6), seed=5), MixedNorm(torch.tensor([[0.2], [0.6]]), dims=1)
    proximal = DualProximal(Identity((6,)), norm, 1.0, accuracy=1e-12)
    x, value = proximal(v, step)
    assert relative(x - norm.prox(v, step), x) < 1e-6
    assert torch.allclose(value, norm.value(x))
    assert float(proximal.gap.max()) < 1e-10


def test_a_proximal_map_goes_on_from_its_last_call_where_the_shape_allows():
    v, norm = randn((2, 6), seed=5), MixedNorm(0.3, dims=1)
    proximal = DualProximal(Identity((6,)), norm, 1.0, accuracy=1e-12)
    proximal(v, 0.5)
    first = proximal.iterations
    proximal(v, 0.5)
    assert proximal.iterations - first <= first
    for other in (v[0], v[:1], v.to(torch.complex64)):
        x, _ = proximal(other, 0.5)
        assert x.shape == other.shape
        assert x.dtype == other.dtype
        assert relative(x - norm.prox(other, 0.5), x) < 1e-5
    assert float(proximal.error.max()) <= 1e-6
    x, value = proximal(torch.zeros(6), 0.5)
    assert not x.any()
    assert float(value) == float(proximal.error) == 0
    with pytest.raises(ValueError, match="positive integer, got 0"):
        DualProximal(Identity((6,)), norm, 1.0, accuracy=1e-6, max_iterations=0)


def test_bad_settings_and_unfinished_work():
    data = LeastSquares(Identity((5,)), randn((5,), seed=3))
    for smoothing in (0.0, -1.0, math.nan):
        with pytest.raises(ValueError, match="smoothing must be positive and finite"):
            nonlinear_conjugate_gradient(data, Identity((5,)), MixedNorm(1.0, dims=1), smoothing=smoothing)
    with pytest.raises(ValueError, match=r"smoothing must be a number, or of shape \(1,\), got \(5,\)"):
        nonlinear_conjugate_gradient(data, Identity((5,)), MixedNorm(1.0, dims=1), smoothing=torch.ones(5))
    with pytest.raises(TypeError, match="restarts must be an integer, got float"):
        nonlinear_conjugate_gradient(data, Identity((5,)), MixedNorm(1.0, dims=1), smoothing=1.0, restarts=1.5)
    with pytest.warns(ConvergenceWarning, match="raise restarts or iterations"):
        nonlinear_conjugate_gradient(
            data, Identity((5,)), MixedNorm(1.0, dims=1), smoothing=0.1, restarts=1, iterations=1, tolerance=1e-9
        )
    with pytest.raises(ValueError, match="sum over as many axes"):
        StackedNorms([(1, MixedNorm(1.0, dims=2)), (1, MixedNorm(1.0, dims=3))], axis=-2)
