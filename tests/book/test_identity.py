"""The book's own pictures: there, light enough, and made from a transport that is optimal."""

import io
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from PIL import Image
from scipy.optimize import linear_sum_assignment

from book._tools import identity

LIMITS = {"logo.svg": 50, "favicon.svg": 10, "social-card.png": 400, "readme-light.png": 200, "readme-dark.png": 200}


@pytest.mark.parametrize("name", LIMITS)
def test_every_picture_is_committed_and_light(name):
    assert 500 < (identity.STATIC / name).stat().st_size < 1000 * LIMITS[name]


def test_the_card_has_the_size_that_sites_ask_for():
    with Image.open(identity.STATIC / "social-card.png") as card:
        assert card.size == identity.CARD


@pytest.mark.parametrize("name", ["readme-light.png", "readme-dark.png"])
def test_the_readme_figure_has_a_transparent_ground(name):
    with Image.open(identity.STATIC / name) as figure:
        alpha = np.asarray(figure.convert("RGBA"))[..., 3]
    assert alpha[0, -1] == 0
    assert alpha.max() == 255


@pytest.mark.parametrize("name", ["logo.svg", "favicon.svg"])
def test_vector_pictures_are_self_contained(name):
    text = (identity.STATIC / name).read_text()
    assert ET.fromstring(text).get("viewBox")  # noqa: S314 - our own file
    assert "href" not in text
    assert "url(" not in text


def test_the_icon_is_the_one_that_the_script_draws():
    assert identity.favicon() == (identity.STATIC / "favicon.svg").read_text()


def test_particles_are_paired_at_the_least_cost():
    rng = np.random.default_rng(0)
    first, last = rng.normal(size=(40, 2)), rng.normal(size=(40, 2)) + 1
    paired = identity.assign(first, last)
    squared = ((first[:, None] - last[None]) ** 2).sum(-1)
    rows, columns = linear_sum_assignment(squared)
    assert ((first - paired) ** 2).sum() == pytest.approx(squared[rows, columns].sum())
    np.testing.assert_array_equal(np.sort(paired, axis=0), np.sort(last, axis=0))


def test_ways_join_the_ends():
    rng = np.random.default_rng(1)
    first, last = rng.normal(size=(5, 2)), rng.normal(size=(5, 2))
    ways = identity.path(first, last, np.linspace(0, 1, 9))
    np.testing.assert_allclose(ways[0], first)
    np.testing.assert_allclose(ways[-1], last)
    np.testing.assert_allclose(ways[4], (first + last) / 2)


def test_a_png_without_transparency_gets_a_palette():
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1, 1), facecolor="#123456")
    assert Image.open(io.BytesIO(identity._png(figure))).mode == "P"
    figure.patch.set_alpha(0)
    assert Image.open(io.BytesIO(identity._png(figure))).mode == "RGBA"
