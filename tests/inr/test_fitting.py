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

from otrecon.inr import Siren, constant, cosine, fit, pixel_coordinates

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
    assert found.finished
    assert (found.steps, len(found.history)) == (300, 300)
    assert found.best_loss < 1e-2 * found.history[0]
    assert objective(None).item() == found.best_loss


def test_the_best_weights_are_kept_and_not_the_last():
    network, objective = problem()
    # So large a rate climbs out of every valley.
    found = fit(network, objective, 60, lr=0.5, schedule=constant)
    assert found.best_loss == min(found.history) < found.history[-1]
    assert found.history[found.best_step] == found.best_loss
    assert objective(None).item() == found.best_loss


def test_with_mini_batches_the_best_is_that_of_a_whole_pass():
    network, objective = problem()
    found = fit(network, objective, 100, **batches())
    passes = [sum(found.history[k - 3 : k + 1]) / 4 for k in range(3, 100)]
    assert found.best_loss == pytest.approx(min(passes), rel=1e-12)
    assert found.best_step == 3 + passes.index(min(passes))


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
    part = fit(network, objective, 50, callback=interrupt_at(step), checkpoint=path, **extra())
    assert not part.finished
    assert part.steps == step + 1
    # Another network and another generator: all that matters is in the file.
    network, objective = problem(seed=3)
    settings = extra()
    if settings:
        settings["generator"].manual_seed(99)
    resumed = fit(network, objective, 50, checkpoint=path, **settings)
    assert resumed.finished
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
    assert fit(network, interrupted, 50, checkpoint=path, checkpoint_every=20, **batches()).steps == 29
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
    import sys, torch
    from tests.inr.test_fitting import batches, problem, weights
    from otrecon.inr import fit
    torch.set_num_threads(1)
    network, objective = problem()
    tell = lambda step, loss: print(step, flush=True)
    found = fit(network, objective, 400, checkpoint=sys.argv[1], checkpoint_every=50, callback=tell, **batches())
    torch.save((found.finished, found.history, weights(network)), sys.argv[2])
    """
)


def launch(*arguments):
    command = [sys.executable, "-c", SCRIPT, *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGINT])
def test_a_process_that_is_killed_is_resumed_to_the_same_result(tmp_path, blow):
    with launch(tmp_path / "whole.pt", tmp_path / "whole") as process:
        process.communicate()
    with launch(tmp_path / "fit.pt", tmp_path / "part") as process:
        for line in process.stdout:
            if int(line) == 120:
                break
        os.kill(process.pid, blow)
        process.communicate()
    if blow == signal.SIGINT:
        assert process.returncode == 0
        assert torch.load(tmp_path / "part")[0] is False
    else:
        assert process.returncode == -signal.SIGKILL
        assert not (tmp_path / "part").exists()
    with launch(tmp_path / "fit.pt", tmp_path / "part") as process:
        steps = process.communicate()[0].split()
    assert len(steps) < 400
    whole, part = torch.load(tmp_path / "whole"), torch.load(tmp_path / "part")
    assert part[0] is True
    assert part[1] == whole[1]
    assert torch.equal(part[2], whole[2])


def test_a_loss_that_is_not_a_number_stops_and_keeps_the_best():
    network, objective = problem()
    calls = []

    def breaking(indices):
        calls.append(objective(indices))
        return calls[-1] * (math.nan if len(calls) == 23 else 1.0)

    with pytest.raises(FloatingPointError, match=r"nan at step 22: lower lr=0.001.*weights of step \d+, the best"):
        fit(network, breaking, 50)
    assert objective(None).item() == min(float(loss.detach()) for loss in calls[:22])


def test_a_damaged_checkpoint_is_refused_and_stays(tmp_path):
    path = tmp_path / "fit.pt"
    network, objective = problem()
    fit(network, objective, 10, checkpoint=path)
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"", b"not a checkpoint"):
        path.write_bytes(damaged)
        before = weights(network)
        with pytest.raises(ValueError, match=r"damaged .* move it away to start afresh"):
            fit(network, objective, 20, checkpoint=path)
        assert path.read_bytes() == damaged
        assert torch.equal(weights(network), before)
    other = Siren(2, 8, 1, 1, generator=torch.Generator().manual_seed(0))
    path.write_bytes(whole)
    with pytest.raises(ValueError, match="belongs to another network"):
        fit(other, objective, 20, checkpoint=path)
    with pytest.raises(ValueError, match="other mini-batches"):
        fit(network, objective, 20, checkpoint=path, **batches())


def test_a_full_disk_leaves_the_checkpoint_before(tmp_path, monkeypatch):
    path = tmp_path / "fit.pt"
    network, objective = problem()
    fit(network, objective, 10, checkpoint=path)
    before = path.read_bytes()

    def full(_state, where):
        Path(where).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="the one before it, if any, is untouched: make room"):
        fit(network, objective, 20, checkpoint=path)
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["fit.pt"]


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
        ({"steps": 0}, ValueError, "steps must be a positive integer"),
        ({"steps": 2.5}, ValueError, "steps must be a positive integer"),
        ({"lr": 0.0}, ValueError, "lr must be positive"),
        ({"lr": math.nan}, ValueError, "lr must be positive"),
        ({"batch": 3}, ValueError, "places and batch go together"),
        ({"places": 3}, ValueError, "places and batch go together"),
        ({"places": 3, "batch": 4}, ValueError, "between 1 and the 3 places"),
        ({"places": 3, "batch": 2}, TypeError, "torch.Generator"),
        ({"places": 3, "batch": 2, "generator": 7}, TypeError, "got the seed 7"),
        ({"checkpoint_every": 0}, ValueError, "checkpoint_every must be"),
    ],
)
def test_what_is_no_setting(settings, error, message):
    network, objective = problem()
    with pytest.raises(error, match=message):
        fit(network, objective, **{"steps": 5, **settings})
