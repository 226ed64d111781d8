"""Memory of a run, in processes of their own: its settings stay for good."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

MEGABYTES = 64

SCRIPT = f"""
import json, sys
from pathlib import Path
import numpy as np
from otrecon.lab.memory import Peak, reuse_freed_blocks

def resident():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024

def use_and_free():
    np.empty(2**20 * {MEGABYTES}, dtype=np.uint8).fill(1)

kept = sys.argv[1] == "kept" and reuse_freed_blocks()
before = resident()
use_and_free()
left = resident() - before
if kept:
    reuse_freed_blocks()
trimmed = resident() - before
peak = Peak()
low = peak.megabytes()["peak_megabytes"]
use_and_free()
print(json.dumps([kept, left, trimmed, low, peak.megabytes()["peak_megabytes"]]))
"""


@pytest.fixture(scope="module")
def found():
    if not Path("/proc/self/status").exists():
        pytest.skip("the system does not tell")
    done = [
        subprocess.run([sys.executable, "-c", SCRIPT, how], capture_output=True, text=True, check=True).stdout
        for how in ("plain", "kept")
    ]
    return [json.loads(one) for one in done]


def test_a_freed_block_stays_until_the_next_run(found):
    (_, left, *_), (kept, left_here, trimmed, *_) = found
    if not kept:
        pytest.skip("this C library has no such setting")
    assert left < 0.1 * MEGABYTES
    assert left_here > 0.9 * MEGABYTES
    assert trimmed < 0.1 * MEGABYTES


@pytest.mark.parametrize("which", [0, 1])
def test_the_peak_is_that_since_the_beginning(which, found):
    *_, low, high = found[which]
    if low is None:
        pytest.skip("the system does not let the peak begin anew")
    assert high >= low + 0.9 * MEGABYTES
