"""The moving blob as an experiment: every network, prior and control runs, and is judged where it should be."""

import dataclasses
import json

import pytest
import torch

from otrecon.lab import late
from otrecon.lab.blob import BLOB, BlobSettings, trial
from otrecon.lab.blob.settings import BEGIN, CONTROLS, PRIORS, SAMPLINGS
from otrecon.lab.blob.trial import Scan

SMALL = BlobSettings(steps=8, width=8, hidden_layers=1, size=16, frames=7, central=3, outer=3, batch=2)


def run(folder, **settings):
    folder.mkdir(exist_ok=True)
    return trial(dataclasses.replace(SMALL, **settings), folder=folder, progress=False)


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_what_is_sampled_and_judged(sampling):
    scan = Scan(dataclasses.replace(SMALL, sampling=sampling, seed=3))
    sampled = [k for k in range(7) if bool(scan.masks[k].any())]
    expected = {
        "lines": (list(range(7)), []),
        SAMPLINGS[1]: ([0, 2, 4, 6], [1, 3, 5]),
        SAMPLINGS[2]: ([0, 3, 6], [1, 2, 4, 5]),
    }
    assert (scan.observed, scan.missing) == expected[sampling]
    assert sampled == scan.observed
    if sampling == "lines":
        assert bool(scan.masks[:, 7:10].all())
        assert scan.masks[:, :, 0].sum(1).tolist() == 7 * [6]
        assert not torch.equal(scan.masks[0], scan.masks[1])
    judged = scan.judge(scan.truth + 0j)
    assert judged["ssim_observed"] == pytest.approx(1)
    assert (judged["psnr_missing"] is None) == (sampling == "lines")


def test_samples_that_are_held_out_are_predicted(tmp_path):
    whole = Scan(dataclasses.replace(SMALL, sampling="lines"))
    scan = Scan(dataclasses.replace(SMALL, sampling="lines", held_out=0.3))
    assert torch.equal(scan.masks | scan.held, whole.masks)
    assert not bool((scan.masks & scan.held).any())
    assert 0.2 < int(scan.held.sum()) / int(whole.masks.sum()) < 0.4
    assert scan.predicted(scan.truth) == pytest.approx(0, abs=1e-5)
    assert scan.predicted(0 * scan.truth) == pytest.approx(1)
    assert whole.predicted(whole.truth) is None
    assert run(tmp_path, sampling="lines", held_out=0.3)["held_out_error"] > 0
    control = run(tmp_path, sampling="lines", held_out=0.3, model="none", prior="zero-filled")
    assert control["held_out_error"] == pytest.approx(1)


def test_controls_need_no_network(tmp_path):
    found = {name: run(tmp_path, model="none", prior=name)["psnr_missing"] for name in CONTROLS}
    assert found["zero-filled"] < found["nearest frame"] < found["linear"] < found["barycenter of neighbours"]
    assert run(tmp_path, model="none", prior="zero-filled")["ssim_observed"] == pytest.approx(1)


@pytest.mark.parametrize("model", ["image", "k-space"])
@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("sampling", ["lines", "every third frame"])
def test_everything_runs_and_is_ready_for_json(model, prior, sampling, tmp_path):
    found = run(tmp_path, model=model, prior=prior, sampling=sampling)
    film = found.pop("film")
    assert film.shape == (7, 16, 16)
    json.dumps(found, allow_nan=False)
    start = {"none": 1, "targets": 2}.get(prior, 7)  # the seed's sets in when an eleventh is left: at the last step
    assert start <= found["best_step"] <= 8
    assert (found["prior_seconds"] > 0) == (prior != "none")


def test_the_unit_of_the_loss_is_that_of_the_seed(tmp_path, monkeypatch):
    seen = {}
    original = late.fit_film

    def spy(problem, *arguments, **settings):
        seen[len(seen)] = (problem.scale, problem.model.energy)
        return original(problem, *arguments, **settings)

    monkeypatch.setattr(late, "fit_film", spy)
    for settings in ({}, {"reduction": "mean"}, {"prior": "targets"}):
        run(tmp_path / str(len(seen)), **settings)
    energy = seen[0][1]
    assert seen[0][0] == pytest.approx(energy / 2, rel=1e-6)
    assert seen[1][0] == pytest.approx(energy / 2 / (4 * 256), rel=1e-6)
    assert seen[2][0] == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": "images"}, "model must be 'image' or 'k-space' or 'none'"),
        ({"prior": "linear"}, "prior must be 'none' or 'barycenter'"),
        ({"model": "none"}, "prior must be 'zero-filled' or"),
        ({"time_end": 1.5}, "at most 1, or 2 for time from -1 to 1"),
        ({"begin": 1.0}, "begin must be a share of the steps"),
        ({"central": 20}, "at most 16 together"),
        ({"weight": -1.0}, "weight must be at least 0"),
        ({"held_out": 1.0}, "held_out must be a share of the data"),
        ({"sampling": "radial"}, "sampling must be 'lines' or"),
    ],
)
def test_bad_settings_name_the_fix(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(SMALL, **change)


def test_the_paper_plan_has_the_size_and_the_schedule_of_the_seed():
    plan = BLOB.plans["paper"]
    late = plan.config.steps * (1 - BEGIN["barycenter"])
    assert (plan.config.width, plan.config.hidden_layers, plan.config.steps) == (256, 3, 5500)
    assert (plan.config.lr, plan.config.batch) == (3e-4, 2)  # at its rate, and with one frame, runs lose their film
    assert late == pytest.approx(500)
    assert len(plan.over["seed"]) == 5
