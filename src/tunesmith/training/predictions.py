"""Rows of `predictions.jsonl`: one format for each task, whichever model made them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from tunesmith.config.schema import Task
from tunesmith.data.sources import CLASSIFICATION, Rows
from tunesmith.evaluation.answers import meanings
from tunesmith.models.module import Outputs


def prediction_rows(
    outputs: Outputs, rows: Rows, labels: Sequence[str], task: Task = CLASSIFICATION
) -> list[dict[str, Any]]:
    """One dict per row of the split, in its order: id, split, label, prediction, and what the prediction rests on.

    That is `logits` for labels and tags (null for a word that the model was not shown), and for texts `loss`, the mean
    per token in nats, with `num_tokens`.

    Args:
        outputs: What an evaluation pass computed.
        rows: The rows of that split.
        labels: Label names in the order of the logits.
        task: The task.
    """
    predictions = meanings(task, outputs.logits, labels) if task.name != "language_modeling" else [None] * len(rows)
    wanted = rows.labels if task.name != "language_modeling" else [None] * len(rows)
    grounds = _grounds(outputs, task, len(rows))
    return [
        {"id": row_id, "split": outputs.split, "label": label, "prediction": prediction, **ground}
        for row_id, label, prediction, ground in zip(rows.ids, wanted, predictions, grounds, strict=True)
    ]


def _grounds(outputs: Outputs, task: Task, num_rows: int) -> list[dict[str, Any]]:
    if task.name == "regression":
        return [{}] * num_rows
    if task.name in ("classification", "token_classification"):
        return [{"logits": _numbers(logits)} for logits in outputs.logits]
    missing = num_rows - len(outputs.losses)  # the last texts may be too short to have a token to predict
    losses, counts = (torch.cat([part, part.new_zeros(missing)]) for part in (outputs.losses, outputs.counts))
    return [
        {"loss": loss / count if count else None, "num_tokens": int(count)}
        for loss, count in zip(losses.tolist(), counts.tolist(), strict=True)
    ]


def _numbers(logits: Tensor) -> list[Any]:
    """Logits as JSON has them; a row of NaN is null."""
    if logits.ndim == 1:
        return list(logits.tolist())
    return [None if row.isnan().all() else row.tolist() for row in logits]
