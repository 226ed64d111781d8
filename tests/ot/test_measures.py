"""From images to measures: what becomes mass, how much of it, and what is refused."""

import pytest
import torch

from otrecon.ot import to_measure


def image(*shape, dtype=torch.float64, seed=0):
    return torch.rand(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("shape", "ndim"), [((9,), 1), ((4, 7), 2), ((3, 4, 5), 3), ((2, 3, 4, 7), 2), ((6, 5), 1)])
def test_each_image_has_mass_one_and_keeps_its_proportions(shape, ndim, dtype, device):
    x = image(*shape, dtype=dtype).to(device)
    found = to_measure(x, ndim=ndim)
    space = tuple(range(-ndim, 0))
    accuracy = 1e-14 if dtype == torch.float64 else 1e-7
    assert (found.shape, found.dtype, found.device.type) == (x.shape, dtype, device.type)
    torch.testing.assert_close(
        found.double().sum(space).cpu(), torch.ones(shape[:-ndim]).double(), atol=accuracy, rtol=0
    )
    expected = x.double() / x.double().sum(space, keepdim=True)
    torch.testing.assert_close(found.double(), expected, rtol=max(accuracy, 1e-14), atol=0)


@pytest.mark.parametrize(("dtype", "real"), [(torch.complex64, torch.float32), (torch.complex128, torch.float64)])
def test_of_a_complex_image_the_modulus_is_the_mass(dtype, real):
    x = torch.polar(image(4, 5, dtype=real), 6 * image(4, 5, dtype=real, seed=1))
    found = to_measure(x, normalise=False)
    assert found.dtype == real
    torch.testing.assert_close(found, image(4, 5, dtype=real))
    torch.testing.assert_close(to_measure(x), to_measure(image(4, 5, dtype=real)))


def test_unless_it_is_asked_for_nothing_is_scaled():
    x = 7 * image(4, 5)
    assert torch.equal(to_measure(x, normalise=False), x)


def test_masses_of_float32_images_agree_as_well_as_float32_allows():
    x = 1e4 * image(512, 512, dtype=torch.float32) ** 8
    assert abs(float(to_measure(x).double().sum()) - 1) < 1e-8


def test_images_of_any_unit_are_normalised():
    for unit in (1e-300, 1e-40, 1e40, 1e300):
        torch.testing.assert_close(to_measure(unit * image(4, 5)), to_measure(image(4, 5)), rtol=1e-12, atol=0)
    tiny, huge = torch.full((2, 2), 1e-45, dtype=torch.float32), torch.full((2, 2), 3e38, dtype=torch.float32)
    assert torch.equal(to_measure(tiny), torch.full((2, 2), 0.25))
    assert torch.equal(to_measure(huge), torch.full((2, 2), 0.25))


@pytest.mark.parametrize("normalise", [True, False])
def test_a_floor_is_a_share_of_the_mass_spread_evenly(normalise):
    x = 3 * torch.eye(4, dtype=torch.float64)[:, :3].expand(2, 4, 3)
    bare = to_measure(x, normalise=normalise)
    found = to_measure(x, normalise=normalise, floor=0.25)
    torch.testing.assert_close(found.sum((1, 2)), bare.sum((1, 2)))
    torch.testing.assert_close(found, 0.75 * bare + 0.25 * bare.sum((1, 2), keepdim=True) / 12)
    assert bool((found > 0).all())


@pytest.mark.parametrize("kwargs", [{}, {"normalise": False}, {"floor": 0.3}])
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_the_gradient_is_that_of_finite_differences(kwargs, dtype):
    x = (0.5 + image(2, 3, 4)).to(dtype)
    if dtype.is_complex:
        x = x * torch.exp(1j * image(2, 3, 4, seed=2))
    assert torch.autograd.gradcheck(lambda image: to_measure(image, **kwargs), x.requires_grad_())


def test_the_image_stays_as_it_was():
    x = image(4, 5)
    before = x.clone()
    to_measure(x, floor=0.5)
    assert torch.equal(x, before)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda x: x.numpy(), TypeError, "torch.as_tensor"),
        (lambda x: x.long(), TypeError, r"to\(torch.float64\)"),
        (lambda x: x.half(), TypeError, r"to\(torch.float64\)"),
        (
            lambda x: x - 0.5,
            ValueError,
            "clip them if they are noise, or move the positive and the negative part apart",
        ),
        (lambda x: x / 0, ValueError, "mend the image"),
        (lambda x: torch.full_like(x, float("nan")), ValueError, "mend the image"),
        (lambda x: torch.stack([x, 0 * x]), ValueError, "no mass"),
        (lambda x: torch.full_like(x, 1e308), ValueError, "divide it by its largest value"),
        (lambda x: x[0, 0], ValueError, "ndim must be"),
        (lambda x: x[:0], ValueError, "batch is empty"),
    ],
)
def test_what_is_no_mass_is_refused(change, error, message):
    with pytest.raises(error, match=message):
        to_measure(change(image(4, 5)))


@pytest.mark.parametrize("floor", [-0.1, 1.0, 2, float("nan"), "0.1", True])
def test_a_floor_is_a_share_below_one(floor):
    with pytest.raises(ValueError, match="at least 0 and below 1"):
        to_measure(image(4, 5), floor=floor)


@pytest.mark.parametrize("ndim", [0, 4, True, 2.5, "2"])
def test_space_has_one_to_three_axes(ndim):
    with pytest.raises(ValueError, match="1, 2 or 3"):
        to_measure(image(2, 2, 2, 4, 5), ndim=ndim)
