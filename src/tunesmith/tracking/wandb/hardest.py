"""Select the informative predictions of a model: where it confuses labels, and where it is most wrong."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]
"""A row of `predictions.jsonl`: id, split, label, prediction, logits, and the text if it was kept."""


COLUMNS = ("id", "text", "label", "prediction", "loss")
"""Columns of the table of worst predictions; the loss is in nats."""


def cross_entropy(row: Row, labels: Sequence[str]) -> float:
    """The row's loss in nats: log-sum-exp of its logits minus the true label's logit.

    Raises:
        ValueError: The row's label is not in `labels`.
    """
    logits = [float(value) for value in row["logits"]]
    peak = max(logits)
    return peak + math.log(sum(math.exp(value - peak) for value in logits)) - logits[labels.index(row["label"])]


def worst_table(rows: Sequence[Row], labels: Sequence[str], count: int) -> list[list[Any]]:
    """The `count` rows with the highest loss, worst first, as `COLUMNS`; NaN losses come first.

    Raises:
        ValueError: A row's label is not in `labels`.
    """
    table = [
        [str(row["id"]), row.get("text"), row["label"], row["prediction"], cross_entropy(row, labels)] for row in rows
    ]
    table.sort(key=lambda line: math.inf if math.isnan(line[-1]) else line[-1], reverse=True)
    return table[:count]


def by_split(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Group the labelled rows by split, in file order."""
    splits: dict[str, list[Row]] = {}
    for row in rows:
        if row["label"] is not None:
            splits.setdefault(row["split"], []).append(row)
    return splits
