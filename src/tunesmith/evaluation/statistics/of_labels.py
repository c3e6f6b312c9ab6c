"""Additive forms of metrics of labels: one per row, or several."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tunesmith.evaluation.statistics.additive import AdditiveMetric, Numbers, mean, ratio

Rows = Sequence[Mapping[str, Any]]
Form = Callable[[Rows, Sequence[str], Mapping[str, Any]], dict[str, AdditiveMetric]]
"""Makes the metric from rows of `predictions.jsonl`, the label names and the keywords of its class: name, or label, to
the metric; empty if the keywords ask for more than it knows."""

SCORES: dict[str, Callable[[Numbers, Numbers, Numbers], Numbers]] = {
    "Precision": lambda right, given, there: ratio(right, given, 0.0),
    "Recall": lambda right, given, there: ratio(right, there, 0.0),
    "F1Score": lambda right, given, there: ratio(2 * right, given + there, 0.0),
}
"""Scores of a label from its numbers of right answers, answers and rows."""


def multiclass(score: str) -> Form:
    """Return the form of torchmetrics' `Multiclass<score>`."""

    def form(rows: Rows, labels: Sequence[str], keywords: Mapping[str, Any]) -> dict[str, AdditiveMetric]:
        if set(keywords) - {"average"}:
            return {}
        average = keywords.get("average", "macro")
        if average == "micro":  # with one label per row, every score is the accuracy
            return {"": mean(np.array([row["label"] == row["prediction"] for row in rows], dtype=float))}
        counts = _counts([{row["label"]} for row in rows], [{row["prediction"]} for row in rows], labels)
        return _averaged(counts, len(labels), labels, average, SCORES[score if score != "Accuracy" else "Recall"])

    return form


def multilabel(score: str) -> Form:
    """Return the form of torchmetrics' `Multilabel<score>`."""

    def form(rows: Rows, labels: Sequence[str], keywords: Mapping[str, Any]) -> dict[str, AdditiveMetric]:
        if set(keywords) - {"average"}:
            return {}
        average = keywords.get("average", "macro")
        counts = _counts([set(row["label"]) for row in rows], [set(row["prediction"]) for row in rows], labels)
        if average == "micro":
            sums = counts.reshape(len(rows), 3, len(labels)).sum(axis=2)
            return {"": AdditiveMetric(sums, lambda totals: SCORES[score](*np.moveaxis(totals, -1, 0)))}
        return _averaged(counts, len(labels), labels, average, SCORES[score])

    return form


def matthews(rows: Rows, labels: Sequence[str], keywords: Mapping[str, Any]) -> dict[str, AdditiveMetric]:
    """Return Matthews' correlation for any number of labels (Gorodkin 2004, equation 8)."""
    if keywords:
        return {}
    size = len(labels)
    counts = _counts([{row["label"]} for row in rows], [{row["prediction"]} for row in rows], labels)

    def value(sums: Numbers) -> Numbers:
        right, given, there = (sums[..., start : start + size] for start in (0, size, 2 * size))
        total = there.sum(axis=-1)
        agreement = right.sum(axis=-1) * total - (given * there).sum(axis=-1)
        spread = (total**2 - (given**2).sum(axis=-1)) * (total**2 - (there**2).sum(axis=-1))
        return ratio(agreement, np.sqrt(spread))

    return {"": AdditiveMetric(counts, value)}


def balanced_accuracy(rows: Rows, labels: Sequence[str], keywords: Mapping[str, Any]) -> dict[str, AdditiveMetric]:
    """Return the mean recall over the labels that occur."""
    size = len(labels)
    counts = _counts([{row["label"]} for row in rows], [{row["prediction"]} for row in rows], labels)

    def value(sums: Numbers) -> Numbers:
        right, there = sums[..., :size], sums[..., 2 * size :]
        return ratio(ratio(right, there, 0.0).sum(axis=-1), (there > 0).sum(axis=-1).astype(float))

    return {"": AdditiveMetric(counts, value)}


def all_labels_right(rows: Rows, labels: Sequence[str], keywords: Mapping[str, Any]) -> dict[str, AdditiveMetric]:
    """Return the fraction of rows whose labels are all right and complete."""
    if keywords:
        return {}
    return {"": mean(np.array([set(row["label"]) == set(row["prediction"]) for row in rows], dtype=float))}


def _counts(truths: Sequence[set[str]], answers: Sequence[set[str]], labels: Sequence[str]) -> Numbers:
    """Return whether each row has each label rightly, has it as an answer, and has it; shape (rows, 3 x labels)."""
    there = np.array([[label in truth for label in labels] for truth in truths], dtype=float)
    given = np.array([[label in answer for label in labels] for answer in answers], dtype=float)
    return np.concatenate([there * given, given, there], axis=1)


def _averaged(
    counts: Numbers,
    size: int,
    labels: Sequence[str],
    average: str | None,
    score: Callable[[Numbers, Numbers, Numbers], Numbers],
) -> dict[str, AdditiveMetric]:
    def each(sums: Numbers) -> Numbers:
        return score(sums[..., :size], sums[..., size : 2 * size], sums[..., 2 * size :])

    if average in (None, "none"):
        return {label: AdditiveMetric(counts, lambda sums, i=i: each(sums)[..., i]) for i, label in enumerate(labels)}  # type: ignore[misc]
    if average == "macro":
        return {"": AdditiveMetric(counts, lambda sums: each(sums).mean(axis=-1))}
    if average == "weighted":
        return {"": AdditiveMetric(counts, lambda sums: _weighted(each(sums), sums[..., 2 * size :]))}
    return {}


def _weighted(scores: Numbers, there: Numbers) -> Numbers:
    return ratio((scores * there).sum(axis=-1), there.sum(axis=-1), 0.0)
