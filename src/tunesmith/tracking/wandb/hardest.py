"""What is worth showing of a model's predictions: where it confuses labels, where it is most wrong."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]
"""A row of `predictions.jsonl`: id, split, label, prediction, logits, and text where it was kept."""


COLUMNS = ("id", "text", "label", "prediction", "loss")
"""Of the table of worst predictions; the loss in nats."""


def cross_entropy(row: Row, labels: Sequence[str]) -> float:
    """The row's loss in nats: log-sum-exp of its logits minus the true label's logit.

    Raises:
        ValueError: The row's label is none of `labels`.
    """
    logits = [float(value) for value in row["logits"]]
    peak = max(logits)
    return peak + math.log(sum(math.exp(value - peak) for value in logits)) - logits[labels.index(row["label"])]


def worst_table(rows: Sequence[Row], labels: Sequence[str], count: int) -> list[list[Any]]:
    """The `count` rows of highest loss, the worst first, as `COLUMNS`; losses that are NaN lead.

    Raises:
        ValueError: A row's label is none of `labels`.
    """
    table = [
        [str(row["id"]), row.get("text"), row["label"], row["prediction"], cross_entropy(row, labels)] for row in rows
    ]
    table.sort(key=lambda line: math.inf if math.isnan(line[-1]) else line[-1], reverse=True)
    return table[:count]


def by_split(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The labelled rows of each split, in the order of the file."""
    splits: dict[str, list[Row]] = {}
    for row in rows:
        if row["label"] is not None:
            splits.setdefault(row["split"], []).append(row)
    return splits
