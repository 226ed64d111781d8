"""Coils: the law of Biot and Savart in closed form, combinations by hand, g-factors by inverting the whole encoding."""

from __future__ import annotations

import math

import pytest
import torch

from otrecon.mri import CartesianMRI, combine, g_factor, root_sum_of_squares, simulate_coils
from tests.laws import randn, relative


def test_field_on_the_axis_of_a_loop_is_the_textbook_formula():
    """On its axis a loop of radius a has a field along the axis that falls as a^2 / (a^2 + d^2)^(3/2)."""
    smaps = simulate_coils((16, 32), 1, distance=1.7, loop_radius=0.5, unit=False, dtype=torch.complex128)[0]
    x = (torch.arange(32, dtype=torch.float64) - 16) / 16
    field = 0.25 / (0.25 + (1.7 - x) ** 2) ** 1.5
    on_axis = smaps[8]
    assert relative(on_axis / on_axis[20] - field / field[20], field / field[20]) < 1e-12
    assert (on_axis.imag.abs() / on_axis.abs()).max() < 1e-12


def test_field_has_no_curl_away_from_the_wires():
    """Between the currents dBy/dx = dBx/dy: the loop is closed and the two components belong together."""
    smaps = simulate_coils((80, 80), 3, unit=False, dtype=torch.complex128)[1, 20:60, 20:60]
    bx, by = smaps.real, -smaps.imag
    slope = by[1:-1, 2:] - by[1:-1, :-2]
    curl = slope - (bx[2:, 1:-1] - bx[:-2, 1:-1])
    assert torch.linalg.vector_norm(curl) < 2e-3 * torch.linalg.vector_norm(slope)


def test_simulated_coils_have_unit_norm_and_turn_into_each_other():
    smaps = simulate_coils((33, 33), 4, dtype=torch.complex128)
    assert (root_sum_of_squares(smaps) - 1).abs().max() < 1e-12
    # 33 pixels put the centre at 16, the middle: a quarter turn maps coil 0 on coil 1 up to a global phase.
    turned = torch.rot90(smaps[0], -1, (0, 1))
    phase = (turned.conj() * smaps[1]).sum()
    assert relative(turned * phase / phase.abs() - smaps[1], smaps[1]) < 1e-12
    assert torch.equal(smaps, simulate_coils((33, 33), 4, dtype=torch.complex128))
    scaled = simulate_coils((20, 14), 5, unit=False)
    assert scaled.dtype == torch.complex64
    assert abs(float(root_sum_of_squares(scaled).max()) - 1) < 1e-6


def test_combine_inverts_exact_data_with_any_scaling_of_the_maps():
    smaps = 3 * simulate_coils((12, 9), 6, unit=False, dtype=torch.complex128)
    smaps[:, :2] = 0
    image = randn((2, 12, 9), seed=0)
    combined = combine(smaps * image[:, None], smaps)
    assert combined.shape == (2, 12, 9)
    assert bool((combined[:, :2] == 0).all())
    assert relative(combined[:, 2:] - image[:, 2:], image[:, 2:]) < 1e-13


@pytest.mark.parametrize("dtype", [torch.complex64, torch.complex128])
def test_combination_keeps_the_precision_of_the_images(dtype):
    smaps = simulate_coils((6, 5), 3, dtype=torch.complex128)
    for maps in (smaps, smaps.to(torch.complex64)):
        assert combine(randn((3, 6, 5), seed=5, dtype=dtype), maps).dtype == dtype


def test_maps_that_torch_conjugates_lazily_are_maps():
    smaps = simulate_coils((6, 5), 3, dtype=torch.complex128)
    assert smaps.conj().is_conj()
    image = randn((6, 5), seed=4)
    assert relative(combine(smaps.conj() * image, smaps.conj()) - image, image) < 1e-13
    with pytest.raises(ValueError, match="NaN or infinity"):
        combine(smaps, torch.full_like(smaps, complex(0, float("nan"))))


def test_combine_is_least_squares_and_unbiased_where_root_sum_of_squares_is_not():
    smaps = simulate_coils((7, 6), 5, unit=False, dtype=torch.complex128)
    data = randn((5, 7, 6), seed=1)
    best = torch.linalg.lstsq(smaps.permute(1, 2, 0)[..., None], data.permute(1, 2, 0)[..., None]).solution[..., 0, 0]
    assert relative(combine(data, smaps) - best, best) < 1e-12

    smaps = simulate_coils((1, 1), 8, dtype=torch.complex128)
    noise = 0.5 * randn((20000, 8, 1, 1), seed=2)
    combined, rss = combine(smaps + noise, smaps), root_sum_of_squares(smaps + noise)
    assert abs(combined.mean() - 1) < 4 * 0.5 / math.sqrt(20000)
    # |1|^2 + 8 * 0.25 = 3: the root sum of squares sees 1.7 where there is 1.
    assert abs(rss.square().mean() - 3) < 0.03


def test_root_sum_of_squares_has_a_coil_axis_to_choose():
    images = randn((2, 3, 4, 5), seed=3)
    assert torch.allclose(root_sum_of_squares(images), images.abs().square().sum(1).sqrt())
    assert root_sum_of_squares(images, dim=0).shape == (3, 4, 5)


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        (
            torch.ones(4, 5),
            ValueError,
            r"\(4, 5\) have no coil axis -3: expected \(\.\.\., coil, y, x\).*images\.abs",
        ),
        (torch.ones(2, 4, 5, dtype=torch.int64), TypeError, "floating tensor, got a tensor of torch.int64"),
        ([[1.0]], TypeError, "got list"),
    ],
)
def test_root_sum_of_squares_names_what_it_misses(images, error, message):
    with pytest.raises(error, match=message):
        root_sum_of_squares(images)


@pytest.mark.parametrize("acceleration", [(2, 1), (1, 3), (2, 3)])
@pytest.mark.parametrize("offset", [(0, 0), (1, 2)])
def test_g_factor_equals_the_inverse_of_the_whole_encoding_matrix(acceleration, offset):
    ry, rx = acceleration
    smaps = simulate_coils((8, 9), 8, unit=False, dtype=torch.complex128)
    mask = torch.zeros(8, 9, dtype=torch.bool)
    mask[offset[0] % ry :: ry, offset[1] % rx :: rx] = True
    variances = []
    for sampled in (mask, torch.ones_like(mask)):
        columns = CartesianMRI(sampled, smaps)(torch.eye(72, dtype=torch.complex128).reshape(72, 8, 9)).flatten(1)
        variances.append(torch.linalg.inv(columns.conj() @ columns.T).diagonal().real.reshape(8, 9))
    expected = (variances[0] / variances[1] / (ry * rx)).sqrt()
    assert relative(g_factor(smaps, acceleration) - expected, expected) < 1e-10
    assert expected.max() > 1.05


def test_g_factor_of_correlated_noise_and_of_an_object_that_does_not_fold():
    smaps = simulate_coils((12, 16), 6, dtype=torch.complex128)
    assert (g_factor(smaps, 1) - 1).abs().max() < 1e-12
    mixing = torch.eye(6, dtype=torch.complex128) + 0.3 * randn((6, 6), seed=4)
    covariance = mixing @ mixing.mH
    # Data mixed by M with noise mixed by M are the old data: nothing is lost.
    mixed = torch.einsum("dc,cyx->dyx", mixing, smaps)
    plain, white = g_factor(smaps, 4), g_factor(mixed, 4, covariance=covariance)
    assert relative(white - plain, plain) < 1e-10
    assert relative(g_factor(smaps, 4, covariance=covariance) - plain, plain) > 1e-3
    small = smaps.clone()
    small[:, :, :4] = small[:, :, 12:] = 0
    g = g_factor(small, 2)
    assert bool((g[:, :4] == 0).all())
    assert (g[:, 4:12] - 1).abs().max() < 1e-12


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: simulate_coils((8, 8), 0), "at least 1 coil"),
        (lambda: simulate_coils((8, 8), 4, distance=1.0, loop_radius=0.5), "cross the image"),
        (lambda: combine(randn((3, 4, 4), seed=0), randn((2, 4, 4), seed=0)), "do not fit"),
        (lambda: g_factor(simulate_coils((8, 8), 4), 3), "divide the grid"),
        (lambda: g_factor(simulate_coils((8, 8), 2), 4), "cannot tell them apart"),
    ],
)
def test_bad_requests_say_why(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_real_input_is_refused():
    with pytest.raises(TypeError, match="complex"):
        simulate_coils((8, 8), 4, dtype=torch.float32)
    with pytest.raises(TypeError, match="complex"):
        combine(torch.ones(2, 4, 4), randn((2, 4, 4), seed=0))
