"""Additive forms of metrics of the probabilities of labels, from saved logits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tunesmith.evaluation.calibration import NUM_BINS, confidences
from tunesmith.evaluation.statistics.additive import AdditiveMetric, Numbers, mean, ratio
from tunesmith.evaluation.statistics.of_labels import Form, Rows


def logits_of(rows: Rows) -> Numbers:
    """Return the logits of rows of `predictions.jsonl`, shape (rows, labels)."""
    return np.array([row["logits"] for row in rows], dtype=float)


def truths_of(rows: Rows, labels: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Return whether each row has each label, shape (rows, labels)."""
    if isinstance(rows[0]["label"], list):
        return np.array([[label in row["label"] for label in labels] for row in rows])
    return np.array([[label == row["label"] for label in labels] for row in rows])


def probabilities_of(rows: Rows) -> Numbers:
    """Return the probability of each label, shape (rows, labels): each for itself if rows may have several."""
    logits = logits_of(rows)
    if isinstance(rows[0]["label"], list):
        return np.asarray(np.exp(-np.logaddexp(0, -logits)))
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))


def log_losses(rows: Rows, labels: Sequence[str], keywords: Mapping[str, Any]) -> dict[str, AdditiveMetric]:
    """Return the cross-entropy in nats; the mean over labels if rows may have several."""
    logits, there = logits_of(rows), truths_of(rows, labels)
    if isinstance(rows[0]["label"], list):
        return {"": mean(np.logaddexp(0, np.where(there, -logits, logits)).mean(axis=1))}
    top = logits.max(axis=1, keepdims=True)
    spread = top[:, 0] + np.log(np.exp(logits - top).sum(axis=1))
    right = np.array([labels.index(row["label"]) for row in rows])
    return {"": mean(spread - logits[np.arange(len(rows)), right])}


def brier(rows: Rows, labels: Sequence[str], keywords: Mapping[str, Any]) -> dict[str, AdditiveMetric]:
    """Return the Brier score: summed over the labels, or their mean if rows may have several."""
    squares = (probabilities_of(rows) - truths_of(rows, labels)) ** 2
    return {"": mean(squares.mean(axis=1) if isinstance(rows[0]["label"], list) else squares.sum(axis=1))}


def calibration_error(rows: Rows, labels: Sequence[str], keywords: Mapping[str, Any]) -> dict[str, AdditiveMetric]:
    """Return the expected calibration error: of each bin, it needs the sum of right answers minus probabilities."""
    there = truths_of(rows, labels)
    targets = there if isinstance(rows[0]["label"], list) else there.argmax(axis=1)
    probabilities, right = (part.reshape(len(rows), -1) for part in confidences(probabilities_of(rows), targets))
    places = np.searchsorted(np.linspace(0, 1, NUM_BINS + 1)[1:-1], probabilities, side="left")  # as reliability_bins
    gaps = np.stack([((right - probabilities) * (places == bin_)).sum(axis=1) for bin_ in range(NUM_BINS)], axis=1)
    columns = np.concatenate([gaps, np.full((len(rows), 1), float(right.shape[1]))], axis=1)
    return {"": AdditiveMetric(columns, lambda sums: ratio(np.abs(sums[..., :-1]).sum(axis=-1), sums[..., -1]))}


def top_k(otherwise: Form) -> Form:
    """Return the form of accuracy with `top_k`: whether fewer than k labels have a larger logit than the right one.

    Args:
        otherwise: The form without `top_k`.
    """

    def form(rows: Rows, labels: Sequence[str], keywords: Mapping[str, Any]) -> dict[str, AdditiveMetric]:
        k = keywords.get("top_k", 1)
        if k == 1 or keywords.get("average", "macro") != "micro" or set(keywords) - {"average", "top_k"}:
            return otherwise(rows, labels, {key: it for key, it in keywords.items() if (key, it) != ("top_k", 1)})
        logits = logits_of(rows)
        right = logits[truths_of(rows, labels)]
        return {"": mean(((logits > right[:, None]).sum(axis=1) < k).astype(float))}

    return form
