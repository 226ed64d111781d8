"""Many runs: here one after the other, on a pool of processes, or on a cluster, with the same records."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Any

from otrecon.lab.runs import Job, execute, record

__all__ = ["sweep"]


def sweep(jobs: Sequence[Job], *, workers: int = 1, cluster: str | None = None) -> Iterator[tuple[Job, dict[str, Any]]]:
    """Do the runs and give each with its record, as they are finished.

    What was finished before comes first and costs nothing. Interrupting loses no finished run, and the unfinished ones
    go on where their checkpoints are.

    Parameters
    ----------
    jobs
        The runs.
    workers
        Processes on this machine; 1: this one.
    cluster
        Address of a scheduler of dask.distributed, such as ``tcp://host:8786``. Its workers must import the same
        package and see the same files. A worker that dies is no loss: another one goes on with its run.

    Raises
    ------
    ImportError
        If dask.distributed is not there.
    """
    finished = [job for job in jobs if not job.fresh and record(job) is not None]
    for job in finished:
        yield job, execute(job)
    left = [job for job in jobs if job not in finished]
    if cluster is not None:
        yield from _on_cluster(left, cluster)
    elif workers > 1 and left:
        yield from _on_pool(left, workers)
    else:
        for job in left:
            yield job, execute(job)


def _on_pool(jobs: Sequence[Job], workers: int) -> Iterator[tuple[Job, dict[str, Any]]]:
    # A process for each run: its memory is its own, and torch's threads do not survive a fork.
    pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"), max_tasks_per_child=1)
    try:
        futures = {pool.submit(execute, job): job for job in jobs}
        for future in as_completed(futures):
            yield futures[future], future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _on_cluster(jobs: Sequence[Job], address: str) -> Iterator[tuple[Job, dict[str, Any]]]:
    try:
        import distributed
    except ImportError as error:
        raise ImportError("a cluster needs dask.distributed: pip install 'otrecon[cluster]'.") from error
    with distributed.Client(address) as client:
        futures = {client.submit(execute, job, pure=False): job for job in jobs}
        for future in distributed.as_completed(futures):
            yield futures[future], future.result()
