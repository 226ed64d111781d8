"""Networks: formulas at known points, initialisation that keeps its scale through depth, seeds, bad sizes."""

import math

import pytest
import torch

from otrecon.inr import ACTIVATIONS, FourierFeatures, Gabor, Gaussian, Hosc, Mlp, ReLU, Sinc, Sine, Siren


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(
    ("activation", "z", "expected"),
    [
        (ReLU(), -0.3, 0.0),
        (ReLU(), 0.3, 0.3),
        (Sine(30.0), math.pi / 60, 1.0),
        (Sine(2.0), -math.pi / 12, -0.5),
        (Gaussian(10.0), 0.0, 1.0),
        (Gaussian(10.0), -0.1, math.exp(-1)),
        (Gabor(20.0, 10.0), 0.0, 1.0),
        (Gabor(20.0, 10.0), math.pi / 20, -math.exp(-((math.pi / 2) ** 2))),
        (Sinc(30.0), 0.0, 1.0),
        (Sinc(30.0), math.pi / 60, 2 / math.pi),
        (Sinc(30.0), math.pi / 30, 0.0),
        (Hosc(30.0, 4.0), math.pi / 60, math.tanh(4.0)),
        (Hosc(2.0, 1.0), -math.pi / 12, -math.tanh(0.5)),
    ],
)
def test_activations_at_known_points(activation, z, expected):
    assert float(activation(torch.tensor(z, dtype=torch.float64))) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", list(ACTIVATIONS))
def test_activations_are_differentiable_twice(name):
    z = torch.tensor([-0.31, 0.02, 0.27], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(ACTIVATIONS[name](), z)
    assert torch.autograd.gradgradcheck(ACTIVATIONS[name](), z)


def test_the_sinc_has_a_slope_of_zero_at_zero():
    z = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    Sinc()(z).backward()
    assert float(z.grad) == 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_sinc_has_its_derivatives_near_zero(dtype):
    z = torch.tensor([0.0, 8e-6, 3e-4, 5e-4], dtype=dtype, requires_grad=True)
    (slope,) = torch.autograd.grad(Sinc(30.0)(z).sum(), z, create_graph=True)
    (bend,) = torch.autograd.grad(slope.sum(), z)
    u = 30 * z.detach().double()
    torch.testing.assert_close(slope.detach().double(), 30 * (-u / 3 + u**3 / 30), rtol=1e-4, atol=1e-9)
    torch.testing.assert_close(bend.double(), 900 * (-1 / 3 + u**2 / 10), rtol=1e-3, atol=0)


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        (0, ValueError),
        (-1.0, ValueError),
        (math.nan, ValueError),
        (math.inf, ValueError),
        ("30", TypeError),
        (True, TypeError),
    ],
)
def test_a_frequency_is_a_positive_number(wrong, error):
    with pytest.raises(error, match="omega must be"):
        Sine(wrong)


@pytest.mark.parametrize(("coordinates", "width"), [(2, 256), (3, 128)])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_siren_of_six_layers_keeps_its_scale_through_depth(coordinates, width, seed):
    network = Siren(coordinates, width, 5, 2, generator=seeded(seed))
    places = 2 * torch.rand(4096, coordinates, generator=seeded(9)) - 1
    spreads = torch.stack([layer.detach().std() for layer in network.hidden(places)])
    assert len(spreads) == 6
    # A sine of a standard normal, whatever the depth.
    assert float((spreads * 2**0.5 - 1).abs().max()) < 0.1
    # And per unit, over the places: none has fallen silent.
    assert float(torch.stack([layer.detach().std(0).median() for layer in network.hidden(places)]).min()) > 0.2
    network(places).square().mean().backward()
    sizes = [float(layer.weight.grad.std()) for layer in network.linear]
    assert all(math.isfinite(size) and size > 0 for size in sizes)


@pytest.mark.parametrize("omega", [10.0, 30.0])
def test_without_biases_the_arguments_follow_their_recursion(omega):
    network = Siren(2, 1024, 4, 1, omega_0=200.0, hidden_omega_0=omega, generator=seeded(3))
    with torch.no_grad():
        for layer in network.linear:
            layer.bias.zero_()
    places = 2 * torch.rand(4096, 2, generator=seeded(9)) - 1
    outputs = network.hidden(places)
    # Of a first layer with many turns the sine has the variance 1/2; then v -> 1 - exp(-2 v).
    variance = 1.0
    for layer, values in zip(network.linear[1:-1], outputs, strict=False):
        argument = omega * layer(values).detach()
        assert float(argument.square().mean()) == pytest.approx(variance, rel=0.05)
        variance = 1 - math.exp(-2 * variance)


def test_with_the_weights_of_pytorch_it_varies_far_too_fast():
    right, wrong = (Siren(2, 256, 5, 1, generator=seeded()) for _ in range(2))
    Mlp.initialise(wrong, seeded())
    places = 2 * torch.rand(512, 2, generator=seeded(9)) - 1
    near = (places + 1e-3).clamp(max=1)
    steps = [float((net.hidden(near)[-1] - net.hidden(places)[-1]).detach().abs().mean()) for net in (right, wrong)]
    assert steps[1] > 5 * steps[0]


def test_activations_by_name_and_by_maker():
    network = Mlp(2, 8, 2, 1, activation="hosc", first_activation=lambda: Gaussian(20.0), generator=seeded())
    assert [type(one) for one in network.activations] == [Gaussian, Hosc, Hosc]
    assert network.activations[0].scale == 20.0


def test_weights_lie_within_the_bounds_of_the_paper():
    network = Siren(3, 64, 2, 1, omega_0=20.0, hidden_omega_0=10.0, generator=seeded())
    bounds = [1 / 3, *[math.sqrt(6 / 64) / 10] * 3]
    for layer, bound in zip(network.linear, bounds, strict=True):
        largest = float(layer.weight.detach().abs().max())
        assert 0.8 * bound < largest <= bound
    assert [activation.omega for activation in network.activations] == [20.0, 10.0, 10.0]


def test_the_same_seed_gives_the_same_network_and_the_global_one_is_left_alone():
    before = torch.get_rng_state()
    one, same, other = (Siren(2, 32, 2, 1, generator=seeded(seed)) for seed in (5, 5, 6))
    for a, b, c in zip(one.parameters(), same.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)
        assert not torch.equal(a, c)
    assert torch.equal(torch.get_rng_state(), before)


def test_an_encoding_makes_waves():
    encoding = FourierFeatures(torch.tensor([[0.5, 0.0], [1.0, 2.0], [0.0, 3.0]]))
    v = torch.tensor([0.25, -0.125], dtype=torch.float64)
    phases = [2 * math.pi * 0.125, 0.0, -2 * math.pi * 0.375]
    expected = [*map(math.cos, phases), *map(math.sin, phases)]
    assert encoding(v).tolist() == pytest.approx(expected, abs=1e-12)
    assert (encoding.in_features, encoding.out_features) == (2, 6)


def test_the_three_families_of_frequencies():
    assert FourierFeatures.basic(3).frequencies.tolist() == (torch.eye(3) / 2).tolist()
    drawn = FourierFeatures.gaussian(2, 5000, 7.0, generator=seeded()).frequencies
    assert drawn.shape == (5000, 2)
    assert float(drawn.std()) == pytest.approx(7.0, rel=0.03)
    assert drawn.dtype == torch.float64
    spaced = FourierFeatures.log_spaced(2, 5, 8.0).frequencies
    assert spaced[::2, 0].tolist() == pytest.approx([0.5, 1, 2, 4, 8])
    assert spaced[1::2, 1].tolist() == pytest.approx([0.5, 1, 2, 4, 8])
    assert float(spaced[::2, 1].abs().max()) == 0


def test_an_encoded_network_moves_with_its_device_and_dtype():
    network = Mlp(2, 16, 1, 3, encoding=FourierFeatures.basic(2), generator=seeded()).double()
    assert network(torch.zeros(4, 5, 2, dtype=torch.float64)).shape == (4, 5, 3)
    assert network(torch.zeros(2, dtype=torch.float64)).dtype == torch.float64


@pytest.mark.parametrize(
    ("places", "error", "message"),
    [
        (torch.zeros(5, 2, dtype=torch.float64), TypeError, r"the weights torch.float32: give coordinates.to\("),
        (torch.zeros(5, 3), ValueError, r"takes \(\.\.\., 2\) coordinates, got shape \(5, 3\)"),
        (torch.tensor(0.0), ValueError, r"got shape \(\)"),
        (torch.full((5, 2), math.nan), ValueError, "coordinates contain NaN"),
    ],
)
def test_what_is_no_place(places, error, message):
    with pytest.raises(error, match=message):
        Siren(2, 8, 1, 1, generator=seeded())(places)
    if places.shape[-1:] == (3,):
        with pytest.raises(ValueError, match=message):
            FourierFeatures.basic(2)(places)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Mlp(2, 0, 1, 1, generator=seeded()), ValueError, "hidden_features must be at least 1"),
        (lambda: Mlp(2, 8, -1, 1, generator=seeded()), ValueError, "hidden_layers must be at least 0"),
        (lambda: Mlp(2, 8, 1.5, 1, generator=seeded()), TypeError, "hidden_layers must be an integer"),
        (lambda: Mlp(2, 8, 1, 1, activation="tanh", generator=seeded()), ValueError, "there are relu, sine"),
        (lambda: Mlp(2, 8, 1, 1, activation=Gaussian(9.0), generator=seeded()), TypeError, "a name or make a module"),
        (lambda: Siren(2, 8, 1, 1, hidden_omega_0=0, generator=seeded()), ValueError, "hidden_omega_0 must be"),
        (lambda: FourierFeatures.log_spaced(2, 1, 8.0), ValueError, "per_axis must be at least 2"),
        (lambda: FourierFeatures.log_spaced(2, 4, 0.1), ValueError, "above the lowest"),
        (lambda: Mlp(2, 8, 1, 1, generator=0), TypeError, "torch.Generator"),
        (lambda: Mlp(3, 8, 1, 1, encoding=FourierFeatures.basic(2), generator=seeded()), ValueError, "takes 2 coord"),
        (lambda: FourierFeatures([[1.0]]), TypeError, "real floating-point tensor"),
        (lambda: FourierFeatures(torch.ones(3)), ValueError, "finite matrix"),
        (lambda: FourierFeatures(torch.full((2, 2), torch.nan)), ValueError, "finite matrix"),
        (lambda: FourierFeatures.gaussian(2, 8, 0.0, generator=seeded()), ValueError, "positive and finite"),
        (lambda: FourierFeatures.gaussian(2, 0, 1.0, generator=seeded()), ValueError, "features must be"),
        (lambda: FourierFeatures.gaussian(2, 8, 1.0, generator=3), TypeError, "torch.Generator"),
        (lambda: FourierFeatures.log_spaced(2, 8, math.inf), ValueError, "positive and finite"),
    ],
)
def test_what_is_no_network(make, error, message):
    with pytest.raises(error, match=message):
        make()
