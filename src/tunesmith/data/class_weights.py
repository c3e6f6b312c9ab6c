"""Class weights in the training loss."""

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
    """Return the weight of each label, shape (labels,); None if all weights are equal.

    Args:
        task: The `task` node.
        asked: The training samples' label indices.
        labels: The labels' names.

    Raises:
        ConfigError: The number of weights differs from the number of labels.
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
    """Check that weights, by name or in order, match the labels.

    Raises:
        ConfigError: A label has no weight, or a weight no label.
    """
    given = task.class_weights
    if given is None or given == "balanced":
        return
    if set(given) != set(labels) if isinstance(given, dict) else len(given) != len(labels):
        rule = f"must have one weight for each of the {len(labels)} labels"
        example = ",".join(["1.0"] * len(labels))
        hint = f"By name, or in this order: {', '.join(labels)}; e.g. task.class_weights=[{example}]"
        raise ConfigError([Problem("task.class_weights", rule, str(given), hint)])


def weighed(samples: Samples, weights: npt.NDArray[np.float32]) -> Samples:
    """Weight each sample by its labels."""
    if isinstance(samples.labels, Tokens):
        asked = samples.labels.ids != IGNORED
        each = np.where(asked, weights[np.where(asked, samples.labels.ids, 0)], 0.0)
        return replace(samples, weights=sums(each, samples.labels.offsets))
    return replace(samples, weights=weights[samples.labels].astype(np.float64))
