"""How often answers are right that a model is so sure of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

NUM_BINS = 10


class ReliabilityBin(NamedTuple):
    """Answers of about the same confidence."""

    low: float
    high: float
    num_rows: int
    confidence: float
    """Mean confidence of the answers."""
    accuracy: float
    """Share of them that is right."""


def confidences_of(logits: Sequence[Sequence[float]]) -> npt.NDArray[np.float64]:
    """Return the softmax probability of the most likely label of each row, shape (rows,); logits of (rows, labels)."""
    numbers = np.asarray(logits, dtype=float)
    exponentials = np.exp(numbers - numbers.max(axis=1, keepdims=True))
    most: npt.NDArray[np.float64] = 1 / exponentials.sum(axis=1)
    return most


def reliability_bins(confidences: npt.NDArray[np.float64], right: npt.NDArray[np.bool_]) -> list[ReliabilityBin]:
    """Divide answers into bins of equal width by their confidence, without empty ones.

    Args:
        confidences: Between 0 and 1, shape (rows,).
        right: Whether each answer is right, shape (rows,).
    """
    places = np.clip(np.ceil(confidences * NUM_BINS).astype(int) - 1, 0, NUM_BINS - 1)
    bins = []
    for place in np.unique(places):
        inside = places == place
        low, high = float(place / NUM_BINS), float((place + 1) / NUM_BINS)
        means = (float(confidences[inside].mean()), float(right[inside].mean()))
        bins.append(ReliabilityBin(low, high, int(inside.sum()), *means))
    return bins


def calibration_gap(bins: Sequence[ReliabilityBin]) -> float:
    """Return the expected calibration error, the mean gap of confidence and accuracy (Naeini et al. 2015)."""
    total = sum(each.num_rows for each in bins)
    return sum(each.num_rows * abs(each.confidence - each.accuracy) for each in bins) / total
