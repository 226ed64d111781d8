"""The moving blob against its own integrals: mass, centroid, spread, support, and transport between frames."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from scipy.integrate import quad

from otrecon.phantoms import Blob, blob_path, moving_blob


def moments(image):
    """Mass, centroid from pixel n // 2, and root mean squared distance from it."""
    y, x = (torch.arange(n, dtype=torch.float64) - n // 2 for n in image.shape)
    mass = image.sum()
    centre = (image.sum(1) @ y / mass, image.sum(0) @ x / mass)
    variance = (image.sum(1) @ (y - centre[0]) ** 2 + image.sum(0) @ (x - centre[1]) ** 2) / mass
    return float(mass), tuple(map(float, centre)), float(variance.sqrt())


@pytest.mark.parametrize("sharpness", [0.5, 6.0, 20.0])
def test_mass_and_spread_by_quadrature(sharpness):
    blob, rim = Blob((0.0, 0.0), 3.0, sharpness), math.exp(-sharpness / 2)

    def value(r):
        return (math.exp(-sharpness * (r / 3) ** 2 / 2) - rim) / (1 - rim)

    mass = quad(lambda r: 2 * math.pi * r * value(r), 0, 3)[0]
    second = quad(lambda r: 2 * math.pi * r**3 * value(r), 0, 3)[0]
    assert blob.mass == pytest.approx(mass, rel=1e-10)
    assert blob.spread == pytest.approx(math.sqrt(second / mass), rel=1e-10)


@pytest.mark.parametrize("size", [(32, 32), (33, 47)])
def test_frames_have_the_mass_place_and_spread_of_their_blobs(size):
    images = moving_blob(10, size, dtype=torch.float64)
    assert images.shape == (10, *size)
    for image, blob in zip(images, blob_path(10, size), strict=True):
        mass, centre, spread = moments(image)
        assert mass == pytest.approx(blob.mass, rel=1e-4)
        assert centre == pytest.approx(blob.centre, abs=1e-3)
        # Moving a sample to its pixel's centre adds the spread of four samples in a pixel, (1 - 1/16) / 12 an axis.
        assert spread == pytest.approx(math.sqrt(blob.spread**2 + 1 / 6 - 1 / 96), abs=2e-3)


def test_it_moves_right_grows_and_shrinks():
    path = blob_path()
    assert len(path) == 10
    columns, radii = [blob.centre[1] for blob in path], [blob.radius for blob in path]
    steps = [b - a for a, b in itertools.pairwise(columns)]
    assert min(steps) > 1
    assert max(steps) - min(steps) < 1e-12
    assert columns[0] == pytest.approx(-columns[-1])
    assert all(b > a for a, b in itertools.pairwise(radii[:5]))
    assert radii == pytest.approx(radii[::-1])


@pytest.mark.parametrize("size", [(32, 32), (16, 16), (24, 40)])
def test_compact_support_without_a_step(size):
    for image, blob in zip(moving_blob(7, size, supersample=1, dtype=torch.float64), blob_path(7, size), strict=True):
        y, x = (torch.arange(n, dtype=torch.float64) - n // 2 - c for n, c in zip(size, blob.centre, strict=True))
        distance = torch.hypot(y[:, None], x[None, :]) / blob.radius
        assert float(image[distance >= 1].abs().max()) == 0.0
        assert float(image[distance < 1].min()) > 0.0
        rim = image[(distance > 0.97) & (distance < 1)]
        assert float(rim.max() if len(rim) else 0.0) < 0.012
        border = torch.cat([image[0], image[-1], image[:, 0], image[:, -1]])
        assert float(border.max()) == 0.0
    centred = Blob((0.0, 0.0), 5.0).image((16, 16), supersample=1)
    assert float(centred.max()) == 1.0
    assert float(centred[8, 8]) == 1.0


def test_transport_between_two_blobs_is_a_shift_and_a_dilation():
    """In one dimension along x the marginals' quantiles carry one blob to the other by an affine map."""
    first, second = Blob((0.0, -20.0), 24.0), Blob((0.0, 30.0), 48.0)
    cumulative = [blob.image((160, 200), dtype=torch.float64).sum(0).cumsum(0) / blob.mass for blob in (first, second)]
    levels = torch.linspace(0.1, 0.9, 9, dtype=torch.float64)
    edges = torch.arange(200, dtype=torch.float64) - 100 + 0.5
    left, right = (
        torch.stack(
            [edges[i - 1] + (q - c[i - 1]) / (c[i] - c[i - 1]) for q in levels for i in [torch.searchsorted(c, q)]]
        )
        for c in cumulative
    )
    assert torch.allclose(right, 30 + 2 * (left + 20), atol=0.05)


def test_seeded_by_nothing_it_is_always_the_same():
    assert torch.equal(moving_blob(), moving_blob())
    assert moving_blob().dtype == torch.float32
    assert moving_blob().shape == (10, 32, 32)


def test_refusals():
    with pytest.raises(ValueError, match="frames must be at least 2"):
        moving_blob(1)
    with pytest.raises(ValueError, match="radius must be positive"):
        Blob((0.0, 0.0), 0.0)
    with pytest.raises(ValueError, match="sharpness must be positive"):
        moving_blob(sharpness=-1.0)
    with pytest.raises(ValueError, match="centre must be"):
        Blob((0.0, math.nan), 1.0)
    with pytest.raises(TypeError, match="real floating-point"):
        moving_blob(dtype=torch.complex64)
    with pytest.raises(ValueError, match="supersample must be at least 1"):
        moving_blob(supersample=0)
