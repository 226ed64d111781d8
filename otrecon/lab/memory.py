"""Memory of a run: the most that it had, where the system tells, and freed blocks that are used again."""

from __future__ import annotations

import ctypes
from pathlib import Path

__all__ = ["Peak", "reuse_freed_blocks"]

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Their numbers in malloc.h of the GNU C library."""

_NEVER, _LARGEST = 2**31 - 1, 2**25
"""In bytes; the latter is the most that an older library takes for its threshold of mmap."""


def reuse_freed_blocks() -> bool:
    """Let this process keep the memory that it frees from now on; say whether it does.

    Otherwise a large tensor is a new piece of memory each time, which the system clears page by page before it is
    used. In a fit of a network to images of 208 x 208 pixels, which makes the same tensors in every step, that takes
    half of the time. The price is some memory that lies idle, until the next call: what was freed before goes back to
    the system. It is a setting of the whole process, and stays; where the C library is not that of GNU, none is made.
    """
    try:
        library = ctypes.CDLL(None)
        mallopt, trim = library.mallopt, library.malloc_trim
    except (AttributeError, OSError, TypeError):
        return False
    trim(0)
    untrimmed = mallopt(_TRIM_THRESHOLD, _NEVER) == 1
    return any(mallopt(_MMAP_THRESHOLD, most) == 1 for most in (_NEVER, _LARGEST)) and untrimmed


class Peak:
    """Begins to watch when it is made. On Linux; elsewhere it knows nothing."""

    def __init__(self) -> None:
        import torch

        self.cuda = torch.cuda if torch.cuda.is_available() else None
        if self.cuda is not None:
            self.cuda.reset_peak_memory_stats()
        try:
            _CLEAR.write_text("5", encoding="ascii")  # forgets the peak so far
            self.known = _STATUS.exists()
        except OSError:
            self.known = False

    def megabytes(self) -> dict[str, float | None]:
        """Most memory of the whole process since then, and of the GPU's tensors."""
        return {"peak_megabytes": self._resident(), "peak_gpu_megabytes": self._gpu()}

    def _resident(self) -> float | None:
        if not self.known:
            return None
        lines = _STATUS.read_text(encoding="ascii").splitlines()
        kilobytes = next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), None)
        return None if kilobytes is None else round(kilobytes / 1024, 1)

    def _gpu(self) -> float | None:
        return None if self.cuda is None else round(self.cuda.max_memory_allocated() / 2**20, 1)
