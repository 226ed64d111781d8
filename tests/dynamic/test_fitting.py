"""A film and its prior: when it sets in, which weights are kept, and that an interruption changes nothing."""

import pytest
import torch
from torch import nn

from otrecon.dynamic import BarycenterPrior, FilmFit, TransportTargets, WassersteinPath, fit_film
from otrecon.inr import ImageINR, LeastSquares, Siren, frame_times
from otrecon.mri import CartesianFilm
from otrecon.phantoms import moving_blob

SIZE = (16, 16)
TRUTH = moving_blob(6, SIZE)
OBSERVED = (0, 2, 4)


def problem(kind, **settings):
    masks = torch.zeros(6, *SIZE, dtype=torch.bool)
    masks[list(OBSERVED)] = True
    scan = CartesianFilm(masks)
    misfit = LeastSquares(scan, scan(TRUTH + 0j))
    network = Siren(3, 16, 1, 2, generator=torch.Generator().manual_seed(0))
    model = ImageINR(network, SIZE, times=frame_times(6))
    generator = torch.Generator().manual_seed(1)
    priors = {
        "barycenter": lambda: BarycenterPrior(generator=generator),
        "path": WassersteinPath,
        "targets": lambda: TransportTargets(6, SIZE, OBSERVED, refresh=4),
        "none": lambda: None,
    }
    return FilmFit(model, lambda: misfit(model()), model, priors[kind](), **settings), generator


class Counting(nn.Module):
    def __init__(self):
        super().__init__()
        self.calls = 0

    def forward(self, film):
        self.calls += 1
        return film.abs().square().sum() / film.abs().square().sum().detach()


def test_the_prior_sets_in_late_and_rises():
    data = torch.zeros((), requires_grad=True)
    prior = Counting()
    fit = FilmFit(nn.Identity(), lambda: data, lambda: torch.ones(2, 3, 3), prior, weight=8.0, start=3, ramp_steps=3)
    losses = [float(fit().detach()) for _ in range(8)]
    assert losses == [0, 0, 0, 2, 4, 6, 8, 8]
    assert prior.calls == 5
    assert fit.settled == 6


@pytest.mark.parametrize("kind", ["barycenter", "path", "targets"])
def test_an_interruption_changes_nothing(kind, tmp_path):
    def run(stop=None, checkpoint=None):
        fit, generator = problem(kind, start=5)

        def callback(step, _loss):
            if step + 1 == stop:
                raise KeyboardInterrupt

        found = fit_film(fit, 16, generator=generator, checkpoint=checkpoint, checkpoint_every=3, callback=callback)
        return found.history, fit.film().detach()

    history, film = run()
    for stop in (4, 7, 11):
        path = tmp_path / f"{stop}"
        with pytest.raises(KeyboardInterrupt):
            run(stop, path)
        resumed, again = run(None, path)
        assert resumed == history
        assert torch.equal(again, film)


def test_weights_from_before_the_prior_are_not_kept():
    fit, generator = problem("path", start=30, weight=1e4)
    found = fit_film(fit, 40, generator=generator, lr=5e-3)
    assert found.best_step > 30
    assert found.best_loss > min(found.history[:30])


def test_targets_fill_missing_frames():
    def missing(kind, **settings):
        fit, generator = problem(kind, **settings)
        fit_film(fit, 250, generator=generator, lr=5e-3)
        return float((fit.film().detach()[[1, 3]] - TRUTH[[1, 3]]).abs().square().mean())

    assert missing("targets", start=40) < 0.2 * missing("none")


def test_bad_input_names_the_fix():
    fit, _ = problem("path", start=30)
    with pytest.raises(ValueError, match="full weight after 30 steps; take more than 20"):
        fit_film(fit, 20)
    with pytest.raises(ValueError, match="weight must be at least 0"):
        problem("path", weight=-1.0)
