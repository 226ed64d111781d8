"""LinearOperator: the laws on dense matrices, where every answer is known, and a check that the laws can fail."""

import pytest
import torch

from otrecon.operators import Adjoint, Identity, LinearOperator, Matrix
from tests.laws import check_operator, randn, relative

TALL, WIDE = randn((7, 4), seed=10), randn((4, 7), seed=11)

OPERATORS = {
    "matrix": Matrix(TALL),
    "adjoint": Matrix(TALL).H,
    "composition": Matrix(WIDE) @ Matrix(TALL),
    "scaled": (2.0 - 3.0j) * Matrix(TALL),
    "sum": Matrix(TALL) + Matrix(randn((7, 4), seed=12)),
    "difference": Matrix(TALL) - Matrix(randn((7, 4), seed=12)),
    "negative": -Matrix(TALL),
    "identity": Identity((3, 5)),
}


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("batch", [(), (3,), (2, 3)])
def test_laws(name, batch):
    check_operator(OPERATORS[name], batch=batch)


def test_algebra_equals_matrix_algebra():
    A, B, factor = TALL, randn((7, 4), seed=12), 2.0 - 3.0j
    x = randn((4,), seed=13)
    operator = factor * (Matrix(A) - Matrix(B)) + Matrix(A) @ Matrix(WIDE) @ Matrix(A)
    matrix = factor * (A - B) + A @ WIDE @ A
    assert relative(operator @ x - matrix @ x, matrix @ x) < 1e-13
    assert relative(operator.H @ (matrix @ x) - matrix.mH @ matrix @ x, x) < 1e-11


def test_norm_is_largest_singular_value():
    expected = float(torch.linalg.matrix_norm(TALL, ord=2))
    assert Matrix(TALL).norm(iterations=200) == pytest.approx(expected, rel=1e-4)
    assert Matrix(torch.zeros(3, 2, dtype=torch.complex64)).norm() == 0.0


def test_adjoint_twice_is_the_operator():
    operator = Matrix(TALL)
    assert operator.H.H is operator


def test_second_derivative_passes_through_the_adjoint():
    operator, x = Matrix(TALL), randn((4,), seed=14).requires_grad_()
    loss = operator(x).abs().pow(2).sum()
    (gradient,) = torch.autograd.grad(loss, x, create_graph=True)
    assert relative(gradient.detach() - 2 * operator.gram(x).detach(), gradient.detach()) < 1e-12
    (curvature,) = torch.autograd.grad(gradient.abs().pow(2).sum(), x)
    gram = TALL.mH @ TALL
    assert relative(curvature - 8 * gram @ gram @ x.detach(), curvature) < 1e-12


def test_real_input_gets_a_real_gradient():
    x = randn((4,), seed=15, dtype=torch.float64).requires_grad_()
    Matrix(TALL)(x).abs().pow(2).sum().backward()
    assert x.grad.dtype == torch.float64
    assert relative(x.grad - 2 * (TALL.mH @ TALL @ x.detach().to(TALL.dtype)).real, x.grad) < 1e-12


def test_forward_mode_derivative_is_forward():
    operator, x, direction = Matrix(TALL), randn((4,), seed=16), randn((4,), seed=17)
    with torch.autograd.forward_ad.dual_level():
        dual = operator(torch.autograd.forward_ad.make_dual(x, direction))
        tangent = torch.autograd.forward_ad.unpack_dual(dual).tangent
    assert relative(tangent - operator(direction), tangent) < 1e-13


class _WrongAdjoint(LinearOperator):
    def _forward(self, x):
        return 2j * x

    def _adjoint(self, y):
        return 2j * y  # forgot the conjugate


class _WrongGram(Matrix):
    def _gram(self, x):
        return 1.01 * super()._gram(x)


@pytest.mark.parametrize("operator", [_WrongAdjoint((4,), (4,)), _WrongGram(TALL)])
def test_laws_can_fail(operator):
    with pytest.raises(AssertionError, match=r"adjoint|gram"):
        check_operator(operator)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: Matrix(TALL)(torch.zeros(5)), ValueError, r"expects a domain of shape \(\.\.\., 4\), got \(5,\)"),
        (lambda: Matrix(TALL).adjoint(torch.zeros(4)), ValueError, r"range of shape \(\.\.\., 7\)"),
        (lambda: Identity((3, 5))(torch.zeros(5)), ValueError, r"domain of shape"),
        (lambda: Matrix(TALL)([1.0, 2.0]), TypeError, "torch tensors, got list"),
        (lambda: Matrix(torch.zeros(3)), ValueError, "rows, columns"),
        (lambda: Matrix(TALL) @ Matrix(TALL), ValueError, "Cannot compose"),
        (lambda: Matrix(TALL) + Matrix(WIDE), ValueError, "Cannot add"),
        (lambda: Matrix(TALL) + 3.0, TypeError, "unsupported operand"),
        (lambda: Matrix(TALL) - 3.0, TypeError, "unsupported operand"),
        (lambda: Matrix(TALL) @ 3.0, TypeError, "unsupported operand"),
        (lambda: Matrix(TALL).norm(iterations=0), ValueError, "iterations must be at least 1"),
        (lambda: Identity((3,))(torch.ones(3, dtype=torch.int64)), TypeError, r"got torch\.int64: convert it first"),
        (lambda: Identity((3,)).adjoint(torch.ones(3) > 0), TypeError, r"got torch\.bool"),
        (lambda: Identity((3,)).gram(torch.ones(3, dtype=torch.uint8)), TypeError, r"got torch\.uint8"),
        (lambda: Matrix(TALL) * "3", TypeError, r"multiply|unsupported"),
    ],
)
def test_errors_name_the_problem(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_adjoint_is_public():
    assert isinstance(Matrix(TALL).H, Adjoint)


def test_an_operator_prints_its_shapes():
    assert repr(Matrix(TALL)) == "Matrix(domain=(4,), range=(7,))"


@pytest.mark.parametrize(
    ("asked", "real", "complex_"),
    [
        (torch.float64, torch.float64, torch.complex128),
        (torch.float32, torch.float32, torch.complex64),
        (torch.complex128, torch.float64, torch.complex128),
    ],
)
@pytest.mark.filterwarnings("ignore:Complex modules are a new feature")
def test_a_change_of_precision_keeps_imaginary_parts_and_real_numbers_real(asked, real, complex_):
    matrix = randn((3, 2), seed=20).to(torch.complex64)
    operator = 2 * (Matrix(matrix).H @ Matrix(matrix.real)) + Matrix(matrix.mH @ matrix)
    before = {name: buffer.clone() for name, buffer in operator.named_buffers()}
    assert operator.to(asked) is operator
    for name, buffer in operator.named_buffers():
        assert buffer.dtype == (complex_ if before[name].is_complex() else real), name
        assert torch.equal(buffer, before[name].to(buffer.dtype)), name


def test_integers_stay_and_an_operator_still_moves():
    operator = Matrix(torch.ones(2, 2, dtype=torch.int64)).to(torch.float64)
    assert operator.matrix.dtype == torch.int64
    assert Matrix(torch.ones(2, 2, dtype=torch.complex64)).to("meta").matrix.device.type == "meta"
