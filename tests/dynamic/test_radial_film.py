"""K-space networks on trajectories: the misfit is that of the samples, where they were taken."""

import pytest
import torch

from otrecon.coil_images import root_sum_of_squares
from otrecon.dynamic import FilmFit, RadialKSpaceFilm, fit_film
from otrecon.fourier import ifft2c
from otrecon.inr import KSpaceINR, Siren, frame_times
from otrecon.mri import radial_trajectory

SIZE, COILS = (10, 12), 2


def parts():
    generator = torch.Generator().manual_seed(0)
    siren = Siren(3, 8, 1, 2 * COILS, generator=generator)
    network = KSpaceINR(siren, SIZE, COILS, times=frame_times(4, end=0.3), magnitude=2.0)
    ktrajs = [radial_trajectory(3, 12), None, radial_trajectory(2, 12, first_spoke=3), None]
    data = [
        None if one is None else torch.randn(COILS, one.shape[1], dtype=torch.complex64, generator=generator)
        for one in ktrajs
    ]
    weights = [None if one is None else torch.rand(one.shape[1], generator=generator) for one in ktrajs]
    return network, ktrajs, data, weights


def test_misfit_is_a_weighted_share_of_the_energy():
    network, ktrajs, data, weights = parts()
    film = RadialKSpaceFilm(network, ktrajs, data, weights=weights)
    error = energy = 0.0
    for k in (0, 2):
        for j in range(ktrajs[k].shape[1]):
            ky, kx = (ktrajs[k][:, j] / torch.pi).tolist()
            one = network(torch.tensor([[0.1 * k, ky, kx]]))[:, 0].detach()
            error += float(weights[k][j] * (one - data[k][:, j]).abs().square().sum())
            energy += float(weights[k][j] * data[k][:, j].abs().square().sum())
    misfit, images = film(torch.arange(4))
    assert film.observed == (0, 2)
    assert film.energy == pytest.approx(energy, rel=1e-5)
    assert float(misfit.detach()) == pytest.approx(error / energy, rel=1e-5)
    apart = sum(float(film.misfit(torch.tensor([k])).detach()) for k in range(4))
    assert apart == pytest.approx(error / energy, rel=1e-5)
    torch.testing.assert_close(images.detach(), root_sum_of_squares(ifft2c(network.kspace())).detach())
    alike = RadialKSpaceFilm(network, ktrajs, data)
    assert alike.energy == pytest.approx(sum(float(data[k].abs().square().sum()) for k in (0, 2)), rel=1e-5)


def test_frames_without_data_have_a_misfit_without_a_slope():
    network, *lists = parts()
    film = RadialKSpaceFilm(network, *lists[:2])
    film.misfit(torch.tensor([1, 3])).backward()
    # Zero and not None: an optimiser that skips some parameters takes another way than with other batches.
    assert [bool(one.grad.any()) for one in network.parameters()] == [False] * len(list(network.parameters()))


def test_no_image_is_drawn_without_a_prior(monkeypatch):
    network, *lists = parts()
    film = RadialKSpaceFilm(network, *lists[:2])
    monkeypatch.setattr(network, "image", lambda *_, **__: pytest.fail("an image was drawn"))
    done = fit_film(FilmFit(film), 30, lr=1e-2)
    assert done.best_loss < 0.9 * done.history[0]


@pytest.mark.parametrize(
    ("which", "change", "message"),
    [
        ("data", lambda data: data.__setitem__(0, None), "frame 0 has one of trajectories and data"),
        ("data", lambda data: data.pop(), "4 frames need as many trajectories and data"),
        ("data", lambda data: data.__setitem__(2, data[0]), r"frame 2 needs data \(2, 24\)"),
        ("data", lambda data: [data[k].zero_() for k in (0, 2)], "all zero, or not finite"),
        ("data", lambda data: data[2].fill_(torch.nan), "all zero, or not finite"),
        ("weights", lambda weights: weights[2].sub_(1), "weights of frame 2 must be at least 0, got -0.8"),
        ("weights", lambda weights: weights.pop(), "4 frames need as many weights, got 3"),
        ("weights", lambda weights: weights.__setitem__(2, weights[0]), r"frame 2 needs data .* and \(36,\)"),
    ],
)
def test_lists_that_do_not_fit_name_the_frame(which, change, message):
    network, ktrajs, data, weights = parts()
    change({"data": data, "weights": weights}[which])
    with pytest.raises(ValueError, match=message):
        RadialKSpaceFilm(network, ktrajs, data, weights=weights)
