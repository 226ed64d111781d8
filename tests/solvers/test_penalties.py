"""The mixed norm: closed forms, and the two identities that tie norm, projection and proximal map together."""

import pytest
import torch

from otrecon.solvers import MixedNorm
from tests.laws import randn


def test_values_by_hand():
    z = torch.tensor([[3.0, 4.0j], [0.0, 1.0]], dtype=torch.complex128)
    assert MixedNorm(2.0, dims=2).value(z).item() == 16.0
    # Columns are groups: lengths 3 and sqrt(17).
    assert MixedNorm(1.0, dims=2, group=-2).value(z).item() == pytest.approx(3 + 17**0.5)


def test_soft_threshold_keeps_the_phase():
    z = torch.polar(
        torch.tensor([3.0, 0.5, 0.0], dtype=torch.float64), torch.tensor([0.7, 2.0, 0.0], dtype=torch.float64)
    )
    expected = torch.polar(
        torch.tensor([2.0, 0, 0], dtype=torch.float64), torch.tensor([0.7, 0, 0], dtype=torch.float64)
    )
    torch.testing.assert_close(MixedNorm(2.0, dims=1).prox(z, 0.5), expected, rtol=0, atol=1e-15)


@pytest.mark.parametrize("group", [None, -3])
@pytest.mark.parametrize("step", [0.3, 1.7])
def test_moreau_and_optimality(group, step):
    penalty = MixedNorm(0.8, dims=3, group=group)
    z = randn((4, 2, 5, 3), seed=0)
    x = penalty.prox(z, step)
    # Moreau: z = prox_{step g}(z) + step prox_{g* / step}(z / step).
    torch.testing.assert_close(x + step * penalty.project(z / step), z)
    # p = (z - x) / step is a subgradient at x: inside the ball, and <p, x> = g(x).
    p = (z - x) / step
    assert penalty.length(p).max() <= 0.8 + 1e-12
    aligned = (p.conj() * x).real.sum((-3, -2, -1), keepdim=True)
    torch.testing.assert_close(aligned, penalty.value(x))


def test_a_weight_for_each_image():
    weights = torch.tensor([0.0, 0.4, 9.0], dtype=torch.float64).reshape(3, 1, 1)
    z = randn((3, 4, 5), seed=1)
    x = MixedNorm(weights, dims=2).prox(z, 1.0)
    assert torch.equal(x[0], z[0])
    torch.testing.assert_close(x[1], MixedNorm(0.4, dims=2).prox(z[1], 1.0))
    assert not x[2].any()
    assert not MixedNorm(weights, dims=2).project(z)[0].any()


def test_errors():
    with pytest.raises(ValueError, match="weight must be at least 0"):
        MixedNorm(-1.0, dims=1)
    with pytest.raises(ValueError, match="weight must be at least 0, got nan"):
        MixedNorm(float("nan"), dims=1)
    with pytest.raises(ValueError, match="group must be one of the last 2 axes"):
        MixedNorm(1.0, dims=2, group=-3)
