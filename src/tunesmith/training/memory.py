"""The most memory that a run has held at once."""

from __future__ import annotations

import contextlib
import resource
import sys
from pathlib import Path

import torch


def watch_memory() -> None:
    """Forget the peaks of earlier runs in this process, where the system allows it (Linux, CUDA)."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.reset_peak_memory_stats()


def peak_memory_mb() -> float:
    """The peak in MB (1e6 bytes): of the tensors on a GPU; without one, of the whole process, libraries included."""
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        return torch.cuda.max_memory_allocated() / 1e6
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kB elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
