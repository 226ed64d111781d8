import math

import numpy as np
import pytest
import torch

from otrecon.grid import check_ktraj
from otrecon.mri.trajectories import (
    GOLDEN_ANGLE,
    TINY_GOLDEN_ANGLE,
    cartesian_trajectory,
    interleaved_spokes,
    largest_angular_gap,
    radial_trajectory,
    select_spokes,
    spoke_angles,
)


@pytest.mark.parametrize(("samples", "oversampling"), [(8, 1), (8, 2), (7, 1), (7, 3)])
def test_every_spoke_is_even_and_goes_through_the_centre(samples, oversampling):
    points = samples * oversampling
    ktraj = radial_trajectory(5, samples, oversampling=oversampling)
    assert ktraj.shape == (2, 5 * points)
    spokes = ktraj.unflatten(1, (5, points))
    assert (spokes[:, :, points // 2] == 0).all()
    steps = torch.linalg.vector_norm(spokes.diff(dim=2), dim=0)
    torch.testing.assert_close(steps, torch.full_like(steps, 2 * math.pi / points))
    check_ktraj(ktraj)
    assert ktraj.abs().max() > 0.8 * math.pi


def test_row_zero_is_ky():
    ktraj = radial_trajectory(2, 4, angles=torch.tensor([0.0, math.pi / 2], dtype=torch.float64))
    expected = math.pi / 2 * torch.tensor([-2, -1, 0, 1], dtype=torch.float64)
    torch.testing.assert_close(ktraj[1, :4], expected)
    torch.testing.assert_close(ktraj[0, 4:], expected)
    assert ktraj[0, :4].abs().max() < 1e-12
    assert ktraj[1, 4:].abs().max() < 1e-12


def test_angles_are_those_of_the_papers():
    assert math.degrees(GOLDEN_ANGLE) == pytest.approx(111.246, abs=5e-4)
    assert math.degrees(TINY_GOLDEN_ANGLE) == pytest.approx(23.628, abs=5e-4)
    for scheme, step in (("golden", GOLDEN_ANGLE), ("tiny-golden", TINY_GOLDEN_ANGLE), ("uniform", math.pi / 7)):
        torch.testing.assert_close(spoke_angles(7, scheme), step * torch.arange(7, dtype=torch.float64))


def test_golden_frames_continue_one_sequence():
    whole = radial_trajectory(12, 8)
    frames = [radial_trajectory(4, 8, first_spoke=4 * t) for t in range(3)]
    torch.testing.assert_close(torch.cat(frames, dim=1), whole, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("scheme", "spokes"), [("golden", 8), ("golden", 21), ("tiny-golden", 21)])
@pytest.mark.parametrize("first", [0, 100])
def test_golden_gaps_take_at_most_three_sizes_and_stay_even(scheme, spokes, first):
    lines = torch.sort(torch.remainder(spoke_angles(spokes, scheme, first_spoke=first), math.pi)).values
    gaps = torch.diff(lines, append=lines[:1] + math.pi)
    assert len(np.unique(gaps.numpy().round(9))) <= 3
    assert gaps.max() < 2.7 * math.pi / spokes


@pytest.mark.parametrize(("spokes", "factor"), [(196, 5), (196, 10), (12, 4), (7, 1)])
def test_interleaves_cover_each_spoke_once(spokes, factor):
    frames = [interleaved_spokes(spokes, factor, t) for t in range(factor)]
    assert torch.equal(torch.sort(torch.cat(frames)).values, torch.arange(spokes))
    assert {len(f) for f in frames} <= {spokes // factor, -(-spokes // factor)}
    assert torch.equal(interleaved_spokes(spokes, factor, factor), frames[0])
    for t, frame in enumerate(frames):
        assert frame[0] == t
        assert (frame.diff() == factor).all()


def test_interleave_of_the_harvard_data():
    assert [len(interleaved_spokes(196, 5, t)) for t in range(5)] == [40, 39, 39, 39, 39]


def test_select_spokes_keeps_trajectory_and_data_together():
    ktraj = radial_trajectory(6, 4, angles="uniform", oversampling=2)
    index = torch.tensor([4, 1])
    kept = select_spokes(ktraj, index, samples=8)
    torch.testing.assert_close(kept, radial_trajectory(2, 8, angles=spoke_angles(6, "uniform")[index]))
    kdata = torch.arange(3 * 48).reshape(3, 48)
    assert torch.equal(select_spokes(kdata, index, samples=8)[1], torch.cat([kdata[1, 32:40], kdata[1, 8:16]]))


def test_cartesian_trajectory_lists_the_grid_in_order():
    ktraj = cartesian_trajectory((3, 4)).reshape(2, 3, 4)
    torch.testing.assert_close(ktraj[0, :, 2], 2 * math.pi / 3 * torch.tensor([-1.0, 0, 1], dtype=torch.float64))
    torch.testing.assert_close(ktraj[1, 1], math.pi / 2 * torch.tensor([-2.0, -1, 0, 1], dtype=torch.float64))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: spoke_angles(4, "silver"), ValueError, "golden, tiny-golden, uniform"),
        (lambda: spoke_angles(0), ValueError, "spokes must be positive"),
        (lambda: spoke_angles(4, first_spoke=-1), ValueError, "not negative"),
        (lambda: radial_trajectory(4, 1), ValueError, "at least 2"),
        (lambda: radial_trajectory(4, 8, oversampling=0), ValueError, "at least 1"),
        (lambda: radial_trajectory(4, 8, angles=[0.0] * 4), TypeError, "floating tensor"),
        (lambda: radial_trajectory(4, 8, angles=torch.zeros(3)), ValueError, r"shape \(4,\)"),
        (lambda: radial_trajectory(4, 8, angles=torch.full((4,), math.inf)), ValueError, "finite"),
        (lambda: radial_trajectory(4, 8, angles=torch.zeros(4), first_spoke=2), ValueError, "shifts a scheme"),
        (lambda: interleaved_spokes(4, 5, 0), ValueError, "between 1 and the number of spokes 4"),
        (lambda: interleaved_spokes(4, 2, -1), ValueError, "must not be negative"),
        (lambda: select_spokes(torch.zeros(2, 10), torch.tensor([0]), samples=4), ValueError, "does not divide"),
        (lambda: select_spokes(torch.zeros(2, 8), torch.tensor([2]), samples=4), ValueError, "between 0 and 1"),
    ],
)
def test_rejects_bad_requests(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("spokes", [1, 2, 7, 64])
def test_the_gap_of_an_even_cover_is_pi_over_the_number_of_spokes(spokes):
    shuffled = spoke_angles(spokes, "uniform")[torch.randperm(spokes, generator=torch.Generator().manual_seed(0))]
    turned_over = shuffled + math.pi * torch.arange(-2, spokes - 2, dtype=torch.float64)
    assert largest_angular_gap(turned_over) == pytest.approx(math.pi / spokes, rel=1e-12)


def test_the_gap_where_a_spoke_is_missing_is_doubled():
    angles = torch.cat([spoke_angles(9, "uniform")[:4], spoke_angles(9, "uniform")[5:]])
    assert largest_angular_gap(angles) == pytest.approx(2 * math.pi / 9, rel=1e-12)


def test_golden_gaps_obey_the_three_gap_theorem():
    # Just before a Fibonacci number F is reached the gap is largest; its supremum is 1 + 2 / sqrt(5) even gaps.
    ratios = [largest_angular_gap(spoke_angles(m, "golden")) * m / math.pi for m in range(1, 400)]
    assert max(ratios) < 1 + 2 / math.sqrt(5)
    assert max(ratios) == pytest.approx(1 + 2 / math.sqrt(5), abs=0.01)
    golden = (math.sqrt(5) - 1) / 2
    assert ratios[54 - 1] == pytest.approx(54 * golden**7, rel=1e-9)  # 34 - 1 < 54 < 55: one gap of golden^7 is left


@pytest.mark.parametrize(
    ("angles", "error"),
    [([0.0], TypeError), (torch.arange(3), TypeError), (torch.zeros(0), ValueError), (torch.zeros(2, 2), ValueError)],
)
def test_a_gap_needs_angles(angles, error):
    with pytest.raises(error, match="angles must be"):
        largest_angular_gap(angles)
