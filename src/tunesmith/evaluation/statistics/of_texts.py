"""Additive forms of metrics of generated texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tunesmith.evaluation.statistics.additive import AdditiveMetric, Numbers, mean, ratio
from tunesmith.evaluation.statistics.of_labels import Form, Rows
from tunesmith.evaluation.text_scores import ngrams


def mean_of_texts(score: Callable[[str, str], float | None]) -> Form:
    """Return the form of the mean of a score over the texts that have one."""

    def form(rows: Rows, labels: Sequence[str], keywords: Mapping[str, Any]) -> dict[str, AdditiveMetric]:
        scores = [score(row["prediction"], row["label"]) for row in rows]
        there = np.array([value is not None for value in scores], dtype=float)
        return {"": mean(np.array([value or 0.0 for value in scores]), there)}

    return form


def of_corpus(counts: Callable[[str, str], list[int]], value: Callable[[Numbers], Numbers]) -> Form:
    """Return the form of a score of counts that are summed over texts."""

    def form(rows: Rows, labels: Sequence[str], keywords: Mapping[str, Any]) -> dict[str, AdditiveMetric]:
        columns = np.array([counts(row["prediction"], row["label"]) for row in rows], dtype=float)
        return {"": AdditiveMetric(columns, value)}

    return form


def chrf(rows: Rows, labels: Sequence[str], keywords: Mapping[str, Any]) -> dict[str, AdditiveMetric]:
    """Return chrF++."""

    def counts(row: Mapping[str, Any]) -> list[list[int]]:
        pairs = zip(ngrams(row["prediction"]), ngrams(row["label"]), strict=True)
        return [[(one & other).total(), one.total(), other.total()] for one, other in pairs]

    columns = np.array([counts(row) for row in rows], dtype=float).transpose(0, 2, 1).reshape(len(rows), -1)

    def value(sums: Numbers) -> Numbers:
        right, given, there = np.split(sums, 3, axis=-1)
        scores = ratio(5 * right, given + 4 * there)  # recall counts twice: its weight is 2 squared
        occurs = given + there > 0
        return ratio(np.where(occurs, scores, 0.0).sum(axis=-1), occurs.sum(axis=-1).astype(float))

    return {"": AdditiveMetric(columns, value)}
