"""Memory of a run, in processes of their own: its settings stay for good."""

import platform
import subprocess
import sys

import pytest

from otrecon.lab.memory import Peak

CYCLES, MEGABYTES = 8, 64

SCRIPT = f"""
import resource, sys
import numpy as np
from otrecon.lab.memory import reuse_freed_blocks

kept = sys.argv[1] == "kept" and reuse_freed_blocks()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range({CYCLES}):
    np.empty(2**20 * {MEGABYTES}, dtype=np.uint8).fill(1)
pages = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print(kept, pages * resource.getpagesize() / 2**20)
"""


def cleared(how):
    """Megabytes of pages that the system made anew."""
    done = subprocess.run([sys.executable, "-c", SCRIPT, how], capture_output=True, text=True, check=True)
    kept, megabytes = done.stdout.split()
    return kept == "True", float(megabytes)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt is of the GNU C library")
def test_freed_blocks_are_used_again_instead_of_cleared_anew():
    (_, before), (kept, after) = cleared("plain"), cleared("kept")
    assert kept
    # Pages may be large ones, which are fewer: what counts is that a block is made once instead of every time.
    assert after < 2 / CYCLES * before


def test_the_peak_is_that_since_the_beginning():
    peak = Peak()
    if not peak.known:
        pytest.skip("the system does not tell")
    low = peak.megabytes()["peak_megabytes"]
    block = bytearray(2**20 * MEGABYTES)
    assert peak.megabytes()["peak_megabytes"] >= low + 0.9 * MEGABYTES
    del block
