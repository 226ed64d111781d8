"""Frames from their neighbours: exact where the answer is known."""

import pytest
import torch

from otrecon.dynamic import barycentric_frames, linear_frames, nearest_observed, warped_frames
from otrecon.dynamic.classical import neighbours
from tests.dynamic.test_priors import SIZE, bumps


def test_neighbours_and_their_shares():
    between = [(3, 2, 5, pytest.approx(1 / 3)), (4, 2, 5, pytest.approx(2 / 3))]
    assert neighbours((1, 2, 5), 8) == between
    assert neighbours((1, 2, 5), 8, also_observed=True) == [(2, 1, 5, 0.25), *between]


@pytest.mark.parametrize("fill", [barycentric_frames, warped_frames])
def test_observed_frames_are_asked_of_those_around_them(fill):
    film = bumps([(12, 6 + 3 * k) for k in range(5)], 2.0)
    found = fill(film, (0, 1, 3, 4), also_observed=True, tol=1e-7)
    # By hand: frame 1 from 0 and 3, and so on; the film holds its place in time.
    for k, before, after in ((1, 0, 3), (2, 1, 3), (3, 1, 4)):
        torch.testing.assert_close(found[k], fill(film, (before, after), tol=1e-7)[k], rtol=0, atol=1e-5)
    torch.testing.assert_close(found[[0, 4]], film[[0, 4]])


def test_linear_and_nearest():
    film = torch.arange(6.0)[:, None, None].expand(6, 3, 4) + 1j
    spoiled = film.clone()
    spoiled[[1, 2, 4, 5]] = 99
    assert torch.allclose(linear_frames(spoiled, (0, 3))[:4], film[:4])
    assert torch.equal(linear_frames(spoiled, (0, 3))[4:], film[[3, 3]])
    assert nearest_observed(spoiled, (0, 3))[:, 0, 0].real.tolist() == [0, 0, 3, 3, 3, 3]
    assert nearest_observed(spoiled, (0, 2))[1, 0, 0].real == 0


def test_a_walk_is_walked_on_with_its_growth_its_mass_and_its_phase():
    spread = torch.tensor([2.0, 2.5, 3.0, 3.5])
    film = bumps([(12, 8), (12, 11), (12, 14), (12, 17)], spread, masses=[1.0, 2.0, 3.0, 4.0])
    whole = film * torch.exp(0.3j * torch.ones(SIZE))
    spoiled = whole.clone()
    spoiled[[1, 2]] = 0
    found = barycentric_frames(spoiled, (0, 3))
    assert found.dtype == whole.dtype
    torch.testing.assert_close(found, whole, rtol=0, atol=0.03 * float(film.max()))
    torch.testing.assert_close(found.abs().sum((-2, -1)), torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=torch.float64))
    linear = linear_frames(spoiled, (0, 3))
    assert float((found - whole).abs().max()) < 0.1 * float((linear - whole).abs().max())
    real = barycentric_frames(film, (0, 3))
    torch.testing.assert_close(real, found.abs(), rtol=1e-6, atol=1e-8)


def test_a_short_reach_is_linear_and_a_long_one_moves():
    film = bumps([(12, 6), (12, 15), (12, 24)], 2.0)
    near, far = (barycentric_frames(film, (0, 2), blur=1.0, reach=reach)[1] for reach in (1.0, 40.0))
    linear = linear_frames(film, (0, 2))[1]
    balanced = barycentric_frames(film, (0, 2), blur=1.0)[1]

    def apart(a, b):
        return float((a - b).abs().sum())

    assert apart(near, linear) < 0.5 * apart(balanced, linear)
    assert apart(far, balanced) < 0.2 * apart(linear, balanced)
    brighter = barycentric_frames(1000 * film, (0, 2), blur=1.0, reach=1.0)[1]
    torch.testing.assert_close(brighter, 1000 * near)
