"""What experiments with a late prior share: when it sets in, how the learning rate follows, how often it acts."""

import dataclasses
import time

import pytest
import torch
from torch import nn

from otrecon.dynamic import KSpaceFilm, TransportTargets
from otrecon.inr import KSpaceINR, cosine, frame_times
from otrecon.lab import late
from otrecon.lab.blob import BlobSettings
from otrecon.lab.late import Clock, draws, onset, restarted, siren, steps_of_targets

RECIPE = BlobSettings(steps=40, width=8, hidden_layers=1)


def test_the_rate_falls_and_starts_again_with_the_prior():
    rate = restarted(0.75)
    assert rate(0.0) == rate(0.75) == 1
    assert rate(0.7499) == pytest.approx(0.01, abs=1e-5)
    assert rate(1.0) == pytest.approx(0.01)
    assert rate(0.875) == pytest.approx(cosine(0.5))
    assert [restarted(0.0)(k / 8) for k in range(9)] == [cosine(k / 8) for k in range(9)]


def test_the_first_step_of_the_prior_has_the_full_rate():
    for steps in (7, 300, 5500):
        assert all(restarted(start / steps)(start / steps) == 1 for start in range(steps))


def test_a_prior_has_at_least_one_step():
    assert [onset(RECIPE, share) for share in (0.0, 0.5, 10 / 11, 0.999, 1.0)] == [0, 20, 36, 39, 39]


@pytest.mark.parametrize(("start", "refresh"), [(0, 4), (8, 4), (8, 5), (33, 5), (39, 3)])
def test_targets_are_made_no_more_often_than_asked(start, refresh):
    every = steps_of_targets(dataclasses.replace(RECIPE, refresh=refresh), start)
    makings = sum(step % every == 0 for step in range(40 - start))
    assert makings <= refresh
    assert makings == min(refresh, 40 - start) or (40 - start) % refresh


def test_the_seed_alone_decides_what_is_drawn():
    one, same, other = (dataclasses.replace(RECIPE, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(siren(one, 2, 30.0).linear[0].weight, siren(same, 2, 30.0).linear[0].weight)
    assert not torch.equal(siren(one, 2, 30.0).linear[0].weight, siren(other, 2, 30.0).linear[0].weight)
    first, again, another = (torch.rand(4, generator=draws(recipe)) for recipe in (one, same, other))
    assert torch.equal(first, again)
    assert not torch.equal(first, another)


def test_the_clock_counts_what_the_prior_takes(monkeypatch):
    ticks = iter(range(100))
    monkeypatch.setattr(time, "perf_counter", lambda: float(next(ticks)))

    class Prior(nn.Module):
        def prepare(self, render):
            render()

        def forward(self, images, frames):
            return images + frames

    prior = Prior()
    clock = Clock(prior)
    prior.prepare(lambda: None)
    assert prior(1, 2) == 3
    assert clock.seconds == 2
    assert Clock(None).seconds == 0


@pytest.mark.parametrize(("restart", "expected"), [(True, 1.0), (False, cosine(0.75))])
def test_the_rate_starts_again_only_where_it_is_asked_to(monkeypatch, tmp_path, restart, expected):
    asked = {}

    class StopError(Exception):
        pass

    def fit_film(problem, steps, **settings):
        asked.update(settings, start=problem.start)
        raise StopError

    monkeypatch.setattr(late, "fit_film", fit_film)
    kspace = torch.ones(3, 1, 4, 4, dtype=torch.complex64)
    network = KSpaceINR(siren(RECIPE, 2, 30.0), (4, 4), 1, times=frame_times(3), magnitude=1.0, disc=False)
    model = KSpaceFilm(network, torch.ones(3, 4, 4, dtype=torch.bool), kspace)
    start = round(0.75 * RECIPE.steps)
    with pytest.raises(StopError):
        late.fit_late(
            model,
            nn.Identity(),
            RECIPE,
            draws(RECIPE),
            start=start,
            weight=1.0,
            restart=restart,
            folder=tmp_path,
            progress=False,
        )
    assert asked["start"] == start
    assert asked["schedule"](0.75) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("observed", "batch", "expected"), [((0, 2, 4), 2, 2), ((0, 4), 3, 2), ((0, 1, 4), None, None)]
)
def test_a_step_looks_at_so_many_frames_with_data_and_at_no_more_than_there_are(
    observed, batch, expected, monkeypatch, tmp_path
):
    asked = {}
    monkeypatch.setattr(late, "fit_film", lambda *_, **settings: asked.update(settings))
    masks = torch.zeros(5, 8, 8, dtype=torch.bool)
    masks[list(observed)] = True
    network = KSpaceINR(siren(RECIPE, 2, 30.0), (8, 8), 1, times=frame_times(5), magnitude=1.0, disc=False)
    model = KSpaceFilm(network, masks, torch.ones(5, 1, 8, 8, dtype=torch.complex64))
    recipe = dataclasses.replace(RECIPE, batch=batch)
    priors = (TransportTargets(5, (8, 8), observed, also_observed=also) for also in (False, True))
    for prior in (None, *priors):
        late.fit_late(model, prior, recipe, draws(recipe), start=8, weight=1.0, folder=tmp_path, progress=False)
        assert asked["batch"] == expected
