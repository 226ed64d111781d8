"""The most memory that a stretch of work had, where the system tells."""

from __future__ import annotations

from pathlib import Path

__all__ = ["Peak"]

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


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
