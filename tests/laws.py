"""The laws that every linear operator obeys, in one place; each room's tests call them on asymmetric sizes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from otrecon.operators import LinearOperator


def randn(shape: Sequence[int], *, seed: int, dtype: torch.dtype = torch.complex128) -> Tensor:
    """Seeded Gaussian tensor."""
    return torch.randn(tuple(shape), dtype=dtype, generator=torch.Generator().manual_seed(seed))


def relative(difference: Tensor, reference: Tensor) -> float:
    """Norm of ``difference`` relative to the norm of ``reference``."""
    return float(torch.linalg.vector_norm(difference) / torch.linalg.vector_norm(reference))


def check_operator(
    operator: LinearOperator,
    *,
    dtype: torch.dtype = torch.complex128,
    range_dtype: torch.dtype | None = None,
    batch: Sequence[int] = (2,),
    tolerance: float = 1e-10,
    gram_tolerance: float | None = None,
) -> None:
    """Assert shapes, batching, linearity, adjointness, gram, and that autograd is the adjoint, both ways."""
    range_dtype = range_dtype or dtype
    gram_tolerance = tolerance if gram_tolerance is None else gram_tolerance
    x = randn((*batch, *operator.domain), seed=1, dtype=dtype)
    z = randn((*batch, *operator.domain), seed=2, dtype=dtype)
    y = randn((*batch, *operator.range), seed=3, dtype=range_dtype)
    Ax, Ahy = operator(x), operator.adjoint(y)

    assert Ax.shape == (*batch, *operator.range)
    assert Ahy.shape == (*batch, *operator.domain)
    assert Ax.dtype == range_dtype, f"forward changed the dtype to {Ax.dtype}"
    assert Ahy.dtype == dtype, f"adjoint changed the dtype to {Ahy.dtype}"
    assert Ax.abs().max() > 0
    assert Ahy.abs().max() > 0
    for item in range(batch[0] if batch else 0):
        assert relative(operator(x[item]) - Ax[item], Ax[item]) <= tolerance, "a batch differs from its items"

    assert relative(operator(2.5 * x - z) - (2.5 * Ax - operator(z)), Ax) <= tolerance, "not linear"
    # <Ax, y> = <x, A^H y>, relative to the size of the vectors: a chance cancellation must not blow up the ratio.
    gap = abs(complex((Ax.conj() * y).sum() - (x.conj() * Ahy).sum()))
    scale = float(torch.linalg.vector_norm(Ax) * torch.linalg.vector_norm(y))
    assert gap <= tolerance * scale, f"adjoint off by {gap / scale:.2e}"
    assert relative(operator.gram(x) - operator.adjoint(Ax), operator.gram(x)) <= gram_tolerance, "gram is not A^H A"

    probe = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(operator(probe), probe, grad_outputs=y)
    assert relative(gradient - Ahy, Ahy) <= tolerance, "autograd of forward is not the adjoint"
    probe = y.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(operator.adjoint(probe), probe, grad_outputs=x)
    assert relative(gradient - Ax, Ax) <= tolerance, "autograd of the adjoint is not forward"
