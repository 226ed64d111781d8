"""The one check of a trajectory, alone and through the two rooms that use it."""

import math

import numpy as np
import pytest
import torch

from otrecon.grid import cartesian_trajectory, check_ktraj
from otrecon.mri import NDFT, radial_trajectory
from otrecon.phantoms import shepp_logan


@pytest.mark.parametrize("limit", [math.pi, math.inf])
@pytest.mark.parametrize(
    ("ktraj", "error", "message"),
    [
        (np.zeros((2, 4)), TypeError, "torch tensor, got ndarray"),
        (
            torch.zeros(2, 4, dtype=torch.complex64),
            TypeError,
            r"rad/voxel, got torch\.complex64",
        ),
        (torch.zeros(2, 4, dtype=torch.int64), TypeError, "real floating"),
        (torch.ones(4, 2), ValueError, r"\(2, samples\).*got \(4, 2\)"),
        (torch.ones(1, 2, 4), ValueError, r"\(2, samples\)"),
        (torch.ones(2, 0), ValueError, r"\(2, samples\)"),
        (torch.full((2, 4), float("nan")), ValueError, "NaN"),
        (torch.full((2, 4), -0.5), ValueError, r"ends 0\.707 from k = 0.*multiply it by 2\*pi"),
    ],
)
def test_refuses_what_is_not_a_trajectory(ktraj, error, message, limit):
    with pytest.raises(error, match=message):
        check_ktraj(ktraj, limit=limit)


def test_the_limit_is_where_the_image_becomes_periodic():
    beyond = torch.full((2, 4), 3.2)
    with pytest.raises(ValueError, match=r"within \[-pi, pi\].*3\.2"):
        check_ktraj(beyond)
    assert check_ktraj(beyond, limit=math.inf) is beyond


# Every full trajectory, whatever its shape and size: spokes at one angle or many, short readouts, odd and even grids.
FULL = [radial_trajectory(1, n, angles=torch.tensor([math.radians(a)])) for n in (5, 8, 64) for a in (0.0, 30.0, 45.0)]
FULL += [radial_trajectory(34, 64, oversampling=2), cartesian_trajectory((8, 8)), cartesian_trajectory((5, 64))]
ROOMS = [lambda ktraj: NDFT(ktraj, (5, 6)), lambda ktraj: shepp_logan().kspace(ktraj, (5, 6))]


@pytest.mark.parametrize("room", ROOMS, ids=["mri", "phantoms"])
@pytest.mark.parametrize("ktraj", FULL, ids=range(len(FULL)))
def test_both_rooms_take_radians_and_refuse_cycles(ktraj, room):
    room(ktraj)
    with pytest.raises(ValueError, match=r"multiply it by 2\*pi"):
        room(ktraj / (2 * math.pi))


@pytest.mark.parametrize("room", ROOMS, ids=["mri", "phantoms"])
@pytest.mark.parametrize("depth", [0.0, 0.05, 0.1, 0.36, 0.75, 1.5])
def test_both_rooms_take_a_part_of_kspace_at_its_word(depth, room):
    room(torch.tensor([[0.0, depth], [0.0, 0.0]], dtype=torch.float64))
