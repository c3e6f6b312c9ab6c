"""What a run will do, worked out without training, and for most tasks without torch."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tunesmith.config.compose import Composed
from tunesmith.data.sources import Rows
from tunesmith.data.splits import label_names, read_splits


@dataclass(frozen=True)
class Plan:
    """Derived quantities of a run."""

    rows: dict[str, int]
    """Rows of each split."""
    labels: list[str]
    """Label names."""
    steps_per_epoch: int
    """Optimizer steps of an epoch."""
    steps: int
    """Optimizer steps of the run, unless it stops early."""


def plan(composed: Composed) -> Plan:
    """Read the data and work out what the run will do.

    Raises:
        DataError: The data cannot be used as configured.
    """
    config = composed.config
    splits = read_splits(config.data, config.task)
    steps_per_epoch = math.ceil(_num_samples(composed, splits) / config.data.batch_size)
    limits = []
    if config.trainer.max_epochs is not None:
        limits.append(config.trainer.max_epochs * steps_per_epoch)
    if config.trainer.max_steps >= 0:
        limits.append(config.trainer.max_steps)
    rows = {name: len(part) for name, part in splits.items()}
    return Plan(rows, label_names(splits, config.task, config.data.label_column), steps_per_epoch, min(limits))


def _num_samples(composed: Composed, splits: dict[str, Rows]) -> int:
    """Training samples of an epoch: the rows, but for texts that are divided or packed, which have to be tokenised."""
    if composed.config.task.name != "language_modeling":
        return len(splits["train"])
    from tunesmith.training.build import build_data

    return len(build_data(composed.config).training_dataset)
