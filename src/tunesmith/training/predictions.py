"""Rows of `predictions.jsonl`: one format, whichever model made them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tunesmith.data.sources import Rows
from tunesmith.models.module import Outputs


def prediction_rows(outputs: Outputs, rows: Rows, labels: Sequence[str]) -> list[dict[str, Any]]:
    """One dict per row of the split, in its order: id, split, label, prediction, logits.

    Args:
        outputs: What an evaluation pass computed.
        rows: The rows of that split.
        labels: Label names in the order of the logits.
    """
    predicted = outputs.logits.argmax(dim=1).tolist()
    return [
        {"id": row_id, "split": outputs.split, "label": label, "prediction": labels[index], "logits": logits}
        for row_id, label, index, logits in zip(rows.ids, rows.labels, predicted, outputs.logits.tolist(), strict=True)
    ]
