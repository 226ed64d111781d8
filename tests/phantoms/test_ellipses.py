"""Analytic k-space against quadrature, against closed forms, and against the images of the same phantom."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from skimage.data import shepp_logan_phantom

from otrecon.grid import cartesian_trajectory
from otrecon.phantoms import (
    Ellipse,
    EllipsePhantom,
    HarmonicCoils,
    random_ellipses,
    resolution_phantom,
    ring_coils,
    shepp_logan,
)
from tests.laws import relative
from tests.phantoms.helpers import fft2c, ifft2c, point_image, quadrature_kspace

SIZES = [(32, 32), (33, 47), (40, 25)]
TWO = EllipsePhantom(
    (Ellipse(1.0 - 0.5j, (0.2, -0.3), (0.25, 0.5), 0.4), Ellipse(0.7, (-0.3, 0.35), (0.15, 0.3), -1.1)), fov=(2.0, 2.6)
)


def trajectory(samples=40, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return math.pi * (2 * torch.rand(2, samples, dtype=torch.float64, generator=generator) - 1)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("phantom", [TWO, shepp_logan()], ids=["two", "shepp-logan"])
def test_kspace_is_the_fourier_integral(phantom, size):
    ktraj = trajectory()
    expected = torch.from_numpy(quadrature_kspace(phantom, ktraj.numpy(), size))
    assert relative(phantom.kspace(ktraj, size) - expected, expected) < 1e-12


@pytest.mark.parametrize("size", SIZES)
def test_multicoil_kspace_is_the_fourier_integral_through_the_maps(size):
    coils, ktraj = ring_coils(3), trajectory(20)

    def raised_cosine(distance):
        return (1 + np.cos(np.pi * distance)) / 2

    scale = None
    expected = []
    for coil in range(3):
        turn = 2 * math.pi * coil / 3
        centre = (
            0.5 * math.sin(turn) + 0.2j * math.sin(turn + math.pi / 4),
            0.5 * math.cos(turn) + 0.2j * math.cos(turn + math.pi / 4),
        )

        def sensitivity(y, x, centre=centre, turn=turn):
            return np.exp(1j * turn) * raised_cosine(y - centre[0]) * raised_cosine(x - centre[1])

        expected.append(quadrature_kspace(TWO, ktraj.numpy(), size, sensitivity))
        scale = (scale or 0) + abs(sensitivity(0.0, 0.0)) ** 2
    expected = torch.from_numpy(np.stack(expected)) / math.sqrt(scale)
    assert relative(TWO.kspace(ktraj, size, coils=coils) - expected, expected) < 1e-12


def test_zero_frequency_is_the_integral():
    size = (30, 44)
    voxel = TWO.fov[0] * TWO.fov[1] / (size[0] * size[1])
    expected = sum(e.intensity * math.pi * e.semi_axes[0] * e.semi_axes[1] for e in TWO.ellipses) / voxel
    value = complex(TWO.kspace(torch.zeros(2, 1, dtype=torch.float64), size)[0])
    assert value == pytest.approx(expected / math.sqrt(size[0] * size[1]), rel=1e-14)


def test_the_series_meets_the_bessel_function():
    disc = EllipsePhantom((Ellipse(1.0, (0.0, 0.0), (0.5, 0.5)),))
    voxels = 0.5 * 32 / 2
    q = torch.tensor([0.0, 1e-9, 9.9e-4, 1.01e-3, 0.3], dtype=torch.float64)
    values = disc.kspace(torch.stack([0 * q, q / voxels]), (32, 32)) * 32 / (math.pi * voxels**2)
    terms = 1 - q**2 / 8 + q**4 / 192 - q**6 / 9216 + q**8 / 737280
    assert float((values - terms).abs().max()) < 1e-12


@pytest.mark.parametrize("size", SIZES)
def test_image_and_kspace_agree_in_place_and_scale(size):
    """Low frequencies of a finely drawn image: the box of its small pixels is known, what aliases into them is not."""
    fine = 12
    image = TWO.image([fine * n for n in size], dtype=torch.complex128)
    spectrum = fft2c(image) / fine
    rows, columns = (slice(fine * n // 2 - n // 2, fine * n // 2 - n // 2 + n) for n in size)
    ky, kx = cartesian_trajectory(size).unflatten(-1, size)
    box = torch.sinc(ky / (2 * math.pi * fine)) * torch.sinc(kx / (2 * math.pi * fine))
    exact = TWO.cartesian_kspace(size, dtype=torch.complex128)
    assert relative(spectrum[rows, columns] - exact * box, exact) < 2e-4


@pytest.mark.parametrize("size", SIZES)
def test_inverse_fft_shows_the_phantom_with_ringing(size):
    phantom = EllipsePhantom((Ellipse(1.0, (0.21, -0.13), (0.3, 0.5), 0.3),))
    seen = ifft2c(phantom.cartesian_kspace(size, dtype=torch.complex128))
    drawn = phantom.image(size, dtype=torch.float64)
    y, x = (torch.arange(n, dtype=torch.float64) - n // 2 for n in size)
    for weights, centre in ((y[:, None], 0.21 * size[0] / 2), (x[None, :], -0.13 * size[1] / 2)):
        assert float((drawn * weights).sum() / drawn.sum()) == pytest.approx(centre, abs=5e-3)
    error = float((seen - drawn).abs().mean())
    shifted = float((seen - drawn.roll(1, 0)).abs().mean()), float((seen - drawn.roll(1, 1)).abs().mean())
    assert error < 0.05
    assert error < 0.7 * min(shifted)
    # Nine per cent of overshoot is Gibbs; the plateau itself is 1.
    assert float(seen.abs()[drawn > 0.999].mean()) == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("size", SIZES)
def test_image_is_point_sampling_away_from_edges(size):
    values, mixed = TWO.image(size, dtype=torch.complex128).numpy(), point_image(TWO, size)
    finer = point_image(TWO, tuple(7 * n for n in size))
    # Seven odd: the middle point of each block of seven by seven is the centre of the pixel.
    blocks = np.roll(finer, [3 - (7 * n // 2 - 7 * (n // 2)) for n in size], (0, 1))
    blocks = blocks.reshape(size[0], 7, size[1], 7).swapaxes(1, 2).reshape(*size, 49)
    flat = np.abs(blocks - mixed[..., None]).max(-1) == 0
    assert 0.8 < flat.mean() < 0.97
    # An edge may still clip the corner of a pixel between its 49 points.
    assert np.abs(values - mixed)[flat].max() < 0.04
    assert np.abs(values - blocks.mean(-1)).max() < 0.12


def test_image_has_the_mass_of_its_ellipses():
    phantom = EllipsePhantom((Ellipse(1.0, (0.1, 0.05), (0.6, 0.4), 0.7),))
    for size in SIZES:
        mass = float(phantom.image(size, dtype=torch.float64).sum()) * 4 / (size[0] * size[1])
        assert mass == pytest.approx(math.pi * 0.24, rel=2e-4)


def test_finer_lines_converge():
    exact = TWO.image((24, 24), supersample=512, dtype=torch.complex128)
    errors = [relative(TWO.image((24, 24), supersample=s, dtype=torch.complex128) - exact, exact) for s in (1, 4, 16)]
    assert errors[0] > 3 * errors[1] > 9 * errors[2]
    assert errors[2] < 4e-3


def test_an_object_beyond_the_field_of_view_is_cut():
    phantom = EllipsePhantom((Ellipse(1.0, (0.0, 1.0), (0.5, 0.5)),))
    image = phantom.image((20, 20), dtype=torch.float64)
    assert float(image[:, :10].sum()) == 0.0
    # The edge of the picture lies half a pixel to the left of the disc's centre.
    assert float(image.sum()) * 0.01 == pytest.approx(math.pi / 8 - 0.05, abs=2e-3)
    assert not EllipsePhantom((Ellipse(1.0, (0.0, 2.0), (0.5, 0.5)),)).image((20, 20)).any()


def test_maps_and_multicoil_kspace_meet_in_the_image():
    size, coils = (96, 80), ring_coils(4)
    phantom = EllipsePhantom((Ellipse(1.0, (0.1, -0.05), (0.5, 0.4), 0.3),))
    seen = ifft2c(phantom.cartesian_kspace(size, coils=coils, dtype=torch.complex128))
    expected = coils.maps(size, dtype=torch.complex128) * phantom.image(size, dtype=torch.float64)
    inside = phantom.image(size) > 0.999
    assert relative((seen - expected)[:, inside], expected[:, inside]) < 0.06
    assert seen.shape == (4, 96, 80)


def test_ring_coils_are_smooth_and_cover_the_image():
    for count in (1, 4, 8):
        coils = ring_coils(count)
        maps = coils.maps((32, 40))
        assert len(coils) == count
        assert maps.dtype == torch.complex64
        combined = (maps.abs() ** 2).sum(0).sqrt()
        assert float(combined[16, 20]) == pytest.approx(1.0, abs=1e-6)
        if count > 1:
            assert float(combined.min()) > 0.4
        # One voxel of a 32nd of the field of view changes a map by little, in magnitude and in phase.
        assert float(maps.diff(dim=-1).abs().max()) < 0.12
    assert float(ring_coils(4, phase=0.0).maps((8, 8))[0].imag.abs().max()) < 1e-7


def test_dtype_follows_the_trajectory_and_the_request():
    ktraj = trajectory(5)
    assert shepp_logan().kspace(ktraj, (8, 8)).dtype == torch.complex128
    single = shepp_logan().kspace(ktraj.float(), (8, 8))
    assert single.dtype == torch.complex64
    assert relative(single - shepp_logan().kspace(ktraj, (8, 8)), single) < 1e-5
    assert shepp_logan().image((8, 8)).dtype == torch.float32
    assert TWO.image((8, 8)).dtype == torch.complex64
    assert shepp_logan().image((8, 8), dtype=torch.complex128).dtype == torch.complex128


@pytest.mark.parametrize("modified", [True, False])
def test_shepp_logan_values(modified):
    image = shepp_logan(modified=modified).image((256, 256))
    assert float(image.max()) == pytest.approx(1.0 if modified else 2.0)
    assert float(image.min()) == 0.0
    assert float(image[128, 64]) == pytest.approx(0.2 if modified else 1.02, abs=1e-6)


def test_shepp_logan_is_the_familiar_picture():
    theirs = shepp_logan_phantom()
    # Their grid is symmetric about the middle of the picture, ours about pixel n // 2: half a pixel apart.
    ours = shepp_logan().image((800, 800)).unfold(0, 2, 2).unfold(1, 2, 2).mean((-1, -2)).numpy()
    agree = np.abs(theirs - ours) < 0.01
    assert agree.mean() > 0.97
    assert (np.abs(theirs - ours[:, ::-1]) < 0.01).mean() < 0.94
    assert (np.abs(theirs - ours[::-1]) < 0.01).mean() < 0.94


def test_resolution_dots_stay_apart():
    phantom = resolution_phantom((0.06,) * 8)
    assert set(np.unique(point_image(phantom, (500, 500)))) == {0.0, 0.5, 1.5}
    assert len(resolution_phantom().ellipses) == 1 + 9 * 7
    with pytest.raises(ValueError, match="diameters must be"):
        resolution_phantom((0.1,))


def test_random_ellipses_are_seeded_and_stay_inside():
    for seed in range(20):
        phantom = random_ellipses(torch.Generator().manual_seed(seed), complex_valued=seed % 2 == 0)
        assert phantom == random_ellipses(torch.Generator().manual_seed(seed), complex_valued=seed % 2 == 0)
        assert phantom != random_ellipses(torch.Generator().manual_seed(seed + 100), complex_valued=seed % 2 == 0)
        assert phantom.is_complex == (seed % 2 == 0)
        body = EllipsePhantom(phantom.ellipses[:1])
        outside = point_image(body, (120, 120)) == 0
        assert np.abs(point_image(phantom, (120, 120))[outside]).max() == 0
    assert len(random_ellipses(torch.Generator(), count=0).ellipses) == 1


def test_refusals():
    with pytest.raises(ValueError, match="semi_axes must be positive"):
        Ellipse(1.0, (0.0, 0.0), (0.0, 1.0))
    with pytest.raises(ValueError, match="must be finite"):
        Ellipse(math.nan, (0.0, 0.0), (1.0, 1.0))
    with pytest.raises(ValueError, match="pairs"):
        Ellipse(1.0, (0.0,), (1.0, 1.0))
    with pytest.raises(ValueError, match="at least one ellipse"):
        EllipsePhantom(())
    with pytest.raises(ValueError, match="two positive lengths"):
        EllipsePhantom(TWO.ellipses, fov=(1.0, -1.0))
    with pytest.raises(ValueError, match="two positive integers"):
        TWO.image((8, 8, 8))
    with pytest.raises(ValueError, match="supersample must be at least 1"):
        TWO.image((8, 8), supersample=0)
    with pytest.raises(TypeError, match="drop their phase"):
        TWO.image((8, 8), dtype=torch.float32)
    with pytest.raises(TypeError, match="floating-point or complex"):
        shepp_logan().image((8, 8), dtype=torch.int32)
    with pytest.raises(TypeError, match="k-space is complex"):
        TWO.cartesian_kspace((8, 8), dtype=torch.float32)
    with pytest.raises(ValueError, match=r"\(2, samples\)"):
        TWO.kspace(torch.zeros(5, 2), (8, 8))
    with pytest.raises(TypeError, match="rad/voxel"):
        TWO.kspace(torch.zeros(2, 5, dtype=torch.int64), (8, 8))
    with pytest.raises(ValueError, match="NaN or infinity"):
        TWO.kspace(torch.full((2, 3), math.nan), (8, 8))
    with pytest.raises(ValueError, match="coils must be at least 1"):
        ring_coils(0)
    with pytest.raises(ValueError, match="radius"):
        ring_coils(2, radius=1.0)
    with pytest.raises(TypeError, match="Sensitivities are complex"):
        ring_coils(2).maps((4, 4), dtype=torch.float32)
    with pytest.raises(TypeError, match="float64 and weights complex128"):
        HarmonicCoils(torch.zeros(2, 1), torch.zeros(1, 1))
    with pytest.raises(ValueError, match=r"\(coils, terms\)"):
        HarmonicCoils(torch.zeros(2, 3, dtype=torch.float64), torch.zeros(1, 2, dtype=torch.complex128))
    with pytest.raises(ValueError, match="count must be at least 0"):
        random_ellipses(torch.Generator(), count=-1)
    with pytest.raises(ValueError, match="radius"):
        random_ellipses(torch.Generator(), radius=2.0)


@pytest.mark.parametrize(("coils", "way_out"), [(8, r"got 8: pass phantoms\.ring_coils\(8\)"), ([1.0], "such as")])
def test_a_number_of_coils_is_no_coils(coils, way_out):
    with pytest.raises(TypeError, match=f"coils must be HarmonicCoils.*{way_out}"):
        shepp_logan().cartesian_kspace((8, 8), coils=coils)


def test_positions_in_cycles_are_refused():
    phantom = shepp_logan()
    ktraj = cartesian_trajectory((8, 8)) / (2 * torch.pi)
    with pytest.raises(ValueError, match=r"cycles/voxel ends: multiply it by 2\*pi"):
        phantom.kspace(ktraj, (8, 8))


@pytest.mark.parametrize(
    ("im_size", "what"), [(32, "int"), (torch.zeros(3, 4), r"a tensor of shape \(3, 4\)"), ("32", "str")]
)
def test_a_size_that_is_no_pair_is_named_by_its_kind(im_size, what):
    with pytest.raises(TypeError, match=rf"two integers \(y, x\), such as \(128, 96\), got {what}"):
        shepp_logan().image(im_size)
