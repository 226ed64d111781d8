"""Coordinates: the convention of the package, the scale of time, and what is out of range."""

import pytest
import torch

from otrecon.grid import normalised_coordinates
from otrecon.inr import Siren, frame_times, pixel_coordinates


@pytest.mark.parametrize("shape", [(6, 9), (7, 4), (1, 5)])
def test_an_image_has_the_places_of_phantoms_and_k_space(shape):
    y, x = normalised_coordinates(shape)
    places = pixel_coordinates(shape, dtype=torch.float64)
    assert places.shape == (*shape, 2)
    torch.testing.assert_close(places[..., 0], y.expand(shape))
    torch.testing.assert_close(places[..., 1], x.expand(shape))
    assert places[shape[0] // 2, shape[1] // 2].tolist() == [0, 0]


def test_twice_as_many_pixels_have_the_old_places_among_theirs():
    coarse, fine = pixel_coordinates((6, 8)), pixel_coordinates((12, 16))
    torch.testing.assert_close(fine[::2, ::2], coarse)


def test_time_comes_first_and_has_its_own_scale():
    times = frame_times(5, end=0.1)
    torch.testing.assert_close(times, torch.tensor([0, 0.025, 0.05, 0.075, 0.1], dtype=torch.float64))
    film = pixel_coordinates((3, 4), times=times)
    assert film.shape == (5, 3, 4, 3)
    torch.testing.assert_close(film[:, 1, 2, 0], times.float())
    torch.testing.assert_close(film[2, ..., 1:], pixel_coordinates((3, 4)))
    assert pixel_coordinates((2, 3, 4), dtype=torch.float64).shape == (2, 3, 4, 3)


@pytest.mark.parametrize("shape", [(), (0, 3), (2.5,), (True, 2), 64, "64", (1, 2, 3, 4)])
def test_what_is_no_shape(shape):
    with pytest.raises(ValueError, match="1 to 3 positive integers"):
        pixel_coordinates(shape)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"frames": 0}, ValueError, "at least 1"),
        ({"frames": 2.0}, TypeError, "must be an integer"),
        ({"frames": 3, "end": 2.0}, ValueError, "different moments"),
        ({"frames": 3, "end": 0}, ValueError, "different moments"),
    ],
)
def test_what_are_no_frames(arguments, error, message):
    with pytest.raises(error, match=message):
        frame_times(**arguments)


@pytest.mark.parametrize(
    ("times", "error", "message"),
    [
        ([0.0, 1.0], TypeError, "frame_times makes one"),
        (torch.zeros(2, 2), TypeError, "frame_times makes one"),
        (torch.arange(3), TypeError, "real floating-point"),
        (torch.tensor([0.0, 3.0]), ValueError, r"times must lie within \[-1, 1\], the largest is 3"),
    ],
)
def test_what_are_no_times(times, error, message):
    with pytest.raises(error, match=message):
        pixel_coordinates((3, 4), times=times)


def test_a_network_refuses_places_that_are_out_of_range():
    network = Siren(2, 8, 1, 1, generator=torch.Generator().manual_seed(0))
    for wrong in (torch.tensor([[0.0, 255.0]]), torch.tensor([[-torch.inf, 0.0]])):
        with pytest.raises(ValueError, match="pixel_coordinates and frame_times make"):
            network(wrong)
    with pytest.raises(ValueError, match=r"takes \(\.\.\., 2\) coordinates, got shape \(5, 3\)"):
        network(torch.zeros(5, 3))
    with pytest.raises(TypeError, match="real floating-point"):
        network(torch.zeros(5, 2, dtype=torch.int64))
    assert network(torch.ones(5, 2) + 5e-6).shape == (5, 1)


def test_unchecked_a_network_has_a_tangent_kernel():
    network = Siren(2, 8, 1, 1, check_range=False, generator=torch.Generator().manual_seed(0))
    weights = dict(network.named_parameters())
    places = pixel_coordinates((3, 4)).reshape(-1, 2)

    def value(weights, place):
        return torch.func.functional_call(network, weights, (place,))[0]

    slopes = torch.func.vmap(torch.func.grad(value), (None, 0))(weights, places)
    one = torch.autograd.grad(network(places[5])[0], tuple(weights.values()))
    for many, single in zip(slopes.values(), one, strict=True):
        torch.testing.assert_close(many[5], single)
