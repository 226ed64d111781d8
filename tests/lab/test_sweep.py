"""Runs are done once, wherever they are done, with the same records; what dies or is interrupted goes on."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from otrecon.lab.experiments import Plan, digest, load, product
from otrecon.lab.runs import Job, arrays, execute, record
from otrecon.lab.sweep import sweep
from tests.lab.toys import TOY, Settings

ROOT = Path(__file__).resolve().parents[2]
NAME = "tests.lab.toys:TOY"


def jobs(home, seeds=range(4), **settings):
    return [Job(NAME, Settings(seed=seed, **settings), home) for seed in seeds]


def findings(results):
    return {job.config.seed: one["findings"] for job, one in results}


def steps(home, seed):
    return [int(line) for line in (home / "_build/lab/toy" / f"steps-{seed}").read_text().split()]


def test_a_run_leaves_a_record_with_where_it_comes_from_and_its_tensors(tmp_path):
    job = Job(NAME, Settings(), tmp_path)
    done = execute(job)
    assert done == json.loads(job.record.read_text(encoding="utf-8")) == record(job)
    assert done["config"] == dataclasses.asdict(Settings())
    assert (done["status"], done["experiment"]) == ("finished", "toy")
    assert {"command", "date", "commit", "versions", "cpu", "torch_threads"} <= set(done["provenance"])
    assert done["seconds"] >= 0
    assert set(done["findings"]) == {"value", "first", "threads"}
    assert torch.equal(arrays(job.record)["walk"], torch.full((3,), done["findings"]["value"]))
    assert not job.folder.exists()


def test_a_finished_run_is_not_run_twice_unless_it_is_told_to(tmp_path):
    job = Job(NAME, Settings(), tmp_path)
    first = execute(job)
    assert execute(job) == {**first, "found": True}
    assert steps(tmp_path, 0) == list(range(10))
    execute(dataclasses.replace(job, fresh=True))
    assert steps(tmp_path, 0) == 2 * list(range(10))


def test_peak_memory_is_that_of_the_run_alone(tmp_path):
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("this system does not tell")
    hoard = bytearray(300_000_000)
    before = execute(Job(NAME, Settings(), tmp_path))["peak_megabytes"]
    del hoard
    after = execute(Job(NAME, Settings(seed=1), tmp_path))["peak_megabytes"]
    assert after < before - 200


def test_a_failed_run_is_a_record_with_its_reason_and_is_tried_again(tmp_path):
    job = Job(NAME, Settings(word="fail"), tmp_path)
    for _ in range(2):
        failed = execute(job)
        assert (failed["status"], failed["reason"]) == ("failed", "FloatingPointError: the loss is nan")
        assert record(job) is None
    results = list(sweep([*jobs(tmp_path, [0]), job]))
    assert [one["status"] for _, one in results] == ["finished", "failed"]


def test_an_interrupted_run_goes_on_to_the_same_record(tmp_path):
    whole = execute(Job(NAME, Settings(word="b"), tmp_path / "whole"))
    job = Job(NAME, Settings(word="stop"), tmp_path)
    with pytest.raises(KeyboardInterrupt):
        execute(job)
    assert record(job) is None
    assert execute(job)["findings"] == whole["findings"]
    assert steps(tmp_path, 0) == list(range(10))


def test_two_processes_do_not_take_the_same_run(tmp_path):
    job = Job(NAME, Settings(), tmp_path)
    job.folder.mkdir(parents=True)
    path = str(job.folder / "claim")
    holder = f"import fcntl, time; f = open({path!r}, 'w'); fcntl.flock(f, fcntl.LOCK_EX); print(1, flush=True)"
    holder += "; time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", holder], stdout=subprocess.PIPE) as other:
        assert other.stdout.readline()
        with pytest.raises(RuntimeError, match="another process has this run in hand"):
            execute(job)
        other.kill()
    assert execute(job)["status"] == "finished"


def test_a_damaged_record_is_an_error_that_names_the_file(tmp_path):
    job = Job(NAME, Settings(), tmp_path)
    execute(job)
    job.record.write_text('{"status": "fin')
    with pytest.raises(ValueError, match=r"is damaged .*: remove it, and its run is done again"):
        execute(job)


def test_a_full_disk_loses_nothing_that_is_finished(tmp_path, monkeypatch):
    first = execute(Job(NAME, Settings(), tmp_path))

    def full(*_):
        raise OSError(28, "No space left on device")

    job = Job(NAME, Settings(seed=1), tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            execute(job)
    assert record(job) is None
    assert record(Job(NAME, Settings(), tmp_path)) == first
    assert execute(job)["status"] == "finished"
    assert steps(tmp_path, 1) == list(range(10))


def test_a_pool_gives_the_same_records(tmp_path):
    here = findings(sweep(jobs(tmp_path / "here")))
    assert set(here) == {0, 1, 2, 3}
    assert findings(sweep(jobs(tmp_path / "pool"), workers=2)) == here
    assert [steps(tmp_path / "pool", seed) for seed in range(4)] == 4 * [list(range(10))]


def test_a_cluster_gives_the_same_records_though_a_worker_dies(tmp_path):
    distributed = pytest.importorskip("distributed")
    here = findings(sweep(jobs(tmp_path / "here", range(6))))
    dies = str(tmp_path / "died")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
    ) as cluster:
        there = findings(sweep(jobs(tmp_path, range(6), dies=dies), cluster=cluster.scheduler_address))
        assert Path(dies).exists()
        assert there == here
        assert [steps(tmp_path, seed) for seed in range(6)] == 6 * [list(range(10))]
        again = list(sweep(jobs(tmp_path, range(6), dies=dies), cluster=cluster.scheduler_address))
        assert all(one["found"] for _, one in again)
    assert [len(steps(tmp_path, seed)) for seed in range(6)] == 6 * [10]


def test_a_killed_sweep_goes_on(tmp_path):
    died = str(tmp_path / "died")
    code = "from pathlib import Path; from tests.lab.test_sweep import jobs, sweep; "
    code += f"list(sweep(jobs(Path({str(tmp_path)!r}), dies={died!r})))"
    command = [sys.executable, "-c", code]
    assert subprocess.run(command, cwd=ROOT).returncode == -signal.SIGKILL
    done = [job for job in jobs(tmp_path, dies=str(tmp_path / "died")) if record(job) is not None]
    assert [job.config.seed for job in done] == [0, 1]
    assert subprocess.run(command, cwd=ROOT).returncode == 0
    assert [steps(tmp_path, seed) for seed in range(4)] == 4 * [list(range(10))]


def test_plans_and_names():
    plan = Plan(Settings(), {"seed": (0, 1), "word": ("a", "b")})
    assert [(one.seed, one.word) for one in product(plan)] == [(0, "a"), (0, "b"), (1, "a"), (1, "b")]
    names = {digest("toy", one) for one in product(plan)} | {digest("other", Settings())}
    assert len(names) == 5
    assert load(NAME) is TOY
    for wrong in ("contset", "tests.lab.toys:TAY", "tests.lab.toys:Settings", "nowhere:X"):
        with pytest.raises(ValueError, match="there is no experiment"):
            load(wrong)
    with pytest.raises(ValueError, match="no setting 'sed'; there are: seed, size"):
        list(product(Plan(Settings(), {"sed": (0,)})))
