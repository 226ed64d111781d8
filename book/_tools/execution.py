"""Run chapters once, measure them, and never show a stale figure.

Outputs live in a cache folder whose name is a key of all that can change them besides the chapter itself: the package,
the pinned versions, Python, the scale, the folder of real data, and this module. Inside it, jupyter-cache matches a
chapter by its code cells, and the data sets that these name must be at hand, or missing, as they were,
and the earlier results that they show unchanged. So a changed function runs every chapter again, a changed sentence
runs none.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from otrecon.data import REGISTRY, available

RESULTS = Path(__file__).resolve().parents[2] / "results"

KEPT_KEYS = 3
"""How many execution environments are kept, so that switching scale to and fro costs nothing."""

_PEAK_MEMORY_CELL = "import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"


@dataclass(frozen=True)
class Run:
    """What one execution of a chapter cost and said."""

    docname: str
    code_key: str
    scale: str
    seconds: float
    megabytes: float
    cores: int
    claims: list[dict[str, Any]] = field(default_factory=list)
    glue: list[dict[str, Any]] = field(default_factory=list)
    data: list[str] = field(default_factory=list)
    """Files of the data sets that its code names, at hand when it had run: without them it shows a synthetic twin."""
    results: list[str] = field(default_factory=list)
    """What was measured beforehand and its code shows: ``NAME DIGEST`` of each file below ``results/``."""


class ChapterError(Exception):
    """A cell raised, or a claim was refuted; the message ends with the traceback, or with the claim."""


def environment_key(package: Path, constraints: Path, scale: str, *, data: str = "") -> str:
    """Hash everything outside a chapter that its outputs depend on.

    Parameters
    ----------
    package
        Folder of the package; every file in it counts, byte-compiled ones excepted.
    constraints
        The file of pinned versions.
    scale
        Value of ``OTRECON_SCALE``.
    data
        Names of the real data at hand: a chapter shows its synthetic twin where they are missing.
    """
    digest = hashlib.sha256(f"{scale}\n{data}\n{sys.version_info[:2]}\n".encode())
    digest.update(Path(__file__).read_bytes())  # how the kernels are started, and what is kept of a run
    files = sorted(p for p in package.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    for path in [constraints, *files]:
        digest.update(str(path.relative_to(package.parent if path != constraints else constraints.parent)).encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


class Executor:
    """Executed chapters of one environment, kept under ``folder/key``.

    Parameters
    ----------
    folder
        Where the caches of all environments live.
    key
        The current environment, from `environment_key`.
    scale
        Value of ``OTRECON_SCALE`` that the kernels get.
    timeout
        Seconds that one cell may take.
    """

    def __init__(self, folder: Path, key: str, *, scale: str, timeout: int = 900) -> None:
        self.folder, self.key, self.scale, self.timeout = folder, key, scale, timeout
        self.home = folder / key
        self.home.mkdir(parents=True, exist_ok=True)
        os.utime(self.home)
        self._forget_old_keys()

    @property
    def jupyter_cache(self) -> Path:
        """Folder that myst-nb reads the outputs from."""
        return self.home / "jupyter-cache"

    def run(self, docname: str, notebook: nbformat.NotebookNode) -> tuple[Run, bool]:
        """Return the run of a chapter and whether it was executed now (``False``: taken from the cache).

        Raises
        ------
        ChapterError
            If a cell raises, times out or kills its kernel, or a claim was refuted. Nothing is cached then.
        """
        cache = get_cache(str(self.jupyter_cache))
        _, code_key = cache.create_hashed_notebook(notebook)
        record = self.home / f"{docname.replace('/', '.')}.json"
        if record.exists():
            kept = Run(**json.loads(record.read_text(encoding="utf-8")))
            same = (kept.code_key, kept.data, kept.results)
            if same == (code_key, _data_named(notebook), _results_named(notebook)) and _is_cached(cache, notebook):
                return kept, False
        executed, run = self._execute(docname, code_key, notebook)
        cache.cache_notebook_bundle(
            CacheBundleIn(executed, docname, data={"execution_seconds": run.seconds}),
            check_validity=False,
            overwrite=True,
        )
        record.write_text(json.dumps(asdict(run), indent=1, sort_keys=True), encoding="utf-8")
        return run, True

    def _execute(
        self, docname: str, code_key: str, notebook: nbformat.NotebookNode
    ) -> tuple[nbformat.NotebookNode, Run]:
        executed = nbformat.from_dict(json.loads(json.dumps(notebook)))
        with tempfile.TemporaryDirectory(prefix="otrecon-chapter-") as scratch:
            claims, glue = Path(scratch, "claims.jsonl"), Path(scratch, "glue.jsonl")
            environment = {
                **os.environ,
                "OTRECON_SCALE": self.scale,
                "OTRECON_STATIC": "1",
                "OTRECON_CLAIMS": str(claims),
                "OTRECON_GLUE": str(glue),
                "MPLBACKEND": "agg",
                "PYTHONHASHSEED": "0",
                # Threads that spin while they wait make a chapter several times slower beside a busy process.
                "OMP_WAIT_POLICY": "PASSIVE",
            }
            if self.scale != "paper":  # pages give the cost and the numbers of a machine without one
                environment["CUDA_VISIBLE_DEVICES"] = ""
            for name in ("OTRECON_DATA", "OTRECON_CACHE"):  # the kernel works in a folder of its own
                if folder := os.environ.get(name):
                    environment[name] = str(Path(folder).expanduser().resolve())
            client = NotebookClient(
                executed,
                timeout=self.timeout,
                record_timing=False,  # timings in the cells' metadata would change their key
                resources={"metadata": {"path": scratch}},
                extra_arguments=["--log-level=ERROR"],
            )
            executed.cells.append(nbformat.v4.new_code_cell(_PEAK_MEMORY_CELL))
            start = time.perf_counter()
            try:
                client.execute(env=environment)
            except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
                raise ChapterError(f"{docname}: {error}") from error
            seconds = time.perf_counter() - start
            peak = _megabytes(executed.cells.pop())
            run = Run(
                docname=docname,
                code_key=code_key,
                scale=self.scale,
                seconds=round(seconds, 2),
                megabytes=round(peak, 1),
                cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
                claims=_read_lines(claims),
                glue=_read_lines(glue),
                data=_data_named(notebook),
                results=_results_named(notebook),
            )
        _refuse_refuted(run)
        return executed, run

    def _forget_old_keys(self) -> None:
        keys = sorted((p for p in self.folder.iterdir() if p.is_dir()), key=lambda p: p.stat().st_mtime, reverse=True)
        for old in keys[KEPT_KEYS:]:
            shutil.rmtree(old)


def _is_cached(cache: Any, notebook: nbformat.NotebookNode) -> bool:
    try:
        cache.match_cache_notebook(notebook)
    except KeyError:
        return False
    return True


def _data_named(notebook: nbformat.NotebookNode) -> list[str]:
    """Files of the data sets that stand in the code of a chapter, as far as they lie on this machine now."""
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    named = [(name, file) for name in sorted(REGISTRY) if name in code for file in sorted(REGISTRY[name].files)]
    return [f"{name}/{file}" for name, file in named if available(name, file)]


def _results_named(notebook: nbformat.NotebookNode) -> list[str]:
    """Results that the code of a chapter reads, each with a digest: it runs again when one was measured anew."""
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    found = {
        path.relative_to(RESULTS).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        for start in re.findall(r"""lab\.results\(f?["']([^"'{]*)""", code)
        for path in RESULTS.rglob("*.json")
        if path.relative_to(RESULTS).as_posix().startswith(start)
    }
    return [f"{name} {digest}" for name, digest in sorted(found.items())]


def _refuse_refuted(run: Run) -> None:
    """Raise for a claim that failed in a cell which may raise: nobody else would see it."""
    for claim in run.claims if run.scale != "smoke" else ():
        if not claim["holds"]:
            raise ChapterError(f"{run.docname}: this claim does not hold: {claim['text']} [{claim['evidence']}]")


def _megabytes(cell: nbformat.NotebookNode) -> float:
    """Peak resident memory that the kernel printed: in bytes on macOS, in kibibytes elsewhere."""
    peak = int(cell.outputs[0]["text"])
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


def _read_lines(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def over_budget(
    runs: Iterable[Run],
    *,
    seconds: float,
    megabytes: float,
    longer: Mapping[str, float] | None = None,
    factor: float = 1.0,
) -> list[str]:
    """Sentences that name each chapter above ``factor`` times the budget; ``longer``: seconds of single chapters."""
    complaints = []
    for run in runs:
        allowed = (longer or {}).get(run.docname, seconds)
        if run.seconds > factor * allowed:
            complaints.append(f"{run.docname} took {run.seconds:.0f} s; its budget is {allowed:.0f} s")
        if run.megabytes > factor * megabytes:
            complaints.append(f"{run.docname} peaked at {run.megabytes:.0f} MB; its budget is {megabytes:.0f} MB")
    return complaints
