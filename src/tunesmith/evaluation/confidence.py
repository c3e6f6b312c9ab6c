"""How sure a model is of the answer to a row, and what is gained by withholding the answers that it is not sure of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def answer_confidences(
    logits: Floats, prediction: str | Sequence[str | None], labels: Sequence[str], temperature: float = 1.0
) -> list[float | None]:
    """Return the probability of each decision in the answer to one row.

    Args:
        logits: Shape (labels,), or (words, labels) if each word has a tag.
        prediction: The label; the labels of a text that may have several; or the tag of each word.
        labels: Label names in the order of the logits.
        temperature: What the logits are divided by.

    Returns:
        One for a label; one per label if a text may have several, the probability that it has it or, if it is not
        predicted, that it has not; one per word for tags, None for a word that the model did not see.

    Raises:
        ValueError: The prediction is none of the labels.
    """
    scaled = np.asarray(logits, dtype=float) / temperature
    if isinstance(prediction, str):
        return [_share(scaled, labels.index(prediction))]
    if scaled.ndim == 1 and len(scaled):
        there = np.array([label in prediction for label in labels])
        return list(np.exp(-np.logaddexp(0, np.where(there, -scaled, scaled))).tolist())
    pairs = zip(scaled, prediction, strict=True)
    return [None if tag is None else _share(word, labels.index(tag)) for word, tag in pairs]


def _share(scaled: Floats, index: int) -> float:
    odds = np.exp(scaled - scaled.max())
    return float(odds[index] / odds.sum())


def row_confidence(confidences: Sequence[float | None]) -> float | None:
    """Return that of a row's least sure decision; None if it has none."""
    return min((each for each in confidences if each is not None), default=None)


def confidence_of(row: Mapping[str, Any], labels: Sequence[str], temperature: float = 1.0) -> float | None:
    """Return the confidence of a row of `predictions.jsonl`.

    Raises:
        ValueError: Its prediction is none of the labels.
    """
    given, prediction = row["logits"], row["prediction"]
    unseen = [None] * len(labels)
    logits = np.array([unseen if each is None else each for each in given], dtype=float)
    return row_confidence(answer_confidences(logits, prediction, labels, temperature))


def when_withheld(
    confidences: Sequence[float | None], right: Sequence[bool], below: float
) -> tuple[float, float | None]:
    """Return the share of rows that are answered if those below a confidence are not, and the share of them right.

    Args:
        confidences: Of each row; one without is not answered.
        right: Whether its answer is right.
        below: The confidence below which no answer is given.
    """
    answered = [good for sure, good in zip(confidences, right, strict=True) if sure is not None and sure >= below]
    return len(answered) / len(right), sum(answered) / len(answered) if answered else None
