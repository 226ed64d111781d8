"""Masks against counts on paper, published tables and the geometry that each promises."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from otrecon.mri.masks import (
    SamplingMask,
    equispaced_lines,
    nominal_equispaced_lines,
    poisson_disk,
    radial_on_grid,
    random_lines,
    variable_density_lines,
)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


LINES = {
    "random": lambda *a, **k: random_lines(*a, generator=seeded(), **k),
    "variable": lambda *a, **k: variable_density_lines(*a, generator=seeded(), **k),
    "equispaced": equispaced_lines,
}


def center_run(line: Tensor) -> int:
    """Longest run of samples through the centre."""
    low = high = len(line) // 2
    if not line[low]:
        return 0
    while low > 0 and line[low - 1]:
        low -= 1
    while high < len(line) - 1 and line[high + 1]:
        high += 1
    return high - low + 1


@pytest.mark.parametrize("make", LINES.values(), ids=LINES)
@pytest.mark.parametrize(("acceleration", "lines", "center"), [(4, 80, 26), (8, 40, 13), (16, 20, 6)])
def test_lines_have_the_budget_and_centre_of_seed_001(make, acceleration, lines, center):
    result = make((12, 320), acceleration)
    assert result.mask.dtype == torch.bool
    assert result.mask.shape == (12, 320)
    assert bool((result.mask == result.mask[0]).all())
    assert int(result.mask[0].sum()) == lines
    assert result.acceleration == 320 / lines == acceleration == result.nominal
    block = result.mask[0, 160 - center // 2 : 160 - center // 2 + center]
    assert bool(block.all())
    assert center_run(result.mask[0]) >= center


@pytest.mark.parametrize("make", LINES.values(), ids=LINES)
def test_axis_y_samples_rows(make):
    along_x, along_y = make((40, 40), 5), make((40, 40), 5, axis="y")
    assert torch.equal(along_x.mask, along_y.mask.T)
    assert make((30, 50), 5, axis="y").mask.any(1).sum() == 6


def test_true_acceleration_is_reported_when_rounding_moves_it():
    result = equispaced_lines((8, 25), 3)
    assert result.nominal == 3
    assert result.acceleration == 25 / 8


@pytest.mark.parametrize("lines", [25, 64, 97, 384])
@pytest.mark.parametrize("acceleration", [1.3, 2, 3.7, 6])
def test_equispaced_gaps_differ_by_one_line_at_most(lines, acceleration):
    budget = round(lines / acceleration)
    center = round(0.32 * budget)
    mask = equispaced_lines((4, lines), acceleration).mask[0]
    start = lines // 2 - center // 2
    outside = torch.cat([mask[:start], mask[start + center :]])
    gaps = torch.nonzero(outside).flatten().diff()
    assert int(mask.sum()) == budget
    assert gaps.max() - gaps.min() <= 1


def test_equispaced_without_a_centre_is_a_lattice():
    mask = equispaced_lines((4, 48), 4, offset=3, center_share=0).mask[0]
    assert torch.equal(torch.nonzero(mask).flatten(), torch.arange(3, 48, 4))


def test_equispaced_offset_can_be_drawn():
    firsts = {
        int(equispaced_lines((2, 64), 8, offset=seeded(s), center_share=0).mask[0].int().argmax()) for s in range(60)
    }
    assert firsts == set(range(8))


@pytest.mark.parametrize(
    ("nominal", "true", "count"), [(3, 2.59, 148), (4, 3.23, 119), (6, 4.31, 89), (8, 6.19, 62), (12, 8.35, 46)]
)
def test_released_recipe_of_seed_003_accelerates_less_than_it_says(nominal, true, count):
    result = nominal_equispaced_lines((5, 384), nominal)
    assert int(result.mask[0].sum()) == count
    assert round(result.acceleration, 2) == true
    assert result.nominal == nominal
    honest = equispaced_lines((5, 384), nominal)
    assert abs(honest.acceleration / nominal - 1) < 1e-12


def test_random_masks_repeat_with_the_seed_and_differ_without():
    draws = {
        "lines": lambda s: random_lines((8, 64), 4, generator=seeded(s)),
        "variable": lambda s: variable_density_lines((8, 64), 4, generator=seeded(s)),
        "poisson": lambda s: poisson_disk((48, 41), 4, generator=seeded(s), calibration=6, growth=1),
    }
    for draw in draws.values():
        assert torch.equal(draw(1).mask, draw(1).mask)
        assert not torch.equal(draw(1).mask, draw(2).mask)


def test_variable_density_falls_with_distance():
    total = torch.zeros(65)
    for seed in range(300):
        total += variable_density_lines((1, 65), 5, generator=seeded(seed), power=3, center_share=0).mask[0]
    inner, middle, outer = total[22:43].mean(), total[11:54].mean(), torch.cat([total[:11], total[54:]]).mean()
    assert inner > 1.3 * middle > 5 * outer
    uniform = torch.zeros(65)
    for seed in range(300):
        uniform += random_lines((1, 65), 5, generator=seeded(seed), center_share=0).mask[0]
    assert abs(uniform[:32].sum() / uniform[33:].sum() - 1) < 0.1


@pytest.mark.parametrize("acceleration", [1.5, 2, 4, 8, 12])
@pytest.mark.parametrize("growth", [0.0, 2.0])
@pytest.mark.parametrize(("im_size", "calibration"), [((46, 37), 0), ((64, 51), 10)])
def test_poisson_disk_hits_the_acceleration(im_size, calibration, growth, acceleration):
    result = poisson_disk(im_size, acceleration, generator=seeded(), calibration=calibration, growth=growth)
    assert int(result.mask.sum()) == round(im_size[0] * im_size[1] / acceleration)
    assert abs(result.acceleration / acceleration - 1) < 0.02
    top, left = im_size[0] // 2 - calibration // 2, im_size[1] // 2 - calibration // 2
    assert bool(result.mask[top : top + calibration, left : left + calibration].all())


def test_poisson_disk_samples_keep_their_distance():
    """Samples drawn independently come as close as 1; in a hexagonal packing they would be 1.07 sqrt(R) apart."""
    acceleration = 16
    mask = poisson_disk((90, 70), acceleration, generator=seeded()).mask
    points = torch.nonzero(mask).double()
    distances = torch.cdist(points, points).fill_diagonal_(torch.inf)
    nearest = distances.min(1).values
    assert nearest.min() > 0.65 * acceleration**0.5
    assert nearest.max() < 2 * acceleration**0.5
    # Nothing is left empty: no pixel of the grid is farther from its nearest sample than about one radius.
    grid = torch.cartesian_prod(torch.arange(90), torch.arange(70)).double()
    assert torch.cdist(grid, points).min(1).values.max() < 1.1 * acceleration**0.5


def test_poisson_disk_with_growth_is_denser_inside():
    """With growth 2 the density at half the way to the edge is a quarter of that at the centre."""
    center, halfway = 0.0, 0.0
    y, x = torch.meshgrid(torch.arange(160) - 80, torch.arange(160) - 80, indexing="ij")
    distance = (x**2 + y**2).sqrt() / 80
    for seed in range(8):
        mask = poisson_disk((160, 160), 40, generator=seeded(seed), growth=2.0).mask.double()
        center += mask[distance < 0.15].mean()
        halfway += mask[(distance > 0.45) & (distance < 0.55)].mean()
    # The mean of (1 + 2 d)**2 over the two regions gives the ratio 4 / 1.44.
    assert abs(center / halfway - 4 / 1.44) < 0.35


def test_poisson_disk_can_crop_the_corners():
    mask = poisson_disk((60, 40), 5, generator=seeded(), crop_corners=True).mask
    y, x = torch.meshgrid(torch.arange(60) - 30, torch.arange(40) - 20, indexing="ij")
    assert int(mask.sum()) == 480
    assert not bool(mask[(y / 30) ** 2 + (x / 20) ** 2 > 1].any())


def test_spokes_pass_through_the_centre_and_cover_a_line_each():
    for spokes, ordering in itertools.product([1, 2, 5, 16], ["uniform", "golden"]):
        result = radial_on_grid((41, 33), spokes=spokes, ordering=ordering)
        assert bool(result.mask[20, 16])
        assert result.nominal == 41 / spokes
    single = radial_on_grid((41, 33), spokes=1).mask
    assert torch.equal(torch.nonzero(single), torch.stack([torch.full((33,), 20), torch.arange(33)], 1))
    cross = radial_on_grid((41, 33), spokes=2).mask
    assert int(cross.sum()) == 41 + 33 - 1
    assert bool(cross[:, 16].all())


@pytest.mark.parametrize("acceleration", [4, 8, 16])
@pytest.mark.parametrize("ordering", ["uniform", "golden"])
def test_spokes_reach_an_acceleration(acceleration, ordering):
    result = radial_on_grid((160, 160), acceleration=acceleration, ordering=ordering)
    assert abs(result.acceleration / acceleration - 1) < 0.05


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: random_lines((8, 64), 1, generator=seeded()), "full sampling"),
        (lambda: equispaced_lines((8, 64), 0.5), "more than 1"),
        (lambda: equispaced_lines((8, 64), float("nan")), "more than 1"),
        (lambda: equispaced_lines((8, 64), 1.001), "omits at least one"),
        (lambda: equispaced_lines((8, 64), 200), "leaves at least one"),
        (lambda: random_lines((8, 64), 4, generator=seeded(), center_share=1.2), "larger centre than the budget"),
        (lambda: equispaced_lines((8, 64), 4, axis="z"), "phase-encoding axis"),
        (lambda: equispaced_lines((8, 64), 4, center_share=0, offset=4), "spacing of 4"),
        (lambda: equispaced_lines((8, 64), 4, center_share=0, offset=1.5), "whole number"),
        (lambda: equispaced_lines((8,), 4), "positive integers"),
        (lambda: variable_density_lines((8, 64), 4, generator=seeded(), power=-1), "decays"),
        (lambda: variable_density_lines((8, 64), 4, generator=seeded(), power=float("inf")), "finite power"),
        (lambda: nominal_equispaced_lines((8, 64), 1.5), "2 or more"),
        (lambda: nominal_equispaced_lines((8, 64), 4, center_fraction=1.0), "fraction of all lines"),
        (lambda: poisson_disk((32, 32), 8, generator=seeded(), calibration=12), "buys 128 samples"),
        (lambda: poisson_disk((32, 32), 8, generator=seeded(), calibration=40), "fit the grid"),
        (lambda: poisson_disk((32, 32), 1.1, generator=seeded(), crop_corners=True), "ellipse holds"),
        (lambda: poisson_disk((32, 32), 4, generator=seeded(), growth=-1), "grows"),
        (lambda: radial_on_grid((32, 32)), "either"),
        (lambda: radial_on_grid((32, 32), spokes=0), "1 or more"),
        (lambda: radial_on_grid((32, 32), spokes=4, ordering="random"), "golden"),
        (lambda: radial_on_grid((32, 32), acceleration=500), "No number of spokes"),
        (lambda: SamplingMask(torch.zeros(4, 4, dtype=torch.bool), 2), "samples nothing"),
    ],
)
def test_impossible_requests_say_why(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_mask_is_boolean():
    with pytest.raises(TypeError, match="boolean"):
        SamplingMask(torch.ones(4, 4), 2)
