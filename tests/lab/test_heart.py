"""The beating heart as an experiment: what is sampled, the way through a file, what is judged, every method."""

import dataclasses
import json
import os

import pytest
import torch

from otrecon.data import load_radial_cine, save_radial_cine
from otrecon.dynamic import barycentric_frames
from otrecon.lab import late
from otrecon.lab.experiments import load, product
from otrecon.lab.heart import HEART, HeartSettings, trial
from otrecon.lab.heart.classical import classical
from otrecon.lab.heart.radial import radial_scan, simulate
from otrecon.lab.heart.rat import line_scan
from otrecon.lab.heart.settings import CLASSICAL, METHODS, NETWORKS, SAMPLINGS
from otrecon.lab.heart.trial import heart_window, judge

SMALL = HeartSettings(steps=8, width=8, hidden_layers=1, size=20, frames=5, spokes=22, coils=2, batch=2, tolerance=0.05)


def changed(**settings):
    return dataclasses.replace(SMALL, **settings)


def run(folder, **settings):
    folder.mkdir(exist_ok=True)
    return trial(changed(**settings), folder=folder, progress=False)


def spokes_of(scan, k):
    """Which of the 22 spokes a frame has, by the angle of its samples."""
    ky, kx = scan.samples.ktrajs[k].double().unflatten(1, (-1, 40))[:, :, -1]
    return (torch.atan2(ky, kx) / torch.pi * 22).round().int().tolist()


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_spokes_offsets_and_frames(sampling, tmp_path):
    scan = radial_scan(changed(sampling=sampling), tmp_path)
    dropped = sampling == SAMPLINGS[1]
    assert (scan.observed, scan.missing) == (([0, 2, 4], [1, 3]) if dropped else ([0, 1, 2, 3, 4], []))
    # 22 spokes do not divide by 5: two frames have one more (erratum 20).
    expected = [list(range(k, 22, 5)) for k in range(5)]
    assert [len(one) for one in expected] == [5, 5, 4, 4, 4]
    for k in range(5):
        assert scan.samples.ktrajs[k] is None if k in scan.missing else spokes_of(scan, k) == expected[k]
    assert [one.shape[1] for one in scan.every.ktrajs] == 5 * [22 * 40]


def test_held_out_spokes_are_kept_from_the_fit_and_predicted(tmp_path):
    whole = radial_scan(changed(), tmp_path)
    scan = radial_scan(changed(held_out=0.3), tmp_path)
    for k in whole.observed:
        kept, held = (one.ktrajs[k].shape[1] // 40 for one in (scan.samples, scan.held))
        assert held == max(1, round(0.3 * (kept + held)))
        assert kept + held == len(spokes_of(whole, k))
    assert whole.predicted(torch.zeros(5, 20, 20) + 0j) is None
    assert scan.predicted(torch.zeros(5, 20, 20) + 0j) == pytest.approx(1)
    assert scan.predicted(torch.zeros(5, 20, 20)) is None  # no phase
    every = run(tmp_path / "all", method="all spokes", held_out=0.3)["held_out_error"]
    assert every < run(tmp_path / "few", method="gridding", held_out=0.3)["held_out_error"]


def test_a_file_of_ones_own_takes_the_same_path(tmp_path):
    ours = run(tmp_path / "simulated", method="iGRASP")
    path = save_radial_cine(tmp_path / "P01.mat", 1e-4 * simulate(SMALL))
    theirs = run(tmp_path / "file", method="iGRASP", file=str(path))
    assert theirs["film"].shape == (5, 20, 20)
    # The unit of the data is of no account, and what it is compared with is another, of the same heart.
    torch.testing.assert_close(theirs["film"], ours["film"], rtol=1e-3, atol=1e-3)
    assert theirs["reference"].max() == pytest.approx(float(ours["reference"].max()), rel=0.15)
    (written,) = (tmp_path / "simulated").glob("phantom-*.mat")
    assert torch.equal(load_radial_cine(written).kdata, simulate(SMALL))


def test_another_scan_in_the_same_folder_is_another_file(tmp_path):
    scans = [radial_scan(changed(seed=seed, snr=snr), tmp_path) for seed, snr in ((0, 40.0), (1, 40.0), (0, 20.0))]
    first = scans[0].every.kdata[0]
    assert not any(torch.allclose(first, scan.every.kdata[0], rtol=1e-3) for scan in scans[1:])
    assert torch.equal(first, radial_scan(SMALL, tmp_path).every.kdata[0])


def test_a_file_with_more_coils_and_an_asymmetric_echo(tmp_path):
    kdata = simulate(changed(coils=4))
    kdata[..., :5] = 0
    path = save_radial_cine(tmp_path / "P02.mat", kdata)
    scan = radial_scan(changed(file=str(path)), tmp_path)
    assert scan.smaps.shape == (2, 20, 20)
    assert scan.samples.ktrajs[0].shape[1] == 5 * 35
    assert run(tmp_path / "run", method="iGRASP", file=str(path))["psnr_observed"] > 12


def test_the_simulated_scan_shows_its_reference(tmp_path):
    found = run(tmp_path, method="all spokes", snr=1e5, size=32, spokes=60)
    assert found["psnr_observed"] > 30
    assert found["ssim_heart_observed"] > 0.98


def test_the_heart_is_where_the_film_varies():
    film = torch.ones(4, 20, 24)
    film[:, 5:12, 9:16] += torch.arange(4)[:, None, None]
    assert heart_window(film, 0.35) == (5, 12, 8, 16)  # 0.35 of 24 are 8 columns: of two places, the first
    assert heart_window(film, 0.01)[1] - heart_window(film, 0.01)[0] == 7  # room for one window of the similarity


def test_judged_apart_on_observed_and_missing_frames_and_around_the_heart(tmp_path):
    scan = radial_scan(changed(), tmp_path)
    window = heart_window(scan.reference, 0.4)
    found = judge(scan.reference, scan, window)
    assert found["ssim_observed"] == found["ssim_heart_missing"] == pytest.approx(1)
    film = scan.reference.clone()
    film[[1, 3], window[0], window[2]] += 0.5
    found = judge(film, scan, window)
    assert found["psnr_observed"] == float("inf")
    assert found["psnr_heart_missing"] < found["psnr_missing"]
    film = scan.reference.clone()
    film[:, 0, 0] += 0.5
    assert judge(film, scan, window)["psnr_heart_observed"] == float("inf")
    whole = radial_scan(changed(sampling="every frame"), tmp_path)
    assert judge(whole.reference, whole, window)["psnr_missing"] is None


@pytest.mark.parametrize("method", METHODS)
def test_every_method_runs_and_is_ready_for_json(method, tmp_path):
    for sampling in SAMPLINGS if method in NETWORKS else SAMPLINGS[1:]:
        found = run(tmp_path / sampling.replace(" ", ""), method=method, sampling=sampling, held_out=0.2)
        film, reference = found.pop("film"), found.pop("reference")
        assert film.shape == reference.shape == (5, 20, 20)
        json.dumps(found, allow_nan=False)
        assert found["held_out_error"] > 0
        assert (found["prior_seconds"] > 0) == ("+" in method)
        assert (found["psnr_missing"] is None) == (sampling == SAMPLINGS[0])
        if "iterations" in found and method in CLASSICAL:
            assert len(found["residuals"]) == len(found["objective"]) == found["iterations"]
            assert found["converged"] == (method != "iGRASP")  # which is not asked to


def test_variation_smooths_frames(tmp_path):
    def edges(**settings):
        found = run(tmp_path / "_".join(map(str, settings.values())), steps=60, method="image + edges + TV", **settings)
        assert found["spatial_weight_used"] == settings["spatial_weight"]
        return float(found["film"].diff(dim=1).abs().sum()) / float(found["film"].sum())

    assert edges(spatial_weight=1.0) < 0.5 * edges(spatial_weight=0.0)


def test_images_by_the_sum_of_squares_predict_no_spokes(tmp_path):
    found = run(tmp_path, method="k-space", combination="sum of squares", held_out=0.2)
    assert found["held_out_error"] is None
    assert bool((found["film"] >= 0).all())


def test_between_frames_lies_what_the_name_says(tmp_path):
    scan = radial_scan(changed(), tmp_path)
    film, _ = classical(changed(method="linear in time", weight=0.02), scan)
    other, _ = classical(changed(method="barycenter in time", weight=0.02), scan)
    torch.testing.assert_close(film[[1, 3]], (film[[0, 2]] + film[[2, 4]]) / 2)
    torch.testing.assert_close(film[[0, 2, 4]], other[[0, 2, 4]])
    torch.testing.assert_close(other, barycentric_frames(other, scan.observed))
    assert not torch.allclose(film[1], other[1], atol=1e-3)


def test_an_interrupted_fit_goes_on_to_the_same_film(tmp_path, monkeypatch):
    whole = run(tmp_path / "whole", method="image + targets")["film"]
    original = late.fit_film

    def stopped(*arguments, **settings):
        def stop(step, loss):
            if step == 3:
                raise KeyboardInterrupt

        return original(*arguments, callback=stop, **settings)

    monkeypatch.setattr(late, "fit_film", stopped)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "parts", method="image + targets")
    monkeypatch.setattr(late, "fit_film", original)
    assert torch.equal(run(tmp_path / "parts", method="image + targets")["film"], whole)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "GRASP"}, "method must be 'all spokes' or 'gridding' or 'iGRASP'"),
        ({"sampling": "spokes"}, "sampling must be 'every frame' or 'every second frame'"),
        ({"data": "mouse"}, "data must be 'phantom'"),
        ({"data": "rat", "file": "P01.mat"}, "file takes the place of the phantom"),
        ({"combination": "sum"}, "combination must be 'maps' or 'sum of squares'"),
        ({"spokes": 9}, "spokes must be at least 10"),
        ({"weight": -1.0}, "weight must be at least 0"),
        ({"time_end": 1.5}, "time_end must be at most 1"),
        ({"held_out": 1.0}, "held_out must be a share of the data"),
        ({"begin": 1.0}, "begin must be a share of the steps"),
        ({"region": 1.5}, "region must be a share of the side"),
        ({"snr": 0.0}, "snr must be positive"),
    ],
)
def test_bad_settings_name_the_fix(change, message):
    with pytest.raises(ValueError, match=message):
        changed(**change)


def test_a_file_that_is_too_short_says_so(tmp_path):
    path = save_radial_cine(tmp_path / "P03.mat", simulate(changed(frames=3))[:2])
    with pytest.raises(ValueError, match="2 frames of 22 spokes: at least 3 frames and 10 spokes are needed"):
        radial_scan(changed(file=str(path)), tmp_path)


def test_the_plans(tmp_path):
    assert load("dynamic-radial") is HEART
    paper = HEART.plans["paper"].config
    assert (paper.size, paper.frames, paper.coils, paper.spokes, paper.acceleration) == (208, 25, 16, 196, 5)
    assert (paper.width, paper.steps) == (256, 10_000)
    assert {one.method for one in product(HEART.plans["cpu"])} == set(METHODS)


def beating(frames=6, size=24):
    y = torch.arange(size).double()[:, None] - 11
    x = torch.arange(size).double() - 13
    radii = 4 + 2 * torch.cos(torch.arange(frames) * 2 * torch.pi / frames)
    return torch.stack(
        [torch.exp(-((y**2 + x**2) / radius**2)) + 0.2 * (y.abs() < 9) * (x.abs() < 9) for radius in radii]
    )


def test_lines_of_a_film_of_magnitudes():
    config = changed(data="rat", acceleration=4, size=16, held_out=0.25)
    scan = line_scan(config, 7 * beating())
    assert scan.reference.shape == (6, 16, 16)
    assert float(scan.reference.max()) == pytest.approx(1)
    assert (scan.observed, scan.missing) == ([0, 2, 4], [1, 3])
    lines = (scan.samples.masks | scan.held.masks)[:, :, 0].sum(1).tolist()
    assert lines == [4, 0, 4, 0, 4, 0]
    assert not bool((scan.samples.masks & scan.held.masks).any())
    assert bool(scan.samples.masks[[0, 2, 4], 8].all())  # the mean of every frame
    assert scan.predicted(scan.reference + 0j) is not None
    assert line_scan(changed(data="rat", size=192), beating()).reference.shape == (6, 24, 24)


@pytest.mark.parametrize("method", ["all spokes", "temporal TV", "linear in time", "k-space", "image + targets"])
def test_methods_on_lines(method, tmp_path, monkeypatch):
    monkeypatch.setattr("otrecon.lab.heart.rat._rat", beating)
    found = run(tmp_path, data="rat", method=method, size=24, acceleration=3)
    assert found["film"].shape == (6, 24, 24)
    assert found["psnr_missing"] > (50 if method == "all spokes" else 3)


@pytest.mark.realdata
@pytest.mark.skipif(not os.environ.get("OTRECON_DATA"), reason="OTRECON_DATA is not set")
def test_the_rat(tmp_path):
    found = run(tmp_path, data="rat", method="linear in time", size=64, acceleration=4, tolerance=1e-2)
    assert found["film"].shape == (8, 64, 64)
    assert found["psnr_heart_missing"] > 15
