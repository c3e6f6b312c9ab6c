"""What a run will do, worked out without training, and for most tasks without torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tunesmith.config.compose import Composed
from tunesmith.config.rules.evaluation import callback_monitors, monitor_problem
from tunesmith.config.schema import RunConfig
from tunesmith.data.sources import Rows
from tunesmith.data.splits import label_names, read_splits
from tunesmith.errors import ConfigError


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
        ConfigError: The monitor is of a label that the data does not have.
        DataError: The data cannot be used as configured.
    """
    config = composed.config
    splits = read_splits(config.data, config.task)
    labels = label_names(splits, config.task, config.data.label_column)
    check_monitors(config, labels)
    steps_per_epoch = math.ceil(_num_samples(composed, splits) / config.data.batch_size)
    limits = []
    if config.trainer.max_epochs is not None:
        limits.append(config.trainer.max_epochs * steps_per_epoch)
    if config.trainer.max_steps >= 0:
        limits.append(config.trainer.max_steps)
    rows = {name: len(part) for name, part in splits.items()}
    return Plan(rows, labels, steps_per_epoch, min(limits))


def check_monitors(
    config: RunConfig, labels: Sequence[str] | None = None, others: Sequence[tuple[str, str]] = ()
) -> None:
    """Hold monitors of single labels, `val/f1/<label>`, against the labels that there are.

    Args:
        config: The run's config.
        labels: Names of the labels; None reads the data, where there is such a monitor.
        others: More monitors, each behind the key that names it.

    Raises:
        ConfigError: A label is not in the data.
        DataError: The data cannot be used as configured.
    """
    plain = config.model_dump(by_alias=True)
    own = [("evaluation.monitor", config.evaluation.monitor), *callback_monitors(plain["callbacks"])]
    wanted = [(where, monitor) for where, monitor in (*own, *others) if monitor.count("/") > 1]
    if not wanted:
        return
    if labels is None:
        labels = label_names(read_splits(config.data, config.task), config.task, config.data.label_column)
    metrics = plain["evaluation"]["metrics"]
    found = [monitor_problem(where, monitor, metrics, labels) for where, monitor in wanted]
    problems = [problem for problem in found if problem is not None]
    if problems:
        raise ConfigError(problems)


def _num_samples(composed: Composed, splits: dict[str, Rows]) -> int:
    """Training samples of an epoch: the rows, but for texts that are divided or packed, which have to be tokenised."""
    if composed.config.task.name != "language_modeling":
        return len(splits["train"])
    from tunesmith.training.build import build_data

    return len(build_data(composed.config).training_dataset)
