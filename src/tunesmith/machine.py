"""CPU cores, GPUs, memory and bf16 speed of this process; torch is imported only if needed."""

from __future__ import annotations

import contextlib
import functools
import os
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

CGROUPS = Path("/sys/fs/cgroup")
OWN_CGROUPS = Path("/proc/self/cgroup")
SHAPES = ((256, 512), (512, 256))
"""Shapes of the timed matrix product, which takes about a millisecond in fp32."""
TRIES = 5


def usable_cores() -> int:
    """Return the number of CPU cores that this process may use, limited by affinity and container quota."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = cpu_quota()
    return cores if quota is None else max(1, min(cores, int(quota)))


def usable_threads() -> int:
    """Return the number of CPU threads for computation: the usable cores, limited by OMP_NUM_THREADS."""
    asked = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()  # in `4,2`, the 2 is for nested ones
    return min(usable_cores(), int(asked)) if asked.isdigit() and int(asked) > 0 else usable_cores()


def cpu_quota() -> float | None:
    """Return the smallest CPU quota of this process's control groups; None if none has a quota."""
    return min(_quotas(), default=None)


def _quotas() -> Iterator[float]:
    """Yield the quotas of this process's group and its parents, for control groups v1 and v2."""
    for controllers, folder in _own_groups():
        mount = CGROUPS if not controllers else CGROUPS / controllers
        own = mount / folder.strip("/")
        for group in (own, *own.parents):
            quota = _quota(group)
            if quota is not None:
                yield quota
            if group == mount:
                break


def _own_groups() -> Iterator[tuple[str, str]]:
    """Yield controllers (none in v2) and folder of each group that may limit CPUs."""
    try:
        lines = OWN_CGROUPS.read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, folder = line.split(":", 2)
        if not controllers or "cpu" in controllers.split(","):
            yield controllers, folder


def _quota(group: Path) -> float | None:
    try:
        if (group / "cpu.max").is_file():
            quota, period = (group / "cpu.max").read_text(encoding="utf-8").split()
        else:
            names = ("cpu.cfs_quota_us", "cpu.cfs_period_us")
            quota, period = ((group / name).read_text(encoding="utf-8").strip() for name in names)
        return None if quota in ("max", "-1") else int(quota) / int(period)
    except (OSError, ValueError):
        return None


def gpus() -> list[str]:
    """Return the GPUs by their names in `CUDA_VISIBLE_DEVICES`, without initialising CUDA."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [name for name in visible.split(",") if name.strip() not in ("", "-1")]
    folder = Path("/proc/driver/nvidia/gpus")
    return [str(number) for number in range(len(list(folder.iterdir())))] if folder.is_dir() else []


def free_memory(accelerator: str) -> float | None:
    """Return the bytes that a run may take here: of the GPU, or else of the machine or container; None if not known.

    Args:
        accelerator: The device kind that runs use.
    """
    if accelerator == "gpu":
        import torch

        return float(torch.cuda.mem_get_info()[0])
    limits = [free for free in (_free_of_machine(), *_free_of_groups()) if free is not None]
    return min(limits, default=None)


def _free_of_machine() -> float | None:
    with contextlib.suppress(OSError, ValueError, IndexError):
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
        return float(next(line.split()[1] for line in lines if line.startswith("MemAvailable:"))) * 1024
    with contextlib.suppress(OSError, ValueError):
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return None


def _free_of_groups() -> Iterator[float]:
    """Yield what this process's group and its parents have left, for control groups v2."""
    for controllers, folder in _own_groups():
        for group in (CGROUPS / folder.strip("/"), *(CGROUPS / folder.strip("/")).parents) if not controllers else ():
            with contextlib.suppress(OSError, ValueError):  # `max` is no number
                limit = int((group / "memory.max").read_text(encoding="utf-8"))
                yield float(limit - int((group / "memory.current").read_text(encoding="utf-8")))


def watch_memory() -> None:
    """Reset this process's peak memory, if the system allows it (Linux, CUDA)."""
    import torch

    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.reset_peak_memory_stats()


def peak_memory_mb() -> float:
    """Return the peak in MB (1e6 bytes): of tensors on the GPU, or else of the whole process, including libraries."""
    import torch

    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        return torch.cuda.max_memory_allocated() / 1e6
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kB elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


@functools.cache
def bf16_cost() -> float:
    """Return how many times longer a matrix product takes on this CPU in bf16 than in fp32, at their fastest.

    A CPU without bf16 instructions is far slower in bf16, and also less accurate.
    """
    import torch

    return _seconds(torch.bfloat16) / _seconds(torch.float32)


def _seconds(dtype: torch.dtype) -> float:
    import torch

    a, b = (torch.ones(shape, dtype=dtype) for shape in SHAPES)
    taken = []
    for _ in range(TRIES + 1):  # the first warms up
        start = time.perf_counter()
        a @ b
        taken.append(time.perf_counter() - start)
    return min(taken[1:])
