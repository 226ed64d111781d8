"""One run: found where it is finished, resumed where it was interrupted, and recorded whole."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import pickle
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from otrecon.lab.experiments import digest, load
from otrecon.lab.files import write_json
from otrecon.lab.memory import Peak, reuse_freed_blocks
from otrecon.lab.provenance import provenance
from otrecon.whole_files import write_whole

__all__ = ["Job", "arrays", "execute", "read", "record"]


@dataclass(frozen=True)
class Job:
    """A run to be done, in this process or another.

    Attributes
    ----------
    experiment
        Name, or ``module:NAME``.
    config
        Its configuration.
    home
        Folder with ``results/NAME/``, where records go, and ``_build/lab/NAME/``, where unfinished runs lie.
    threads
        Of torch, while it runs: sums depend on their number in the last bits.
    progress
        Whether the experiment says how far it is.
    fresh
        Whether to forget what there is.
    """

    experiment: str
    config: Any
    home: Path
    threads: int = 1
    progress: bool = False
    fresh: bool = False

    @property
    def record(self) -> Path:
        """File of the record."""
        name = load(self.experiment).name
        return self.home / "results" / name / f"{digest(name, self.config)}.json"

    @property
    def folder(self) -> Path:
        """Folder of the unfinished run."""
        name = load(self.experiment).name
        return self.home / "_build" / "lab" / name / digest(name, self.config)


def record(job: Job) -> dict[str, Any] | None:
    """Read the record of a run; None where there is none, or it failed. Raises as `read` does."""
    return read(job.record)


def read(path: Path) -> dict[str, Any] | None:
    """Read a record; None where there is none, or the run failed.

    Raises
    ------
    ValueError
        If the file is damaged.
    """
    if not path.exists():
        return None
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is damaged ({error}): remove it, and its run is done again.") from error
    return found if found.get("status") == "finished" else None


def arrays(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a finished run beside its record; none where it made none.

    Raises
    ------
    ValueError
        If the file is damaged.
    """
    beside = path.with_suffix(".pt")
    try:
        found: dict[str, Tensor] = torch.load(beside, weights_only=True) if beside.exists() else {}
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        reason = str(error).split(chr(10))[0]
        raise ValueError(f"{beside} is damaged ({reason}): remove {path.name}, and its run is done again.") from error
    return found


def execute(job: Job) -> dict[str, Any]:
    """Give the record of a run; do it where that is not done yet.

    An error of the experiment becomes a record with ``status`` ``"failed"`` and its message; it is tried again the
    next time.

    Raises
    ------
    OSError
        If the record cannot be written: what was finished stays.
    RuntimeError
        If another process has the run in hand.
    """
    experiment = load(job.experiment)
    if job.fresh:
        job.record.unlink(missing_ok=True)
        shutil.rmtree(job.folder, ignore_errors=True)
    elif (finished := record(job)) is not None:
        return {**finished, "found": True}
    with _claimed(job.folder), _threads(job.threads):
        reuse_freed_blocks()
        started, peak = time.perf_counter(), Peak()
        facts = {
            "experiment": experiment.name,
            "config": dataclasses.asdict(job.config),
            "provenance": provenance(),
        }
        try:
            findings = experiment.function(job.config, folder=job.folder, progress=job.progress)
        except (ArithmeticError, ValueError, TypeError, RuntimeError) as error:
            reason = f"{type(error).__name__}: {error}"
            failed = {**facts, "status": "failed", "reason": reason, "findings": {}}
            write_json(job.record, failed)
            return failed
        spent = {"seconds": round(time.perf_counter() - started, 3), **peak.megabytes()}
        tensors = {name: value.detach().cpu() for name, value in findings.items() if isinstance(value, Tensor)}
        plain = {name: value for name, value in findings.items() if name not in tensors}
        if tensors:
            write_whole(job.record.with_suffix(".pt"), lambda file: torch.save(tensors, file))
        done = {**facts, **spent, "status": "finished", "findings": plain}
        write_json(job.record, done)
    shutil.rmtree(job.folder, ignore_errors=True)
    # As it would be read: lists for tuples.
    result: dict[str, Any] = json.loads(json.dumps(done))
    return result


@contextlib.contextmanager
def _claimed(folder: Path) -> Iterator[None]:
    """Keep a run to this process; the system forgets the claim of a process that dies."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        import fcntl
    except ImportError:  # no such locks on Windows
        yield
        return
    with (folder / "claim").open("w", encoding="ascii") as claim:
        try:
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RuntimeError(f"another process has this run in hand ({folder}): wait for it, or stop it.") from None
        yield


@contextlib.contextmanager
def _threads(number: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
