"""Mass on its way between two images: nothing lost, nothing wasted, and the ends are the images."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter
from scipy.optimize import linprog

from otrecon.show.flow import Flow, flow, moments, paint, side_by_side, wheel
from otrecon.show.shapes import disc_and_drops


def _images(seed, shape=(9, 12)):
    rng = np.random.default_rng(seed)
    first, last = rng.random(shape), rng.random(shape)
    first[first < 0.7] = 0
    last[last < 0.7] = 0
    return first, last


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_parcels_leave_the_first_image_and_make_the_last(seed):
    first, last = _images(seed)
    one = flow(first, 7.3 * last)
    for time, image in ((0, first), (1, last)):
        y, x = one.at(time).astype(int).T
        there = np.zeros(image.shape)
        np.add.at(there, (y, x), one.mass)
        np.testing.assert_allclose(there, image / image.sum(), atol=1e-12)


@pytest.mark.parametrize("seed", [0, 1])
def test_cost_is_the_optimum_of_the_linear_programme(seed):
    first, last = _images(seed, (5, 7))
    a, b = first[first > 0] / first.sum(), last[last > 0] / last.sum()
    start, end = np.argwhere(first > 0), np.argwhere(last > 0)
    cost = ((start[:, None] - end[None]) ** 2).sum(-1) / 2
    rows = np.kron(np.eye(len(a)), np.ones(len(b)))
    columns = np.kron(np.ones(len(a)), np.eye(len(b)))
    best = linprog(cost.ravel(), A_eq=np.vstack([rows, columns]), b_eq=np.concatenate([a, b]), method="highs")
    one = flow(first, last)
    assert one.cost == pytest.approx(best.fun, rel=1e-9)
    assert one.bound == pytest.approx(one.cost, rel=1e-9)


def test_a_shifted_image_moves_as_a_whole():
    first, _ = _images(3)
    first[:, -4:] = 0
    first[-2:] = 0
    last = np.roll(first, (2, 4), (0, 1))
    one = flow(first, last)
    np.testing.assert_allclose(one.end - one.start, np.broadcast_to([2.0, 4.0], one.start.shape))
    assert one.cost == pytest.approx((2**2 + 4**2) / 2)


@pytest.mark.parametrize("way", ["moved", "averaged"])
@pytest.mark.parametrize("time", [0, 0.31, 1])
def test_mass_is_conserved_even_at_the_border(way, time):
    first, last = _images(4)
    first[0, 0] = last[-1, -1] = 5
    image = getattr(flow(first, last), way)(time, width=1.7, zoom=3)
    assert image.shape == (27, 36)
    assert image.min() >= 0
    assert image.sum() == pytest.approx(1, abs=1e-12)


def test_ends_are_the_two_images_seen_through_the_parcels_gaussian():
    first, last = (np.pad(image, 8) for image in _images(5))
    one = flow(first, last)
    for time, image in ((0, first), (1, last)):
        blurred = gaussian_filter(image / image.sum(), 1.2, mode="constant", truncate=6)
        np.testing.assert_allclose(one.moved(time, width=1.2), blurred, atol=1e-9)
        np.testing.assert_allclose(one.averaged(time, width=1.2), blurred, atol=1e-9)


def test_centre_of_mass_travels_straight_at_constant_speed():
    first, last = (np.pad(image, 8) for image in _images(6))
    one = flow(first, last)
    axes = np.mgrid[: first.shape[0], : first.shape[1]]
    ends = [(axes * image / image.sum()).sum((1, 2)) for image in (first, last)]
    for time in (0.25, 0.5, 0.9):
        for way in (one.moved, one.averaged):
            fine = way(time, zoom=2).reshape(first.shape[0], 2, first.shape[1], 2)
            y = ((np.arange(2 * first.shape[0]) + 0.5) / 2 - 0.5).reshape(-1, 2)[:, :, None, None]
            x = ((np.arange(2 * first.shape[1]) + 0.5) / 2 - 0.5).reshape(-1, 2)
            centre = [(fine * y).sum(), (fine * x).sum()]
            np.testing.assert_allclose(centre, (1 - time) * ends[0] + time * ends[1], atol=1e-9)


def test_many_amounts_are_painted_as_one_by_one():
    one = flow(*_images(7))
    amounts = np.stack([one.mass, one.start[:, 0]])
    both = one.moved(0.4, zoom=2, amount=amounts)
    for image, amount in zip(both, amounts, strict=True):
        np.testing.assert_allclose(image, one.moved(0.4, zoom=2, amount=amount))


def test_tensors_are_images_too():
    first, last = _images(8)
    assert flow(torch.tensor(first), torch.tensor(last)).cost == flow(first, last).cost


@pytest.mark.parametrize(
    ("first", "last", "error", "message"),
    [
        (np.ones((3, 4)), np.ones((4, 3)), ValueError, "one shape"),
        (-np.ones((3, 4)), np.ones((3, 4)), ValueError, "negative"),
        (np.zeros((3, 4)), np.ones((3, 4)), ValueError, "no mass"),
        (np.ones((3, 4)), 1j * np.ones((3, 4)), TypeError, "complex"),
        (np.ones((2, 3, 4)), np.ones((2, 3, 4)), ValueError, "2 axes"),
    ],
)
def test_what_is_no_mass_is_refused(first, last, error, message):
    with pytest.raises(error, match=message):
        flow(first, last)


@pytest.mark.parametrize("time", [-0.1, 1.1, float("nan")])
def test_a_flow_has_a_beginning_and_an_end(time):
    one = flow(*_images(9))
    with pytest.raises(ValueError, match="from 0 to 1"):
        one.moved(time)
    with pytest.raises(ValueError, match="from 0 to 1"):
        one.averaged(time)


def test_the_painter_needs_a_width_and_a_zoom():
    one = flow(*_images(9))
    with pytest.raises(ValueError, match="width"):
        one.moved(0.5, width=0)
    with pytest.raises(ValueError, match="zoom"):
        one.moved(0.5, zoom=0)


def test_paint_is_transparent_where_there_is_nothing_and_keeps_colours():
    density = np.array([[0.0, 0.5, 1.0, 4.0]])
    red = np.stack([density, 0 * density, 0 * density])
    pixels = np.asarray(Image.open(io.BytesIO(paint(density, red, full=1.0))).convert("RGBA"))[0]
    assert pixels[0, 3] == 0
    assert 0 < pixels[1, 3] < pixels[2, 3] == pixels[3, 3] == 255
    assert (pixels[1:, :3] == [255, 0, 0]).all()


def test_the_wheel_closes():
    np.testing.assert_allclose(wheel(np.array([0.0])), wheel(np.array([1.0])))
    np.testing.assert_allclose(wheel(np.array([0.0]))[:, 0], np.array([0x00, 0x72, 0xB2]) / 255)


def test_directions_count_from_the_right_and_down_the_page():
    cross = np.array([[0.0, 1, 0], [1, 0, 1], [0, 1, 0]])
    one = Flow(np.argwhere(cross > 0) * 1.0, np.zeros((4, 2)), np.ones(4) / 4, (3, 3), 0.0, 0.0)
    turns = dict(zip(map(tuple, one.start), one.directions(), strict=True))
    assert turns == {(1, 2): 0, (2, 1): 0.25, (1, 0): 0.5, (0, 1): 0.75}


def test_ways_agree_at_the_ends_and_only_there():
    one = flow(*disc_and_drops(2, 24))
    for time, equal in ((0, True), (0.5, False), (1, True)):
        averaged, moved = moments(one, time, width=0.8, zoom=2)
        assert (averaged == moved) is equal


def test_the_picture_says_what_it_shows():
    picture = side_by_side(flow(*disc_and_drops(3, 24)), 0.5, zoom=1)
    assert "0.50" in picture.alt
    assert picture.body.count("<image ") == 2


@pytest.mark.parametrize("count", [1, 2, 3, 5, 6])
def test_disc_and_drops_cover_the_same_area(count):
    disc, drops = disc_and_drops(count, 96)
    assert disc.sum() == pytest.approx(drops.sum(), rel=5e-3)
    assert disc.min() == drops.min() == 0
    assert disc.max() == drops.max() == 1
    assert (drops[[0, -1]] == 0).all()
    assert (drops[:, [0, -1]] == 0).all()


@pytest.mark.parametrize("count", [2, 3, 5, 6])
def test_drops_are_apart_and_as_many_as_asked(count):
    from scipy.ndimage import label

    assert label(disc_and_drops(count, 96)[1] > 0.5)[1] == count


@pytest.mark.parametrize(("count", "size"), [(0, 64), (7, 64), (2, 8)])
def test_shapes_out_of_range_are_refused(count, size):
    with pytest.raises(ValueError, match="1 to 6 drops"):
        disc_and_drops(count, size)
