"""Memory of a run, in processes of their own: its settings stay for good."""

import json
import subprocess
import sys

import pytest

CYCLES, MEGABYTES = 8, 64

SCRIPT = f"""
import json, resource, sys
import numpy as np
from otrecon.lab.memory import Peak, reuse_freed_blocks

def made():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

kept = sys.argv[1] == "kept" and reuse_freed_blocks()
before = made()
for _ in range({CYCLES}):
    np.empty(2**20 * {MEGABYTES}, dtype=np.uint8).fill(1)
pages = made() - before
if kept:
    reuse_freed_blocks()
peak = Peak()
low = peak.megabytes()["peak_megabytes"]
np.empty(2**20 * {MEGABYTES}, dtype=np.uint8).fill(1)
print(json.dumps([kept, pages, low, peak.megabytes()["peak_megabytes"]]))
"""


@pytest.fixture(scope="module")
def found():
    done = [
        subprocess.run([sys.executable, "-c", SCRIPT, how], capture_output=True, text=True, check=True).stdout
        for how in ("plain", "kept")
    ]
    return [json.loads(one) for one in done]


def test_freed_blocks_are_used_again_instead_of_cleared_anew(found):
    (_, before, *_), (kept, after, *_) = found
    if not kept:
        pytest.skip("this C library has no such setting")
    # Pages may be large ones, which are fewer: what counts is that a block is made once instead of every time.
    assert after < 2 / CYCLES * before


@pytest.mark.parametrize("which", [0, 1])
def test_the_peak_is_that_since_the_beginning(which, found):
    _, _, low, high = found[which]
    if low is None:
        pytest.skip("the system does not tell")
    assert high >= low + 0.9 * MEGABYTES
