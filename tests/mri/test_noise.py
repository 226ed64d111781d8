"""Noise: its level and covariance by statistics, prewhitening by algebra."""

from __future__ import annotations

import math

import pytest
import torch

from otrecon.mri import combine, fft2c, ifft2c, root_sum_of_squares, simulate_coils
from otrecon.mri.noise import add_noise, correlated_noise, noise_covariance, noise_std, prewhiten
from tests.laws import randn, relative


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def covariance_of(coils: int, seed: int) -> torch.Tensor:
    mixing = torch.eye(coils, dtype=torch.complex128) + 0.4 * randn((coils, coils), seed=seed)
    return mixing @ mixing.mH


def phantom(shape: tuple[int, int] = (96, 80), coils: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    image = torch.zeros(shape, dtype=torch.complex128)
    image[20:60, 30:50] = 2.0j
    smaps = simulate_coils(shape, coils, dtype=torch.complex128)
    return fft2c(smaps * image), smaps


def test_level_is_peak_over_snr_in_kspace_and_in_the_image():
    kdata, smaps = phantom()
    assert noise_std(kdata, snr=8) == pytest.approx(2.0 / 8, rel=1e-12)
    noise = add_noise(kdata, snr=8, generator=seeded()) - kdata
    count = noise.numel()
    for domain in (noise, ifft2c(noise)):
        # The mean of |n|^2 has a relative error of 1/sqrt(count); allow four of them. Parts share the variance evenly.
        assert abs(domain.abs().square().mean() / 0.25**2 - 1) < 4 / math.sqrt(count)
        assert abs(domain.real.square().mean() / 0.25**2 - 0.5) < 4 / math.sqrt(2 * count)
        assert abs(domain.mean()) < 4 * 0.25 / math.sqrt(count)
    # A combination with maps of unit norm keeps the level: the image has the stated ratio.
    error = combine(ifft2c(noise), smaps)
    assert abs(error.abs().square().mean() / 0.25**2 - 1) < 4 / math.sqrt(error.numel())


def test_noise_of_different_coils_is_independent():
    kdata = torch.zeros(5, 100, 100, dtype=torch.complex128)
    noise = add_noise(kdata, snr=1, signal=1.0, generator=seeded())
    assert relative(noise_covariance(noise) - torch.eye(5), torch.eye(5)) < 0.03


def test_mask_keeps_zeros_and_the_level_of_the_full_data():
    kdata, _ = phantom()
    mask = torch.zeros(96, 80, dtype=torch.bool)
    mask[::3] = True
    noisy = add_noise(kdata, snr=10, generator=seeded(), mask=mask)
    assert bool((noisy[:, ~mask] == 0).all())
    rms = (noisy - kdata)[:, mask].abs().square().mean().sqrt()
    assert abs(rms / 0.2 - 1) < 0.03
    with pytest.raises(ValueError, match="zero outside the mask"):
        add_noise(kdata * mask, snr=10, generator=seeded(), mask=mask)
    again = add_noise(kdata * mask, snr=10, generator=seeded(), mask=mask, signal=2.0)
    assert relative(again - noisy, noisy) < 1e-12


def test_noise_repeats_with_the_seed_and_keeps_the_dtype():
    kdata = phantom()[0].to(torch.complex64)
    first, second = (add_noise(kdata, snr=5, generator=seeded(3)) for _ in range(2))
    assert torch.equal(first, second)
    assert first.dtype == torch.complex64
    assert not torch.equal(first, add_noise(kdata, snr=5, generator=seeded(4)))


def test_noise_on_spokes_needs_the_signal():
    spokes = torch.ones(4, 200, dtype=torch.complex64)
    with pytest.raises(ValueError, match="signal="):
        add_noise(spokes, snr=5, generator=seeded())
    assert add_noise(spokes, snr=5, signal=1.0, generator=seeded()).shape == (4, 200)


def test_correlated_noise_has_the_covariance_that_was_asked_for():
    covariance = covariance_of(4, seed=5)
    noise = correlated_noise((3, 4, 200, 100), covariance, generator=seeded(), dtype=torch.complex128)
    assert noise.shape == (3, 4, 200, 100)
    assert relative(noise_covariance(noise) - covariance, covariance) < 4 * 4 / math.sqrt(60000)
    # Circular: E n n^T = 0, so the phase of the noise carries nothing.
    rows = noise.movedim(-3, 0).flatten(1)
    assert relative(rows @ rows.T / rows.shape[1], covariance) < 4 * 4 / math.sqrt(60000)
    kdata, _ = phantom()
    added = add_noise(kdata, snr=8, generator=seeded(), covariance=7 * covariance) - kdata
    measured = noise_covariance(added)
    assert abs(measured.diagonal().real.mean() / 0.25**2 - 1) < 0.05
    scaled = covariance / covariance.diagonal().real.mean() * 0.25**2
    assert relative(measured - scaled, scaled) < 0.1


@pytest.mark.parametrize("dim", [-3, 0, 1])
def test_prewhitening_turns_the_measured_covariance_into_the_identity(dim):
    shape = [60, 50, 7]
    shape.insert(dim % 4 if dim >= 0 else 1, 5)
    noise = correlated_noise(shape, covariance_of(5, seed=6), generator=seeded(1), dtype=torch.complex128, dim=dim)
    measured = noise_covariance(noise, dim=dim)
    white = noise_covariance(prewhiten(noise, measured, dim=dim), dim=dim)
    assert relative(white - torch.eye(5), torch.eye(5)) < 1e-12


def test_whitened_combination_is_the_generalised_least_squares_estimate():
    """And it has less noise than the combination that ignores the covariance."""
    smaps = simulate_coils((6, 5), 4, dtype=torch.complex128)
    covariance = covariance_of(4, seed=7)
    data = randn((4, 6, 5), seed=8)
    whitened = combine(prewhiten(data, covariance), prewhiten(smaps, covariance))
    inverse = torch.linalg.inv(covariance)
    numerator = torch.einsum("cyx,cd,dyx->yx", smaps.conj(), inverse, data)
    power = torch.einsum("cyx,cd,dyx->yx", smaps.conj(), inverse, smaps)
    assert relative(whitened - numerator / power, whitened) < 1e-12
    naive = torch.einsum("cyx,cd,dyx->yx", smaps.conj(), covariance, smaps).real
    assert bool((1 / power.real < naive).all())
    assert root_sum_of_squares(smaps).max() < 1 + 1e-12


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda k: add_noise(k, snr=0, generator=seeded()), "positive, finite"),
        (lambda k: add_noise(0 * k, snr=5, generator=seeded()), "signal is 0"),
        (lambda k: prewhiten(k, torch.eye(3)), "4 coils"),
        (lambda k: prewhiten(k, torch.ones(4, 4)), "not positive definite"),
        (lambda k: prewhiten(k, torch.ones(4, 4).triu()), "not Hermitian"),
        (lambda k: prewhiten(k, torch.eye(4), dim=5), "no such axis"),
        (lambda k: noise_covariance(k[:, :1, :3]), "take more"),
        (lambda k: noise_covariance(k / 0), "noise samples contain NaN"),
        (lambda k: add_noise(k / 0, snr=5, signal=1.0, generator=seeded()), "kdata contain NaN"),
    ],
)
def test_bad_requests_say_why(call, message):
    with pytest.raises(ValueError, match=message):
        call(phantom()[0])


def test_wrong_types_are_refused():
    kdata, _ = phantom()
    with pytest.raises(TypeError, match="complex"):
        add_noise(kdata.real, snr=5, generator=seeded())
    with pytest.raises(TypeError, match="boolean"):
        add_noise(kdata, snr=5, generator=seeded(), mask=torch.ones(96, 80))
