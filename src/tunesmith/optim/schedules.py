"""The learning-rate schedule as Lightning wants it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch


def lightning_schedule(
    make: Callable[..., Any],
    optimizer: torch.optim.Optimizer,
    num_steps: int,
    *,
    warmup_fraction: float,
    monitor: str,
    mode: str,
) -> dict[str, Any]:
    """Make a schedule and say when it moves.

    Args:
        make: A schedule class or function with its configured keywords bound; it is given the optimizer and, where its
            signature asks for them, the number of steps, the warm-up steps, and `mode`.
        optimizer: The optimizer.
        num_steps: Optimizer steps of the whole run.
        warmup_fraction: Warm-up as a fraction of `num_steps`.
        monitor: Metric that a plateau schedule watches.
        mode: `min` or `max`, the better direction of `monitor`.

    Returns:
        Lightning's `lr_scheduler` entry: a plateau schedule moves at the end of an epoch, any other at each step.
    """
    known = inspect.signature(make).parameters
    supplied = {
        "num_training_steps": num_steps,
        "total_steps": num_steps,
        "T_max": num_steps,
        "num_warmup_steps": round(num_steps * warmup_fraction),
        "mode": mode,
    }
    configured = getattr(make, "keywords", {})
    keywords = {name: value for name, value in supplied.items() if name in known and name not in configured}
    schedule = make(optimizer, **keywords)
    if isinstance(schedule, torch.optim.lr_scheduler.ReduceLROnPlateau):
        return {"scheduler": schedule, "interval": "epoch", "monitor": monitor, "strict": True}
    return {"scheduler": schedule, "interval": "step"}
