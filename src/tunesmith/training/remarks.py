"""What has to be said of measured numbers, in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tunesmith.config.schema import Task
from tunesmith.data.sources import Rows
from tunesmith.evaluation.answers import meanings
from tunesmith.evaluation.plausibility import doubts
from tunesmith.models.module import Outputs


def remarks(
    passes: Sequence[Outputs], splits: Mapping[str, Rows], labels: Sequence[str], task: Task, vocabulary: int
) -> list[str]:
    """What a reader of the metrics of some evaluation passes could be misled by.

    Args:
        passes: What the passes computed.
        splits: The rows of each split.
        labels: Label names in the order of the logits; empty for a model that writes text.
        task: The task.
        vocabulary: Tokens that the tokenizer knows.
    """
    told = [sentence for outputs in passes for sentence in _doubts(outputs, splits, labels, task, vocabulary)]
    undefined = [name for outputs in passes for name in outputs.metrics if name not in outputs.defined_metrics]
    if undefined:
        told.append(f"without a value on these rows, and left out of the results: {', '.join(undefined)}")
    return told


def _doubts(
    outputs: Outputs, splits: Mapping[str, Rows], labels: Sequence[str], task: Task, vocabulary: int
) -> list[str]:
    silent = task.name == "language_modeling"  # only losses are measured
    predictions = [] if silent else meanings(task, outputs.logits, labels)
    truths = [] if silent else splits[outputs.split].labels
    loss = outputs.metrics[f"{outputs.split}/loss"]
    return list(doubts(task, outputs.split, predictions, truths, loss, len(labels) or vocabulary))
