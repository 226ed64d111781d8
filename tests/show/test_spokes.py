"""Spokes are drawn where their angles say, in the orientation of the arrays."""

import math
import re

import matplotlib as mpl
import numpy as np
import pytest
import torch

from otrecon import show

ALT = "Two diameters of a disc that cross at a right angle."


@pytest.fixture(autouse=True)
def _own_settings():
    with mpl.rc_context():
        yield


def ends(html, colour):
    """End points of the lines of a colour in the drawing, as differences (dx, dy), y downwards."""
    style = f"var(--otrecon-{colour},{show.PALETTE[colour]})"
    paths = [element for element in re.findall(r"<path [^>]*>", html) if style in element and "clip-path" in element]
    numbers = [[float(x) for x in re.findall(r"-?\d+\.?\d*", re.search(r' d="([^"]*)"', path)[1])] for path in paths]
    return [np.array([n[2] - n[0], n[3] - n[1]]) for n in numbers if len(n) == 4]


def test_angle_zero_is_horizontal_and_a_right_angle_vertical_and_between_points_down_right():
    html = show.spokes({"One": torch.tensor([0.0, math.pi / 2, math.pi / 4])}, alt=ALT).html()
    flat, upright, slanted = ends(html, "blue")
    assert abs(flat[1]) < 0.1 < flat[0]
    assert abs(upright[0]) < 0.1 < upright[1]
    assert slanted[0] == pytest.approx(slanted[1], rel=1e-2)
    assert slanted[0] > 0
    assert np.hypot(*slanted) == pytest.approx(flat[0], rel=1e-2)


def test_frames_share_a_disc_in_their_own_colours():
    html = show.spokes({"Frames": [torch.tensor([0.1]), torch.tensor([0.2, 0.3])], "Alone": [0.5, 0.6]}, alt=ALT).html()
    assert (len(ends(html, "blue")), len(ends(html, "orange"))) == (3, 2)
    assert ALT in html


@pytest.mark.parametrize(
    ("discs", "error", "says"),
    [
        ({}, TypeError, "at least one"),
        (torch.zeros(3), TypeError, "dictionary"),
        ({"A": torch.zeros(2, 2)}, ValueError, "1 axes"),
        ({"A": torch.tensor([math.nan])}, ValueError, "NaN"),
        ({"A": torch.zeros(2, dtype=torch.complex64)}, TypeError, "complex"),
        ({"A": [torch.zeros(1)] * 6}, ValueError, "at most 5"),
    ],
)
def test_bad_input(discs, error, says):
    with pytest.raises(error, match=says):
        show.spokes(discs, alt=ALT)
