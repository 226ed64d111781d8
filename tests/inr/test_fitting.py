"""The loop: the best weights, seeds, interruption and resumption to the last bit, and failures that lose nothing."""

import math
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch

from otrecon.inr import (
    FourierFeatures,
    ImageINR,
    KSpaceINR,
    Mlp,
    Siren,
    constant,
    cosine,
    fit,
    frame_times,
    pixel_coordinates,
)
from otrecon.inr.interruption import Interruption

ROOT = Path(__file__).resolve().parents[2]
PLACES = pixel_coordinates((8, 9)).reshape(-1, 2)
TRUTH = torch.sin(3 * PLACES[:, :1]) * PLACES[:, 1:]


def problem(seed=0):
    network = Siren(2, 16, 1, 1, generator=torch.Generator().manual_seed(seed))

    def objective(indices):
        chosen = slice(None) if indices is None else indices
        return (network(PLACES[chosen]) - TRUTH[chosen]).square().mean()

    return network, objective


def weights(network):
    return torch.cat([value.detach().flatten() for value in network.parameters()])


def batches(seed=1):
    return {"places": 72, "batch": 20, "generator": torch.Generator().manual_seed(seed)}


def test_it_fits():
    network, objective = problem()
    found = fit(network, objective, 300)
    assert len(found.history) == 300
    assert found.best_loss < 1e-2 * found.history[0]
    assert objective(None).item() == found.best_loss


def test_the_best_weights_are_kept_and_not_the_last():
    network, objective = problem()
    # So large a rate climbs out of every valley.
    found = fit(network, objective, 60, lr=0.5, schedule=constant)
    assert found.best_loss == min(found.history) < found.history[-1]
    assert found.history[found.best_step] == found.best_loss


def test_the_weights_after_the_last_step_are_judged_too():
    network, objective = problem()
    found = fit(network, objective, 1)
    assert found.best_step == 1
    assert found.best_loss < found.history[0]
    assert objective(None).item() == found.best_loss


def test_a_run_shorter_than_a_pass_keeps_what_it_has_learned():
    network, objective = problem()
    before = weights(network)
    found = fit(network, objective, 2, **batches())
    assert not torch.equal(weights(network), before)
    assert found.best_loss == pytest.approx(sum(found.history) / 2)


def test_with_mini_batches_the_best_is_that_of_a_whole_pass():
    network, objective = problem()
    found = fit(network, objective, 100, **batches())
    # A pass through 72 places by 20 has three steps; twelve places are left out of each.
    passes = [sum(found.history[k - 2 : k + 1]) / 3 for k in range(2, 100)]
    assert found.best_loss == pytest.approx(min(passes), rel=1e-12)
    assert found.best_step == 2 + passes.index(min(passes))


def test_a_pass_draws_every_place_at_most_once():
    network, _ = problem()
    drawn = []

    def objective(indices):
        drawn.append(indices)
        return network(PLACES[indices]).square().mean()

    fit(network, objective, 6, **batches())
    for start in (0, 3):
        together = torch.cat(drawn[start : start + 3])
        assert len(together.unique()) == 60
    assert not torch.equal(drawn[0], drawn[3])


def test_the_schedules():
    assert constant(0.3) == 1
    assert cosine(0.0) == 1
    assert cosine(1.0) == pytest.approx(0.01)
    assert cosine(0.5) == pytest.approx(0.505)
    network, objective = problem()
    rates = []
    fit(network, objective, 4, schedule=lambda done: rates.append(done) or 1.0)
    assert rates == [0, 0.25, 0.5, 0.75]


@pytest.mark.parametrize("extra", [dict, batches])
def test_the_same_seed_gives_the_same_run(extra):
    runs = []
    for _ in range(2):
        network, objective = problem()
        runs.append((fit(network, objective, 50, **extra()).history, weights(network)))
    assert runs[0][0] == runs[1][0]
    assert torch.equal(runs[0][1], runs[1][1])


def interrupt_at(step):
    def callback(here, _loss):
        if here == step:
            raise KeyboardInterrupt

    return callback


@pytest.mark.parametrize("step", [0, 17, 48])
@pytest.mark.parametrize("extra", [dict, batches])
def test_interrupted_and_resumed_it_is_the_same_run(tmp_path, step, extra):
    network, objective = problem()
    whole = fit(network, objective, 50, **extra())
    expected = weights(network)

    network, objective = problem()
    path = tmp_path / "run" / "fit.pt"
    with pytest.raises(KeyboardInterrupt):
        fit(network, objective, 50, callback=interrupt_at(step), checkpoint=path, **extra())
    # Another network and another generator: all that matters is in the file.
    network, objective = problem(seed=3)
    settings = extra()
    if settings:
        settings["generator"].manual_seed(99)
    resumed = fit(network, objective, 50, checkpoint=path, **settings)
    assert resumed.history == whole.history
    assert (resumed.best_step, resumed.best_loss) == (whole.best_step, whole.best_loss)
    assert torch.equal(weights(network), expected)


def test_interrupted_within_a_step_the_checkpoint_before_it_stands(tmp_path):
    network, objective = problem()
    whole = fit(network, objective, 50, **batches())
    network, objective = problem()
    calls = []

    def interrupted(indices):
        calls.append(indices)
        if len(calls) == 30:
            raise KeyboardInterrupt
        return objective(indices)

    path = tmp_path / "fit.pt"
    with pytest.raises(KeyboardInterrupt):
        fit(network, interrupted, 50, checkpoint=path, checkpoint_every=20, **batches())
    network, objective = problem(seed=3)
    assert fit(network, objective, 50, checkpoint=path, **batches()).history == whole.history


def test_a_finished_run_is_not_run_again(tmp_path):
    path = tmp_path / "fit.pt"
    network, objective = problem()
    first = fit(network, objective, 30, checkpoint=path)
    expected = weights(network)
    network, _ = problem(seed=3)
    again = fit(network, lambda _: pytest.fail("a step was taken"), 30, checkpoint=path)
    assert again.history == first.history
    assert torch.equal(weights(network), expected)


SCRIPT = textwrap.dedent(
    """
    import signal, sys, torch
    # A job in the background is born with interruptions ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    from tests.inr.test_fitting import batches, problem, weights
    from otrecon.inr import fit
    torch.set_num_threads(1)
    network, objective = problem()

    def tell(step, loss):
        print(step, flush=True)
        if step == 120 and sys.argv[3] == "wait":
            sys.stdin.readline()

    found = fit(network, objective, 400, checkpoint=sys.argv[1], checkpoint_every=50, callback=tell, **batches())
    torch.save((found.history, weights(network)), sys.argv[2])
    """
)


def launch(*arguments):
    command = [sys.executable, "-c", SCRIPT, *map(str, arguments)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="signals of this kind are POSIX's")
@pytest.mark.parametrize("blow", ["SIGKILL", "SIGINT"])
def test_a_process_that_is_killed_is_resumed_to_the_same_result(tmp_path, blow):
    with launch(tmp_path / "whole.pt", tmp_path / "whole", "go") as process:
        process.communicate()
    with launch(tmp_path / "fit.pt", tmp_path / "part", "wait") as process:
        for line in process.stdout:
            if int(line) == 120:
                break
        os.kill(process.pid, getattr(signal, blow))
        if blow == "SIGINT":
            process.stdin.write("\n")
        _, complaint = process.communicate()
    assert process.returncode != 0
    assert ("KeyboardInterrupt" in complaint) == (blow == "SIGINT")
    assert not (tmp_path / "part").exists()
    with launch(tmp_path / "fit.pt", tmp_path / "part", "go") as process:
        steps = process.communicate()[0].split()
    # Killed, it goes on from the last checkpoint; interrupted, from where it was.
    assert steps[0] == {"SIGKILL": "100", "SIGINT": "121"}[blow]
    whole, part = torch.load(tmp_path / "whole"), torch.load(tmp_path / "part")
    assert part[0] == whole[0]
    assert torch.equal(part[1], whole[1])


def test_an_objective_that_draws_is_resumed_too(tmp_path):
    def noisy(network, generator):
        def objective(_indices):
            noise = 0.1 * torch.randn(TRUTH.shape, generator=generator)
            return (network(PLACES) - TRUTH - noise).square().mean()

        return objective

    runs = []
    for path, stop in ((None, None), (tmp_path / "fit.pt", 7), (tmp_path / "fit.pt", None)):
        network, _ = problem()
        generator = torch.Generator().manual_seed(5 if stop or path is None else 77)
        settings = {"generator": generator, "checkpoint": path}
        if stop:
            with pytest.raises(KeyboardInterrupt):
                fit(network, noisy(network, generator), 20, callback=interrupt_at(stop), **settings)
        else:
            runs.append(fit(network, noisy(network, generator), 20, **settings).history)
    assert runs[0] == runs[1]


def test_whatever_ends_a_run_the_best_weights_stay():
    network, objective = problem()
    seen = []

    def failing(step, loss):
        seen.append(loss)
        if step == 30:
            raise RuntimeError("no plot")

    with pytest.raises(RuntimeError, match="no plot"):
        fit(network, objective, 60, lr=0.5, schedule=constant, callback=failing)
    assert objective(None).item() == min(seen)


def test_interruptions_of_a_process_that_ignores_them_stay_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        network, objective = problem()
        strike = lambda step, _loss: os.kill(os.getpid(), signal.SIGINT) if step == 3 else None  # noqa: E731
        assert len(fit(network, objective, 10, callback=strike).history) == 10
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_loss_that_is_not_a_number_stops_and_keeps_the_best():
    network, objective = problem()
    calls = []

    def breaking(indices):
        calls.append(objective(indices))
        return calls[-1] * (math.nan if len(calls) == 23 else 1.0)

    with pytest.raises(FloatingPointError, match=r"the loss is nan at step 22: lower lr.*those after \d+ steps"):
        fit(network, breaking, 50)
    assert objective(None).item() == min(float(loss.detach()) for loss in calls[:22])


def test_a_gradient_that_is_not_a_number_stops_before_it_does_harm(tmp_path):
    network, _ = problem()
    path = tmp_path / "fit.pt"

    def rooted(_indices):
        return (network(PLACES) * 0).abs().sqrt().sum() + 1

    with pytest.raises(FloatingPointError, match="the gradient is not finite at step 0"):
        fit(network, rooted, 5, checkpoint=path)
    assert not path.exists()
    assert bool(torch.isfinite(weights(network)).all())


def test_a_damaged_checkpoint_is_refused_and_stays(tmp_path):
    path = tmp_path / "fit.pt"
    network, objective = problem()
    fit(network, objective, 10, checkpoint=path)
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"", b"not a checkpoint"):
        path.write_bytes(damaged)
        before = weights(network)
        with pytest.raises(ValueError, match="damaged: move it away to start afresh"):
            fit(network, objective, 10, checkpoint=path)
        assert path.read_bytes() == damaged
        assert torch.equal(weights(network), before)
    path.write_bytes(whole)
    for changed, what in (
        ({"lr": 1e-2}, "another lr"),
        ({"schedule": constant}, "another schedule"),
        ({"steps": 20}, "another steps"),
        ({"generator": torch.Generator().manual_seed(0)}, "another generator"),
        (batches(), "another generator, another places, another batch"),
    ):
        with pytest.raises(ValueError, match=f"belongs to another run, which had {what}"):
            fit(network, objective, **{"steps": 10, "checkpoint": path, **changed})
    faster = Siren(2, 16, 1, 1, omega_0=3.0, generator=torch.Generator().manual_seed(0))
    with pytest.raises(ValueError, match="another network"):
        fit(faster, objective, 10, checkpoint=path)


def test_a_checkpoint_tells_models_apart_that_differ_in_what_is_no_weight(tmp_path):
    def network():
        return Siren(3, 8, 1, 2, generator=torch.Generator().manual_seed(0))

    def learn(model, name):
        film = model if isinstance(model, ImageINR) else model.kspace
        fit(model, lambda _: film().abs().square().sum(), 3, checkpoint=tmp_path / name)

    fast, slow = frame_times(2), frame_times(2, end=0.5)
    learn(ImageINR(network(), (4, 5), times=fast), "image")
    learn(KSpaceINR(network(), (4, 5), 1, times=fast), "kspace")
    others = {
        "image": ImageINR(network(), (4, 5), times=slow),
        "kspace": KSpaceINR(network(), (4, 5), 1, times=fast, magnitude=50.0),
    }
    for name, other in others.items():
        with pytest.raises(ValueError, match="another network"):
            learn(other, name)


@pytest.mark.parametrize("rate", [float("nan"), -1.0])
def test_a_schedule_that_gives_no_rate_is_told_so(rate):
    network, objective = problem()
    with pytest.raises(ValueError, match=r"the schedule must give a number from 0 on; at step 3"):
        fit(network, objective, 10, schedule=lambda done: rate if done >= 0.3 else 1.0)


def test_a_checkpoint_tells_draws_of_frequencies_apart(tmp_path):
    for bandwidth in (0.5, 8.0):
        encoding = FourierFeatures.gaussian(2, 8, bandwidth, generator=torch.Generator().manual_seed(0))
        network = Mlp(2, 8, 1, 1, encoding=encoding, generator=torch.Generator().manual_seed(0))

        def learn(network=network):
            fit(network, lambda _: (network(PLACES) - TRUTH).square().mean(), 3, checkpoint=tmp_path / "fit")

        if bandwidth == 0.5:
            learn()
            continue
        with pytest.raises(ValueError, match="another network"):
            learn()


def test_a_folder_is_no_checkpoint(tmp_path):
    network, objective = problem()
    with pytest.raises(IsADirectoryError, match="is a folder: give the path of a file"):
        fit(network, objective, 3, checkpoint=tmp_path)


def test_progress_tells_what_a_checkpoint_holds(tmp_path, capfd):
    for words in ("", "holds 10 of 10 steps: nothing is left to do."):
        network, objective = problem()
        fit(network, objective, 10, checkpoint=tmp_path / "fit", progress=True)
        assert words in capfd.readouterr().err


def test_an_interruption_after_the_last_look_is_not_lost():
    interruption = Interruption()
    interruption.__enter__()
    interruption.obey()
    interruption._note(signal.SIGINT, None)  # as from the keyboard, which a test under xdist does not hear
    with pytest.raises(KeyboardInterrupt):
        interruption.__exit__(None, None, None)
    assert not interruption.asked


def test_a_full_disk_leaves_the_checkpoint_before(tmp_path, monkeypatch):
    path = tmp_path / "fit.pt"
    network, objective = problem()
    fit(network, objective, 10, checkpoint=path)
    before = path.read_bytes()

    def full(_state, file):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    path.rename(tmp_path / "kept")
    with pytest.raises(OSError, match="the one before it, if any, is untouched: make room"):
        fit(network, objective, 10, checkpoint=path)
    assert (tmp_path / "kept").read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["kept"]


def test_progress_off_a_terminal_is_a_line_every_tenth(capfd):
    network, objective = problem()
    fit(network, objective, 40, progress=True)
    lines = capfd.readouterr().err.splitlines()
    assert [line.split(",")[0] for line in lines] == [f"step {k} of 40" for k in range(4, 41, 4)]
    fit(network, objective, 5)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"steps": 0}, ValueError, "steps must be at least 1"),
        ({"steps": 2.5}, TypeError, "steps must be an integer"),
        ({"lr": 0.0}, ValueError, "lr must be positive"),
        ({"lr": math.nan}, ValueError, "lr must be positive"),
        ({"batch": 3}, ValueError, "places and batch go together"),
        ({"places": 3}, ValueError, "places and batch go together"),
        ({"places": 3, "batch": 4}, ValueError, "at most the 3 places"),
        ({"places": 3, "batch": 2}, TypeError, "torch.Generator"),
        ({"places": 3, "batch": 2, "generator": 7}, TypeError, "got the seed 7"),
        ({"checkpoint_every": 0}, ValueError, "checkpoint_every must be"),
    ],
)
def test_what_is_no_setting(settings, error, message):
    network, objective = problem()
    with pytest.raises(error, match=message):
        fit(network, objective, **{"steps": 5, **settings})


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda loss: float(loss.detach()), TypeError, "must return a real scalar .* got float"),
        (lambda loss: loss.detach(), TypeError, "that depends on the network"),
        (lambda loss: torch.stack([loss, loss]), TypeError, r"got a tensor \(2,\)"),
        (lambda loss: loss + 0j, TypeError, "complex64"),
    ],
)
def test_what_is_no_loss(change, error, message):
    network, objective = problem()
    with pytest.raises(error, match=message):
        fit(network, lambda indices: change(objective(indices)), 3)


def test_another_network_is_noticed():
    network, _ = problem()
    _, objective = problem()
    with pytest.raises(ValueError, match="does not depend on the parameters of this network"):
        fit(network, objective, 3)
