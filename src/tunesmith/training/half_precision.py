"""What bf16 costs on a CPU: without instructions for it, it is far slower than fp32, and less accurate too."""

from __future__ import annotations

import functools
import time

import torch

SHAPES = ((256, 512), (512, 256))
"""Of the product that is timed: about a millisecond in fp32."""
TRIES = 5


@functools.cache
def bf16_cost() -> float:
    """How many times as long a matrix product takes this CPU in bf16 as in fp32; the fastest of some tries of each."""
    return _seconds(torch.bfloat16) / _seconds(torch.float32)


def _seconds(dtype: torch.dtype) -> float:
    a, b = (torch.ones(shape, dtype=dtype) for shape in SHAPES)
    taken = []
    for _ in range(TRIES + 1):  # the first warms up
        start = time.perf_counter()
        a @ b
        taken.append(time.perf_counter() - start)
    return min(taken[1:])
