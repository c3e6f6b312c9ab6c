"""Whether probabilities can be believed: of the answers given with 80%, are 80% right?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

NUM_BINS = 15
"""Bins of equal width, as in Guo et al. 2017."""

Floats = npt.NDArray[np.floating]


class ReliabilityBin(NamedTuple):
    """Answers of about the same probability."""

    low: float
    high: float
    num_answers: int
    confidence: float
    """Mean probability of the answers."""
    accuracy: float
    """Share of them that is right."""


def expected_calibration_error(probabilities: Floats, targets: npt.NDArray[np.generic], bins: int = NUM_BINS) -> float:
    """Return the mean gap between probability and share of right answers, 0 at best and 1 at worst.

    The sum over bins of `answers in the bin / all answers * |share right - mean probability|` (Naeini et al. 2015; Guo
    et al. 2017, arXiv:1706.04599, equation 3). With one label per text, the answer is the most probable label. Where a
    text may have several, each label of each text is an answer, right if the text has the label.

    Args:
        probabilities: Shape (rows, labels); or of yes-or-no answers, shape (rows,).
        targets: The index of each row's label, shape (rows,); or 1 for yes and 0 for no, of the shape of
            `probabilities`.
        bins: Number of bins of equal width from 0 to 1; a probability between two belongs to the lower one.

    Returns:
        The error; NaN if there are no rows.

    Raises:
        ValueError: The shapes do not fit, there is no bin, or a probability is not between 0 and 1.
    """
    return calibration_gap(reliability_bins(*confidences(probabilities, targets), bins))


def confidences(probabilities: Floats, targets: npt.NDArray[np.generic]) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Return the probability of each answer and whether it is right, both of shape (answers,).

    Args:
        probabilities: As for `expected_calibration_error`.
        targets: Likewise.

    Raises:
        ValueError: The shapes do not fit.
    """
    if probabilities.shape == targets.shape:
        return probabilities.ravel(), targets.ravel() != 0
    if probabilities.ndim != 2 or targets.shape != probabilities.shape[:1]:
        raise ValueError(f"no targets of shape {targets.shape} for probabilities of shape {probabilities.shape}")
    return probabilities.max(axis=1, initial=0), probabilities.argmax(axis=1) == targets


def reliability_bins(probabilities: Floats, right: npt.NDArray[np.bool_], bins: int = NUM_BINS) -> list[ReliabilityBin]:
    """Divide answers into bins of equal width by their probability, without empty ones: a reliability diagram.

    Args:
        probabilities: Of the answers, shape (answers,).
        right: Whether each is right, shape (answers,).
        bins: Number of bins.

    Raises:
        ValueError: There is no bin, or a probability is not between 0 and 1.
    """
    if bins < 1:
        raise ValueError(f"bins must be at least 1, not {bins}")
    if not ((probabilities >= 0) & (probabilities <= 1)).all():
        raise ValueError("a probability is not between 0 and 1")
    edges, places = _places(probabilities, bins)
    return [_bin_of(edges[place : place + 2], probabilities, right, places == place) for place in np.unique(places)]


def _places(probabilities: Floats, bins: int) -> tuple[Floats, npt.NDArray[np.intp]]:
    """Return the edges of bins, and the bin of each probability."""
    edges = np.linspace(0, 1, bins + 1)
    return edges, np.searchsorted(edges[1:-1], probabilities, side="left")  # a bin ends with its upper edge


def _bin_of(
    edges: Floats, probabilities: Floats, right: npt.NDArray[np.bool_], inside: npt.NDArray[np.bool_]
) -> ReliabilityBin:
    means = (float(probabilities[inside].mean(dtype=float)), float(right[inside].mean()))
    return ReliabilityBin(float(edges[0]), float(edges[1]), int(inside.sum()), *means)


def calibration_gap(bins: Sequence[ReliabilityBin]) -> float:
    """Return the expected calibration error of answers in bins; NaN if there are none."""
    total = sum(each.num_answers for each in bins)
    gaps = sum(each.num_answers * abs(each.accuracy - each.confidence) for each in bins)
    return gaps / total if total else float("nan")


def chance_error(probabilities: Floats, bins: int = NUM_BINS) -> float:
    """Return the expected calibration error that true probabilities show by chance alone: the mean over outcomes.

    In each bin, the number of right answers is nearly normal with variance `sum of p (1 - p)`, and the mean distance of
    a normal number from its mean is `sqrt(2 / pi)` standard deviations.

    Args:
        probabilities: Of the answers, shape (answers,); those of an answer are independent of the others'.
        bins: Number of bins.
    """
    variances = np.bincount(_places(probabilities, bins)[1], weights=probabilities * (1 - probabilities))
    return float(np.sqrt(2 / np.pi * variances).sum() / max(len(probabilities), 1))
