"""Decision thresholds: from which logit on a label is predicted, fitted to rows that the model was not trained on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from tunesmith.evaluation.label_scores import LabelScores

ScoreName = Literal["f1", "precision", "recall"]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

DEFAULT = 0.0
"""The logit of a probability of one half."""
CLOSE = 1e-12
"""Gap up to which two scores are the same."""


@dataclass(frozen=True)
class Goal:
    """What a threshold is for: the best F1, or so much precision or recall at least, and then most of the other."""

    score: ScoreName
    least: float | None = None
    """Between 0 and 1; None for F1."""

    def __str__(self) -> str:
        """As it is typed."""
        return self.score if self.least is None else f"{self.score}={self.least:g}"


class Quality(NamedTuple):
    """How good the predictions of a label are; 0 where there is nothing to divide by."""

    precision: float
    recall: float
    f1: float


def label_margins(scores: LabelScores, label: int) -> tuple[Floats, Flags]:
    """Return what speaks for a label in each row, and whether the row has it, both of shape (rows,).

    Args:
        scores: Where a text may have several labels, or has one of two.
        label: Its index. What speaks for one of two labels is the difference of their logits.

    Raises:
        ValueError: A text has one of more than two labels.
    """
    if scores.several:
        return scores.logits[:, label], scores.targets[:, label] != 0
    if scores.logits.shape[1] != 2:
        raise ValueError("labels that exclude one another have thresholds only if there are two")
    return scores.logits[:, label] - scores.logits[:, 1 - label], scores.targets == label


def quality_at(margins: Floats, there: Flags, threshold: float) -> Quality:
    """Return precision, recall and F1 of a label that is predicted where its margin is above a threshold."""
    return Quality(*(float(each[0]) for each in _qualities(margins, there, np.array([threshold]))))


def fit_threshold(margins: Floats, there: Flags, goal: Goal) -> float | None:
    """Return the threshold that reaches a goal on these rows; one half if no other is better.

    Thresholds lie halfway between neighbouring margins. Of those that reach a precision, it is the one with the highest
    recall, and the reverse; of equally good ones, that next to one half.

    Args:
        margins: As from `label_margins`, shape (rows,).
        there: Whether each row has the label.
        goal: The goal.

    Returns:
        None if no row has the label, or no threshold reaches the goal.
    """
    if not there.any():
        return None
    thresholds = _candidates(margins)
    precision, recall, f1 = _qualities(margins, there, thresholds)
    first, second = {"f1": (f1, f1), "precision": (recall, precision), "recall": (precision, recall)}[goal.score]
    reached = recall > 0 if goal.least is None else (second >= goal.least - CLOSE) & (recall > 0)
    for score in (first, second):
        if not reached.any():
            return None
        reached &= score >= score[reached].max() - CLOSE
    return float(min(thresholds[reached], key=abs))


def most_precise(margins: Floats, there: Flags) -> float:
    """Return the highest precision that a threshold reaches on these rows."""
    return float(_qualities(margins, there, _candidates(margins))[0].max())


def _candidates(margins: Floats) -> Floats:
    """Return one half, and a threshold below each margin."""
    known = np.unique(margins)
    return np.concatenate([[DEFAULT, known[0] - 1], (known[1:] + known[:-1]) / 2])


def _qualities(margins: Floats, there: Flags, thresholds: Floats) -> tuple[Floats, Floats, Floats]:
    """Return precision, recall and F1 at each threshold."""
    own = np.sort(margins[there])
    right = len(own) - np.searchsorted(own, thresholds, side="right")
    given = len(margins) - np.searchsorted(np.sort(margins), thresholds, side="right")
    return right / np.maximum(given, 1), right / max(len(own), 1), 2 * right / np.maximum(given + len(own), 1)
