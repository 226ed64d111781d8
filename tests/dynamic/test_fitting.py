"""A film and its prior: when it sets in, which weights are kept, and that an interruption changes nothing."""

import pytest
import torch
from torch import nn

from otrecon.dynamic import (
    BarycenterPrior,
    FilmFit,
    FilmModel,
    ImageFilm,
    KSpaceFilm,
    PriorSum,
    RadialKSpaceFilm,
    SpatialTV,
    TransportTargets,
    WassersteinPath,
    fit_film,
)
from otrecon.fourier import fft2c, ifft2c
from otrecon.inr import ImageINR, KSpaceINR, Siren, frame_times
from otrecon.mri import CartesianMRI, radial_trajectory
from otrecon.phantoms import moving_blob

TRUTH = moving_blob(6, (14, 16))
OBSERVED = (0, 2, 4)


def problem(kind, model="image", **settings):
    size = tuple(TRUTH.shape[1:])
    observed = list(OBSERVED)
    full = fft2c(TRUTH + 0j)
    network = Siren(3, 16, 1, 2, generator=torch.Generator().manual_seed(0))
    if model == "image":
        one = CartesianMRI(torch.ones(size, dtype=torch.bool))
        operators, data = [None] * 6, [None] * 6
        for k in observed:
            operators[k], data[k] = one, full[k, None]
        film = ImageFilm(ImageINR(network, size, times=frame_times(6)), operators, data)
    elif model == "radial":
        kspace = KSpaceINR(network, size, 1, times=frame_times(6), magnitude=float(full.abs().max()))
        ktrajs = [radial_trajectory(4, 16, first_spoke=k) if k in observed else None for k in range(6)]
        data = [None if one is None else full[k].flatten()[None, : one.shape[1]] for k, one in enumerate(ktrajs)]
        film = RadialKSpaceFilm(kspace, ktrajs, data)
    else:
        masks = torch.zeros(6, *size, dtype=torch.bool)
        masks[observed] = True
        kspace = KSpaceINR(network, size, 1, times=frame_times(6), magnitude=float(full.abs().max()), disc=False)
        film = KSpaceFilm(kspace, masks, full[:, None])
    generator = torch.Generator().manual_seed(1)
    priors = {
        "barycenter": lambda: BarycenterPrior(generator=generator),
        "path": WassersteinPath,
        "targets": lambda: TransportTargets(6, size, OBSERVED, refresh=4),
        "targets and variation": lambda: PriorSum(
            (TransportTargets(6, size, OBSERVED, refresh=4), SpatialTV(6)), (1.0, 0.1)
        ),
        "none": lambda: None,
    }
    return FilmFit(film, priors[kind](), **settings), generator


class Still(FilmModel):
    count, observed = 2, (0,)

    def forward(self, frames, drawn=None):
        return torch.zeros((), requires_grad=True), torch.ones(len(frames if drawn is None else drawn), 3, 3)


class Counting(nn.Module):
    def __init__(self):
        super().__init__()
        self.calls = 0

    def forward(self, images, frames):
        self.calls += 1
        assert len(images) == len(frames) == 2
        return images.mean()


def test_the_prior_sets_in_late_and_rises():
    prior = Counting()
    fit = FilmFit(Still(), prior, weight=8.0, start=3, ramp_steps=3)
    losses = [float(fit().detach()) for _ in range(8)]
    assert losses == [0, 0, 0, 2, 4, 6, 8, 8]
    assert prior.calls == 5
    assert fit.settled == 6


def test_misfits_of_frames_add_up_to_that_of_the_film():
    for model in ("image", "k-space"):
        film = problem("none", model)[0].model
        misfit, images = film(torch.arange(6))
        parts = [film(torch.tensor([k])) for k in range(6)]
        torch.testing.assert_close(torch.stack([part for part, _ in parts]).sum(), misfit)
        torch.testing.assert_close(torch.cat([image for _, image in parts]), images)
        torch.testing.assert_close(film.render(), images.detach())
        # Frames are sampled in full: by Parseval the misfit is that of images, with their phase.
        seen = images.detach() if model == "image" else ifft2c(film.network.kspace().detach())[:, 0]
        expected = (seen - TRUTH)[list(OBSERVED)].abs().square().sum() / TRUTH[list(OBSERVED)].square().sum()
        torch.testing.assert_close(misfit.detach(), expected, rtol=1e-4, atol=0)


def test_batches_of_frames_stand_for_all():
    fit, _ = problem("none")
    assert fit.pool == OBSERVED
    whole = fit().detach()
    parts = torch.stack([fit(torch.tensor([k])).detach() for k in range(3)])
    torch.testing.assert_close(parts.mean(), whole)
    aimed, _ = problem("targets", weight=5.0)
    assert aimed.pool == OBSERVED
    assert aimed.brought == {0: (), 2: (1,), 4: (3,)}
    aimed().detach()
    aimed.prior.steps.fill_(1)
    parts = torch.stack([aimed(torch.tensor([k])).detach() for k in range(3)])
    aimed.prior.steps.fill_(1)
    torch.testing.assert_close(parts.mean(), aimed().detach())


def test_no_batch_is_without_data_and_each_frame_that_is_aimed_at_comes_once_a_pass():
    class Aimed(nn.Module):
        by_frames, aimed = True, (0, 2, 3, 4, 6)

        def __init__(self):
            super().__init__()
            self.seen = []

        def forward(self, images, frames):
            self.seen.append(frames.tolist())
            return images.mean()

    prior, model = Aimed(), Still()
    model.count, model.observed = 7, (1, 3, 5)
    fit = FilmFit(model, prior)
    for k in range(3):
        fit(torch.tensor([k]))
    assert prior.seen == [[1, 4], [0, 3, 6], [2, 5]]
    fit()
    assert prior.seen[-1] == list(range(7))


def test_few_frames_come_along_with_a_neighbour():
    def beside(count, step):
        model, prior = Still(), SpatialTV(count)
        model.count, model.observed = count, tuple(range(0, count, step))
        brought = FilmFit(model, prior).brought
        assert sorted(k for along in brought.values() for k in along) == [k for k in range(count) if k % step]
        return sum(abs(k - seen) == 1 for seen, along in brought.items() for k in along)

    assert [beside(count, 2) for count in (8, 9, 10, 25)] == [0, 0, 0, 0]
    assert beside(10, 3) <= 2


def gradients(loss, fit):
    loss.backward()
    found = [one.grad for one in fit.model.parameters()]
    fit.zero_grad(set_to_none=True)
    return found


@pytest.mark.parametrize("model", ["image", "k-space", "radial"])
def test_a_random_triplet_pulls_as_if_the_whole_film_were_drawn(model):
    fit, generator = problem("barycenter", model, weight=1e4, scale=2.0)
    for _ in range(4):
        state = generator.get_state()
        value = fit()
        found = gradients(value, fit)
        generator.set_state(state)
        misfit, film = fit.model(torch.arange(6))
        penalty = fit.prior(film)
        assert float(1e4 * penalty.detach()) > 0.02 * float(value.detach())
        torch.testing.assert_close(value, 2 * misfit + 1e4 * penalty)
        for one, other in zip(found, gradients(2 * misfit + 1e4 * penalty, fit), strict=True):
            torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5 * float(other.abs().max()))


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("image", {(0, 1, 2, 4), (0, 1, 2, 3, 4), (0, 2, 3, 4), (0, 2, 3, 4, 5)}),
        ("k-space", {(0, 1, 2, 4), (0, 1, 2, 3, 4), (0, 2, 3, 4), (0, 2, 3, 4, 5)}),
        ("radial", {(k, k + 1, k + 2) for k in range(4)}),
    ],
)
def test_no_frame_is_drawn_but_those_of_the_triplet_and_of_the_data(model, expected, monkeypatch):
    fit, _ = problem("barycenter", model)
    network, drawn = fit.model.network, set()
    name = "forward" if model == "image" else "kspace"
    original = getattr(network, name)

    def spy(*arguments, **settings):
        pixels = TRUTH[0].numel()
        if model == "image":
            drawn.add(tuple((arguments[0][::pixels] // pixels).tolist()))
        else:
            drawn.add(tuple((settings["times"] * 5).round().int().tolist()))
        return original(*arguments, **settings)

    monkeypatch.setattr(network, name, spy)
    monkeypatch.setattr(fit.prior, "targets", lambda pairs: pairs.mean(1))  # quick
    for _ in range(25):
        fit()
    assert drawn == expected


@pytest.mark.parametrize("kind", ["barycenter", "path"])
def test_all_data_are_looked_at_beside_a_prior_of_all_frames_or_batches_go_on(kind):
    def losses(**settings):
        fit, _ = problem(kind, weight=0.0, scale=3.0, **settings)
        return fit, torch.stack([fit(torch.tensor([k])).detach() for k in range(3)])

    fit, all_data = losses()
    whole = 3 * fit.model.misfit(torch.arange(6)).detach()
    torch.testing.assert_close(all_data, whole.expand(3))
    _, batches = losses(keep_batches=True)
    assert float(batches.std()) > 0.01 * float(whole)
    torch.testing.assert_close(batches.mean(), whole)
    # The prior is the same beside any batch.
    values = [problem(kind, weight=1e3, keep_batches=True)[0](torch.tensor([k])).detach() for k in range(3)]
    torch.testing.assert_close(torch.stack(values) - batches / 3, (values[0] - batches[0] / 3).expand(3))


@pytest.mark.parametrize(
    ("kind", "model", "batch"),
    [
        ("barycenter", "image", None),
        ("barycenter", "radial", 2),
        ("path", "image", 2),
        ("targets", "image", 2),
        ("targets", "k-space", None),
        ("targets and variation", "image", 2),
    ],
)
def test_an_interruption_changes_nothing(kind, model, batch, tmp_path):
    def run(stop=None, checkpoint=None):
        fit, generator = problem(kind, model, start=5, keep_batches=model == "radial")

        def callback(step, _loss):
            if step + 1 == stop:
                raise KeyboardInterrupt

        settings = {"generator": generator, "checkpoint": checkpoint, "checkpoint_every": 3, "batch": batch}
        found = fit_film(fit, 16, callback=callback, **settings)
        return (found.history, found.best_step, found.best_loss), fit.model.render()

    account, film = run()
    for stop in (4, 7, 11):
        path = tmp_path / f"{stop}"
        with pytest.raises(KeyboardInterrupt):
            run(stop, path)
        resumed, again = run(None, path)
        assert resumed == account
        assert torch.equal(again, film)


def test_weights_from_before_the_prior_are_not_kept():
    fit, generator = problem("path", start=30, weight=1e4)
    found = fit_film(fit, 40, generator=generator, lr=5e-3, judge_from=30)
    assert found.best_step > 30
    assert found.best_loss > min(found.history[:30])


@pytest.mark.parametrize("batch", [None, 2])
def test_a_prior_leaves_the_last_weights_unless_others_are_asked_for(batch):
    def run(kind="targets", **settings):
        fit, generator = problem(kind, start=20 if kind == "targets" else 0)
        # A rate that starts again high throws the fit back: the lowest loss is that of the first weights judged.
        rate = {"schedule": lambda done: 0.1 if done < 0.5 else 8.0}
        found = fit_film(fit, 40, generator=generator, lr=5e-3, batch=batch, **rate, **settings)
        return found, fit.model.render()

    usual, last = run()
    asked, least = run(judge_from=20)
    assert usual.history == asked.history
    assert usual.best_step >= 39
    assert asked.best_step <= 24
    assert not torch.equal(last, least)
    assert run("none")[0].best_step <= 24


def test_targets_fill_missing_frames():
    def missing(kind, **settings):
        fit, generator = problem(kind, **settings)
        fit_film(fit, 250, generator=generator, lr=5e-3, batch=2)
        return float((fit.model.render()[[1, 3]] - TRUTH[[1, 3]]).abs().square().mean())

    assert missing("targets", ramp_steps=40) < 0.2 * missing("none")


def test_bad_input_names_the_fix():
    fit, _ = problem("path", start=30)
    with pytest.raises(ValueError, match="full weight after 30 steps; take more than 20"):
        fit_film(fit, 20)
    for weight in (-1.0, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="weight must be at least 0, and finite"):
            problem("path", weight=weight)
    for judge_from in (29, 41):
        with pytest.raises(ValueError, match=f"judge_from must be from 30 to 40, got {judge_from}"):
            fit_film(problem("path", start=30)[0], 40, judge_from=judge_from)
    for prior in (SpatialTV(3), type("Careless", (nn.Module,), {"by_frames": True})()):
        with pytest.raises(ValueError, match="must list as aimed the frames that it wants to see, of 0 to 1, got"):
            FilmFit(Still(), prior)
    with pytest.raises(ValueError, match="scale must be positive"):
        problem("path", scale=0.0)
    fit, generator = problem("barycenter")
    with pytest.raises(ValueError, match="give both the same"):
        fit_film(fit, 3, checkpoint="fit.pt", generator=torch.Generator().manual_seed(1))
    fit_film(fit, 3, generator=generator)
    with pytest.raises(ValueError, match=r"has counted \d steps already"):
        fit_film(fit, 3, generator=generator)
    network = Siren(3, 8, 1, 2, generator=torch.Generator().manual_seed(0))
    image, space = ImageINR(network, (4, 5), times=frame_times(2)), KSpaceINR(network, (4, 5), 1, times=frame_times(2))
    one, data = CartesianMRI(torch.ones(4, 5, dtype=torch.bool)), torch.ones(1, 4, 5) + 0j
    with pytest.raises(ValueError, match="2 frames need as many operators and data, got 1 and 2"):
        ImageFilm(image, [one], [data, data])
    with pytest.raises(ValueError, match="frame 1 has one of operators and data and not the other"):
        ImageFilm(image, [one, one], [data, None])
    with pytest.raises(ValueError, match="frames with data must be at least 1 of the frames 0 to 1"):
        ImageFilm(image, [None, None], [None, None])
    with pytest.raises(ValueError, match="no frame has data"):
        KSpaceFilm(space, torch.zeros(2, 4, 5, dtype=torch.bool), torch.ones(2, 1, 4, 5) + 0j)
    everywhere = torch.ones(2, 4, 5, dtype=torch.bool)
    with pytest.raises(TypeError, match=r"masks must be a boolean tensor, got torch.float32: write masks > 0"):
        KSpaceFilm(space, everywhere.float(), torch.ones(2, 1, 4, 5) + 0j)
    for value in (0.0, torch.nan):
        with pytest.raises(ValueError, match="all zero, or not finite"):
            KSpaceFilm(space, everywhere, value * torch.ones(2, 1, 4, 5) + 0j)
    with pytest.raises(TypeError, match="network must be of class KSpaceINR, got ImageINR"):
        KSpaceFilm(image, everywhere, torch.ones(2, 1, 4, 5) + 0j)
    with pytest.raises(TypeError, match="network must be of class ImageINR, got KSpaceINR"):
        ImageFilm(space, [one, one], [data, data])
    with pytest.raises(ValueError, match="masks and data must be"):
        KSpaceFilm(space, torch.ones(2, 4, 5, dtype=torch.bool), torch.ones(2, 4, 5) + 0j)
    still = ImageINR(Siren(2, 8, 1, 2, generator=torch.Generator().manual_seed(0)), (4, 5))
    with pytest.raises(ValueError, match="give it times=frame_times"):
        ImageFilm(still, [one], [data])
