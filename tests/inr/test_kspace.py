"""K-space networks: grid, trajectory and image agree with a closed form; support, losses, errors."""

import math

import pytest
import torch

from otrecon.grid import cartesian_trajectory
from otrecon.inr import (
    KSpaceINR,
    Mlp,
    Siren,
    fit,
    frame_times,
    kspace_coordinates,
    pixel_coordinates,
    relative_error,
    squared_error,
)
from otrecon.mri import radial_trajectory, simulate_coils

SIZE, WIDTH, CENTRES = (24, 30), 1.7, ((2, -5), (-3, 4))
"""Image, standard deviation in pixels, and where each of two coils sees its Gaussian, in pixels from the centre."""


class Gaussians(Mlp):
    """Not a network: the unitary spectrum of one moving Gaussian for each coil, in closed form."""

    def __init__(self, in_features=2):
        super().__init__(in_features, 1, 0, 4, generator=torch.Generator().manual_seed(0))
        self.double()

    def forward(self, coordinates):
        k = math.pi * coordinates[..., -2:]
        time = coordinates[..., 0] if self.in_features == 3 else torch.zeros_like(k[..., 0])
        mass = 2 * math.pi * WIDTH**2 / math.sqrt(SIZE[0] * SIZE[1])
        spectrum = mass * torch.exp(-(WIDTH**2) * k.square().sum(-1) / 2)
        phases = [-(k[..., 0] * (y + time) + k[..., 1] * x) for y, x in CENTRES]
        values = [spectrum * torch.exp(1j * phase) for phase in phases]
        return torch.stack([one.real for one in values] + [one.imag for one in values], dim=-1)


def gaussian(centre, time=0.0):
    y, x = (torch.arange(n, dtype=torch.float64) - n // 2 for n in SIZE)
    return torch.exp(-((y[:, None] - centre[0] - time) ** 2 + (x[None] - centre[1]) ** 2) / (2 * WIDTH**2))


def small(coils=2, in_features=2):
    return Siren(in_features, 16, 1, 2 * coils, generator=torch.Generator().manual_seed(1))


def test_the_image_of_a_spectrum_in_closed_form():
    model = KSpaceINR(Gaussians(), SIZE, 2, magnitude=3.0)
    coils = torch.stack([gaussian(centre) for centre in CENTRES])
    torch.testing.assert_close(model.image(), 3 * torch.linalg.vector_norm(coils, dim=0), atol=1e-3, rtol=0)
    smaps = simulate_coils(SIZE, 2, dtype=torch.complex128)
    expected = 3 * (smaps.conj() * coils).sum(0)
    torch.testing.assert_close(model.image(smaps), expected, atol=1e-3, rtol=0)


def test_a_film_moves():
    times = frame_times(3, end=1.0, start=-0.5)
    model = KSpaceINR(Gaussians(3), SIZE, 2, times=times)
    assert model.kspace().shape == (3, 2, *SIZE)
    film = torch.stack([torch.stack([gaussian(centre, float(time)) for centre in CENTRES]) for time in times])
    torch.testing.assert_close(model.image(), torch.linalg.vector_norm(film, dim=1), atol=1e-3, rtol=0)
    torch.testing.assert_close(model.image(times=times[1:2])[0], model.image()[1])


def test_the_grid_is_a_trajectory():
    model = KSpaceINR(small().double(), SIZE, 2, disc=False, magnitude=7.0)
    places = kspace_coordinates(cartesian_trajectory(SIZE), dtype=torch.float64)
    torch.testing.assert_close(places, pixel_coordinates(SIZE, dtype=torch.float64).flatten(0, 1), rtol=0, atol=1e-12)
    torch.testing.assert_close(model(places), model.kspace().flatten(-2))


def test_outside_the_disc_there_is_nothing():
    whole, disc = (KSpaceINR(small(), SIZE, 2, disc=disc).kspace().detach() for disc in (False, True))
    outside = torch.linalg.vector_norm(pixel_coordinates(SIZE), dim=-1) > 1
    assert bool(outside.any())
    assert float(disc[:, outside].abs().max()) == 0
    assert torch.equal(disc[:, ~outside], whole[:, ~outside])
    assert float(whole[:, outside].abs().min()) > 0


def test_places_of_a_film():
    ktraj = radial_trajectory(3, 8)
    ktraj = torch.stack([ktraj, -ktraj])
    times = frame_times(2)
    places = kspace_coordinates(ktraj, times=times)
    assert places.shape == (2, ktraj.shape[-1], 3)
    assert places.dtype == torch.float32
    assert set(places[0, :, 0].tolist()) == {0.0}
    assert set(places[1, :, 0].tolist()) == {1.0}
    torch.testing.assert_close(math.pi * places[1, :, 1:].mT.double(), ktraj[1].double(), rtol=0, atol=1e-5)
    assert torch.equal(kspace_coordinates(ktraj[0], times=times)[1, :, 1:], places[0, :, 1:])


def test_it_learns_a_trajectory():
    truth = Gaussians().float()
    places = kspace_coordinates(radial_trajectory(12, 24))
    model = KSpaceINR(small(), SIZE, 2, magnitude=2.0)
    data = KSpaceINR(truth, SIZE, 2)(places).detach()
    before = float(squared_error(model(places), data).detach())
    fit(model, lambda _: squared_error(model(places), data), 60, lr=3e-3)
    assert float(squared_error(model(places), data).detach()) < 0.05 * before


def test_errors_by_hand():
    data = torch.tensor([3 + 4j, 1j], dtype=torch.complex128)
    prediction = torch.tensor([3 + 3j, 0j], dtype=torch.complex128, requires_grad=True)
    assert squared_error(prediction, data).item() == pytest.approx(2 / 26)
    loss = relative_error(prediction, data, eps=0.5)
    weights = [1 / (math.sqrt(18) + 0.5) ** 2, 4.0]
    assert loss.item() == pytest.approx(sum(weights) / 2)
    loss.backward()
    # The denominator is held fixed: the gradient is that of a weighted square.
    expected = torch.tensor([-1j * weights[0], -1j * weights[1]], dtype=torch.complex128)
    torch.testing.assert_close(prediction.grad, expected)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: KSpaceINR(torch.nn.Linear(2, 4), SIZE, 2), TypeError, "a Siren or another Mlp, got Linear"),
        (lambda: KSpaceINR(small(), SIZE, 3), ValueError, "needs 2 and 6"),
        (lambda: KSpaceINR(small(), SIZE, 2, times=frame_times(3)), ValueError, "needs 3 and 4"),
        (lambda: KSpaceINR(small(), SIZE, 2, magnitude=0.0), ValueError, "magnitude must be positive"),
        (lambda: KSpaceINR(small(), SIZE, 0), ValueError, "coils must be at least 1"),
        (lambda: KSpaceINR(small(in_features=3), SIZE, 2, times=10 * frame_times(2)), ValueError, "within"),
        (lambda: KSpaceINR(small(), SIZE, 2).kspace(times=frame_times(2)), ValueError, "leave times out"),
        (lambda: kspace_coordinates(torch.zeros(2)), TypeError, r"\(2, n\)"),
        (lambda: kspace_coordinates(10 * torch.ones(2, 5)), ValueError, "rad/voxel"),
        (lambda: kspace_coordinates(torch.ones(3, 2, 5), times=frame_times(2)), ValueError, "one moment for each"),
        (lambda: squared_error(torch.ones(2), torch.ones(2)), TypeError, "prediction must be complex"),
        (
            lambda: relative_error(torch.ones(2) + 0j, torch.ones(3) + 0j, 1.0),
            ValueError,
            "must be of one shape, not empty",
        ),
        (lambda: relative_error(torch.ones(0) + 0j, torch.ones(0) + 0j, 1.0), ValueError, "not empty"),
        (lambda: squared_error(torch.ones(2) + 0j, torch.zeros(2) + 0j), ValueError, "the data are all zero"),
        (lambda: KSpaceINR(small(), SIZE, 2)(torch.zeros(2)), ValueError, r"must be \(\.\.\., n, 2\), got \(2,\)"),
        (
            lambda: KSpaceINR(small(in_features=3), SIZE, 2, times=torch.tensor(0.5)),
            TypeError,
            r"got a tensor of shape \(\)",
        ),
        (lambda: kspace_coordinates(torch.ones(2, 5), times=torch.zeros(0)), TypeError, "frame_times makes one"),
        (lambda: relative_error(torch.ones(2) + 0j, torch.ones(2) + 0j, 0.0), ValueError, "eps must be positive"),
    ],
)
def test_bad_input_names_the_fix(call, error, message):
    with pytest.raises(error, match=message):
        call()
