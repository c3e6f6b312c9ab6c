"""What a model's answers mean: the form that people read, that predictions are kept in, and that metrics compare."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from tunesmith.config.schema import Task

THRESHOLD = 0.5
"""Probability above which a text has a label, where it may have several; metrics draw the line at the same place."""


def meanings(task: Task, answers: Any, labels: Sequence[str]) -> list[Any]:
    """The prediction of each row: a label, labels, a number, tags, or a text.

    Args:
        task: The task.
        answers: What the network answered, as the task's objective gives it.
        labels: Label names in the order of the logits.

    Returns:
        One value per row; the tag of a word that the network was not shown is None.
    """
    if task.name == "token_classification":
        return [_tags(logits, labels) for logits in answers]
    if task.name == "regression":
        return [float(value) for value in answers.tolist()]
    if task.name != "classification":
        return list(answers)
    if task.multi_label:
        chosen = (answers.double().sigmoid() > THRESHOLD).tolist()
        return [[label for label, yes in zip(labels, row, strict=True) if yes] for row in chosen]
    return [labels[index] for index in answers.argmax(dim=1).tolist()]


def _tags(logits: Tensor, labels: Sequence[str]) -> list[str | None]:
    shown = ~torch.isnan(logits).all(dim=1)
    best = logits.nan_to_num(nan=-torch.inf).argmax(dim=1)
    return [labels[index] if seen else None for index, seen in zip(best.tolist(), shown.tolist(), strict=True)]
