"""The learning curve of a linear model of words: what more rows bring to it is known in seconds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from tunesmith.config.schema import RunConfig
from tunesmith.config.tasks import traits_of
from tunesmith.data.prepared import read_prepared
from tunesmith.data.rows import Rows, as_one_text, inputs_of
from tunesmith.data.splits import learned_labels
from tunesmith.data.splitting.part import nested_order
from tunesmith.errors import ConfigError, Problem
from tunesmith.evaluation.baselines import LINEAR, RIDGE
from tunesmith.tasks.registry import task_of
from tunesmith.tasks.task import Task
from tunesmith.training.build import metric_function


def measure_words(config: RunConfig, sizes: Sequence[int], repeats: int) -> list[list[float]]:
    """Measure the metric that decides on validation rows, of linear models fitted on parts of the training rows.

    Args:
        config: The run's config.
        sizes: Training rows of each part.
        repeats: Parts per size; those of one repeat lie in one another.

    Returns:
        One value per repeat for each size; of all rows, one.

    Raises:
        ConfigError: The task has no linear model of words, or the metric needs more than its answers.
        DataError: The data cannot be used as configured.
    """
    task = task_of(config.task)
    traits = traits_of(config.task)
    if not traits.pools or traits.several:
        raise ConfigError([Problem("--words", "is for one label or number per text", config.task.name, "Leave it out")])
    splits = read_prepared(config.data, task).splits
    train, val = splits["train"], splits["val"]
    labels = learned_labels(splits, config.data, task)
    orders = [nested_order(task.strata(train.labels) or [""] * len(train), seed) for seed in range(repeats)]
    values = []
    for size in sizes:
        parts = [sorted(order[:size]) for order in orders[: 1 if size == len(train) else repeats]]
        values.append([_value(config, task, labels, train.take(part), val) for part in parts])
    return values


def _value(config: RunConfig, task: Task, labels: Sequence[str], train: Rows, val: Rows) -> float:
    texts, others = (list(map(as_one_text, inputs_of(rows))) for rows in (train, val))
    answers = task.baselines(texts, targets_of(train, labels), others, len(labels), config.data.split.seed)
    name = LINEAR if labels else RIDGE
    if name not in answers:
        rule = "finds no words in the training texts, or a single label"
        raise ConfigError([Problem("--words", rule, f"{len(texts)} rows", "Take larger parts: --parts 4")], late=True)
    given, truths = torch.from_numpy(answers[name]).float(), torch.from_numpy(targets_of(val, labels))
    monitor = config.evaluation.monitor.partition("/")[2]
    if monitor == "loss":
        losses = -given.log_softmax(-1)[torch.arange(len(truths)), truths] if labels else (given - truths) ** 2
        return float(losses.mean())
    value: Any = metric_function(config, labels)(given, truths).get(monitor)
    if not isinstance(value, float) or value != value:
        raise ConfigError(
            [Problem("evaluation.monitor", "is undefined for --words", config.evaluation.monitor)], late=True
        )
    return value


def targets_of(rows: Rows, labels: Sequence[str], *, several: bool = False) -> npt.NDArray[Any]:
    """Return what is to be answered, as networks are given it.

    Args:
        rows: The rows.
        labels: Label names in order; empty for numbers.
        several: Whether a text may have several labels.

    Returns:
        The index of each row's label, shape (rows,); 1 for each label of a row, shape (rows, labels); or numbers, shape
        (rows,).
    """
    if not labels:
        return np.asarray(rows.labels, dtype=np.float32)
    index = {label: place for place, label in enumerate(labels)}
    if not several:
        return np.asarray([index[str(label)] for label in rows.labels], dtype=np.int64)
    targets = np.zeros((len(rows), len(labels)), dtype=np.float32)
    for row, own in enumerate(rows.labels):
        targets[row, [index[str(label)] for label in own or ()]] = 1.0  # type: ignore[union-attr]
    return targets
