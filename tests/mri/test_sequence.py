"""Waveforms and their path, against brute force over spins, the Cartesian grid and closed forms."""

from __future__ import annotations

import math

import pytest
import torch

from otrecon.mri import NDFT, cartesian_trajectory
from otrecon.mri.sequence import PROTON, PulseSequence, spin_warp

FOV = 0.2


def turn_spins(spins: torch.Tensor, sequence: PulseSequence) -> torch.Tensor:
    """Signal by turning every spin in every step; knows no k-space."""
    n = len(spins)
    place = (torch.arange(n, dtype=torch.float64) - n // 2) * FOV / n
    magnet, signal = spins.expand(len(sequence.gradients), -1, -1), []
    for open_, (gy, gx) in zip(sequence.adc, sequence.gradients.permute(2, 1, 0), strict=True):
        if open_:
            signal.append(magnet.sum((1, 2)) / n)
        hertz = PROTON * (gy[:, None, None] * place[:, None] + gx[:, None, None] * place)
        magnet = magnet * torch.polar(torch.ones_like(hertz), -2 * math.pi * sequence.dwell * hertz)
    return torch.stack(signal, 1)


@pytest.mark.parametrize("prephaser", [1.0, 0.5, 0.0])
def test_the_path_predicts_what_turning_spins_say(prephaser: float) -> None:
    generator = torch.Generator().manual_seed(0)
    spins = torch.randn(12, 12, dtype=torch.complex128, generator=generator)
    sequence = spin_warp(6, fov=FOV, prephaser=prephaser)
    predicted = NDFT(sequence.ktraj(FOV / 12), (12, 12))(spins).reshape(6, 6)
    torch.testing.assert_close(turn_spins(spins, sequence), predicted, rtol=0, atol=1e-12)


def test_the_full_sequence_visits_the_grid_of_the_fft() -> None:
    ktraj = spin_warp(10, fov=FOV, dwell=4e-6).ktraj(FOV / 10)
    torch.testing.assert_close(ktraj, cartesian_trajectory((10, 10)).double(), rtol=0, atol=1e-12)


def test_without_prephaser_the_readout_starts_at_the_centre() -> None:
    path = spin_warp(8, fov=FOV, prephaser=0.0).path()
    torch.testing.assert_close(path[:, 1, 4:] * FOV, torch.arange(9.0, dtype=torch.float64).expand(8, -1))
    assert (path[:, :, 0] == 0).all()


def test_any_gradients_integrate_to_their_area() -> None:
    gradients = torch.tensor([[[1e-3, 2e-3, -4e-3], [0.0, 5e-3, 5e-3]]], dtype=torch.float64)
    path = PulseSequence(gradients, torch.tensor([False, True, True]), 1e-5).path()
    unit = PROTON * 1e-8
    torch.testing.assert_close(path[0], unit * torch.tensor([[0, 1, 3, -1], [0, 0, 5, 10]], dtype=torch.float64))


def test_bad_input_says_what_is_allowed() -> None:
    good, adc = torch.zeros(2, 2, 3), torch.ones(3, dtype=torch.bool)
    with pytest.raises(TypeError, match="boolean"):
        PulseSequence(good, adc.double(), 1e-5)
    with pytest.raises(TypeError, match="real"):
        PulseSequence(good.to(torch.complex64), adc, 1e-5)
    with pytest.raises(ValueError, match=r"\(lines, 2, steps\)"):
        PulseSequence(good, adc[:2], 1e-5)
    with pytest.raises(ValueError, match="nothing would be sampled"):
        PulseSequence(good, ~adc, 1e-5)
    with pytest.raises(ValueError, match="dwell"):
        PulseSequence(good, adc, 0.0)
    with pytest.raises(ValueError, match="spacing"):
        PulseSequence(good, adc, 1e-5).ktraj(-1.0)
    for lines in (7, 0):
        with pytest.raises(ValueError, match="even"):
            spin_warp(lines, fov=FOV)
    with pytest.raises(ValueError, match="fov"):
        spin_warp(8, fov=math.inf)
