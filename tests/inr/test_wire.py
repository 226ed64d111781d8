"""WIRE: the network is the formula, its weights are pairs of real numbers, and it learns an image."""

import numpy as np
import pytest
import torch

from otrecon.inr import ImageINR, Wire, fit, pixel_coordinates


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_the_network_is_the_formula():
    network = Wire(2, 5, 2, 3, omega_0=7.0, scale_0=4.0, generator=seeded()).double()
    places = pixel_coordinates((3, 4), dtype=torch.float64)
    values = places.numpy()
    for place, layer in enumerate(network.layers):
        weight, bias = (one.detach().numpy() for one in (layer.weight, layer.bias))
        if place > 0:
            weight, bias = (one[..., 0] + 1j * one[..., 1] for one in (weight, bias))
            assert np.abs(weight.imag).max() > 0.1
        z = values @ weight.T + bias
        values = np.exp(1j * 7.0 * z - np.abs(4.0 * z) ** 2) if place < 3 else z.real
    np.testing.assert_allclose(network(places).detach().numpy(), values, rtol=0, atol=1e-12)
    assert network(places).dtype == torch.float64


def test_equal_seeds_give_equal_networks_and_bounds_hold():
    first, second = (Wire(2, 16, 1, 2, generator=seeded(3)) for _ in range(2))
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other)
    for layer in first.layers:
        for values in (layer.weight, layer.bias):
            assert 0.6 < float(values.detach().abs().max()) * layer.in_features**0.5 <= 1


def test_derivatives():
    network = Wire(1, 3, 1, 1, omega_0=3.0, scale_0=2.0, generator=seeded()).double()
    places = torch.tensor([[-0.4], [0.0], [0.7]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(network, places)
    assert torch.autograd.gradgradcheck(network, places)


def test_it_learns_an_image():
    y, x = pixel_coordinates((20, 24)).unbind(-1)
    truth = torch.complex(torch.exp(-20 * ((y - 0.2) ** 2 + x**2)), (x > 0.3).float())
    image = ImageINR(Wire(2, 32, 1, 2, generator=seeded()), truth.shape)
    found = fit(image, lambda _: (image() - truth).abs().square().mean(), 150, lr=5e-3)
    assert found.best_loss < 1e-2 * float(truth.abs().square().mean())


@pytest.mark.parametrize("setting", ["omega_0", "scale_0"])
def test_settings_are_positive(setting):
    with pytest.raises(ValueError, match=f"{setting} must be positive"):
        Wire(2, 4, 1, 1, generator=seeded(), **{setting: 0.0})
