"""The gradient operator: laws, values by hand, its norm."""

import math

import pytest
import torch

from otrecon.mri import FilmDifference, FiniteDifference
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


@pytest.mark.parametrize("space", [False, True])
@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize("film_size", [(4, 3, 5), (1, 2, 3), (2, 6, 4)])
def test_laws_of_films(film_size, space, periodic):
    operator = FilmDifference(film_size, space=space, periodic=periodic)
    if film_size[0] == 1 and not space:
        assert not operator(randn(film_size, seed=1)).any()
        return
    check_operator(operator)
    assert operator.norm(iterations=200) <= operator.norm_bound + 1e-6


def test_differences_of_a_film_are_those_of_its_frames():
    film = randn((4, 3, 5), seed=1)
    differences = FilmDifference((4, 3, 5), space=True)(film)
    assert torch.equal(differences[0, :-1], torch.diff(film, dim=0))
    assert not differences[0, -1].any()
    assert torch.equal(differences[1:].transpose(0, 1), FiniteDifference((3, 5))(film))
    assert torch.equal(FilmDifference((4, 3, 5), periodic=True)(film)[0], film.roll(-1, 0) - film)
    with pytest.raises(ValueError, match=r"three positive integers \(t, y, x\), got \(3, 5\)"):
        FilmDifference((3, 5))
