"""Labels that weigh more than others in the training loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from tunesmith.config.schema import Task
from tunesmith.data.samples import Samples, sums
from tunesmith.data.tokenization import IGNORED, Tokens
from tunesmith.errors import ConfigError, Problem


def class_weights(
    task: Task, asked: npt.NDArray[Any] | Tokens, labels: Sequence[str]
) -> npt.NDArray[np.float32] | None:
    """Weight of each label, shape (labels,); None where all weigh the same.

    Args:
        task: The `task` node.
        asked: What the training samples ask for.
        labels: The labels' names.

    Raises:
        ConfigError: The weights are not as many as the labels.
    """
    if task.class_weights is None:
        return None
    if task.class_weights == "balanced":
        flat = asked.ids if isinstance(asked, Tokens) else asked
        counts = np.bincount(flat[flat != IGNORED], minlength=len(labels))
        return np.asarray(counts.sum() / (len(labels) * np.maximum(counts, 1)), dtype=np.float32)
    check_class_weights(task, labels)
    given = task.class_weights
    return np.asarray([given[label] for label in labels] if isinstance(given, dict) else given, dtype=np.float32)


def check_class_weights(task: Task, labels: Sequence[str]) -> None:
    """Hold weights, by name or in order, against the labels that there are.

    Raises:
        ConfigError: A label has none, or a weight has no label.
    """
    given = task.class_weights
    if given is None or given == "balanced":
        return
    if set(given) != set(labels) if isinstance(given, dict) else len(given) != len(labels):
        rule = f"must hold a weight for each of the {len(labels)} labels"
        example = ",".join(["1.0"] * len(labels))
        hint = f"By name, or in this order: {', '.join(labels)}; e.g. task.class_weights=[{example}]"
        raise ConfigError([Problem("task.class_weights", rule, str(given), hint)])


def weighed(samples: Samples, weights: npt.NDArray[np.float32]) -> Samples:
    """The samples with each counting as much as its labels weigh."""
    if isinstance(samples.labels, Tokens):
        asked = samples.labels.ids != IGNORED
        each = np.where(asked, weights[np.where(asked, samples.labels.ids, 0)], 0.0)
        return replace(samples, weights=sums(each, samples.labels.offsets))
    return replace(samples, weights=weights[samples.labels].astype(np.float64))
