"""Remarks about measured numbers, as sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tunesmith.data.rows import Rows
from tunesmith.models.module import Outputs
from tunesmith.tasks.task import Task


def remarks(
    passes: Sequence[Outputs], splits: Mapping[str, Rows], labels: Sequence[str], task: Task, vocabulary: int
) -> list[str]:
    """List what could mislead a reader of the metrics of some evaluation passes.

    Args:
        passes: The outputs of the passes.
        splits: The rows of each split.
        labels: Label names in the order of the logits; empty for a model that writes text.
        task: The task.
        vocabulary: Number of tokens that the tokenizer knows.
    """
    sentences: list[str] = []
    for outputs in passes:
        truths, predictions = task.predictions(outputs, splits[outputs.split], labels)
        sentences += task.doubts(outputs.split, predictions, truths, outputs.loss, len(labels) or vocabulary)
    undefined = [name for outputs in passes for name in outputs.metrics if name not in outputs.defined_metrics]
    if undefined:
        sentences.append(f"undefined on these rows and left out of the results: {', '.join(undefined)}")
    return sentences
