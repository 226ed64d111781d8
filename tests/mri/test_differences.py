"""The gradient operator: laws, values by hand, its norm."""

import math

import pytest
import torch

from otrecon.mri import FiniteDifference
from tests.laws import check_operator, randn


@pytest.mark.parametrize("im_size", [(5, 7), (1, 6), (8, 2)])
def test_laws(im_size):
    check_operator(FiniteDifference(im_size))


def test_values_by_hand():
    image = torch.tensor([[1.0, 3.0, 0.0], [2.0, 2.0, 5.0]])
    gradient = FiniteDifference((2, 3))(image)
    assert torch.equal(gradient[0], torch.tensor([[1.0, -1.0, 5.0], [0.0, 0.0, 0.0]]))
    assert torch.equal(gradient[1], torch.tensor([[2.0, -3.0, 0.0], [0.0, 3.0, 0.0]]))


def test_constants_have_no_gradient_and_the_divergence_no_mass():
    operator = FiniteDifference((4, 6))
    assert not operator(torch.full((3, 4, 6), 2.5)).any()
    assert operator.adjoint(randn((2, 4, 6), seed=0)).sum().abs() < 1e-12


def test_norm_is_that_of_the_path_and_within_the_bound():
    # The gram is the Laplacian of a grid with reflecting ends; its largest eigenvalue is a sum of two cosines.
    ny, nx = 6, 9
    exact = math.sqrt(4 - 2 * math.cos(math.pi * (ny - 1) / ny) - 2 * math.cos(math.pi * (nx - 1) / nx))
    assert FiniteDifference((ny, nx)).norm(iterations=300) == pytest.approx(exact, rel=1e-4)
    assert exact < FiniteDifference.norm_bound
