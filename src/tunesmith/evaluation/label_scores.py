"""The logits behind answered labels beside the right ones, read from rows of `predictions.jsonl`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Row = Mapping[str, Any]


@dataclass(frozen=True)
class LabelScores:
    """What a model gave to labels, and which are right."""

    logits: npt.NDArray[np.float64]
    """Shape (texts or words, labels)."""
    targets: npt.NDArray[np.int64]
    """The index of each label, shape (texts or words,); where a text may have several, 1 for each that it has, of the
    shape of the logits."""

    @property
    def several(self) -> bool:
        """Whether a text may have several labels, so that each has a probability by itself."""
        return self.targets.ndim == 2

    @property
    def margins(self) -> npt.NDArray[np.float64]:
        """By how much a logit speaks for the truth, where a text may have several labels: its sign is turned if not."""
        return np.where(self.targets != 0, self.logits, -self.logits)

    def probabilities(self, temperature: float = 1.0) -> npt.NDArray[np.float64]:
        """Return the softmax of the logits divided by a temperature, or the sigmoid of each, of the logits' shape."""
        scaled = self.logits / temperature
        if self.several:
            sigmoids: npt.NDArray[np.float64] = np.exp(-np.logaddexp(0, -scaled))
            return sigmoids
        odds = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        shares: npt.NDArray[np.float64] = odds / odds.sum(axis=1, keepdims=True)
        return shares

    def loss(self, temperature: float = 1.0) -> float:
        """Return the mean negative log-likelihood of the truth in nats, of texts, words, or labels of texts."""
        if self.several:
            return float(np.logaddexp(0, -self.margins / temperature).mean())
        scaled = self.logits / temperature
        shifted = scaled - scaled.max(axis=1, keepdims=True)
        there = shifted[np.arange(len(shifted)), self.targets]
        return float((np.log(np.exp(shifted).sum(axis=1)) - there).mean())


def label_scores(rows: Sequence[Row], labels: Sequence[str]) -> LabelScores | None:
    """Read the logits and labels of rows of one split; words that the model did not see are left out.

    Args:
        rows: Rows of `predictions.jsonl`.
        labels: Label names in the order of the logits.

    Returns:
        None if they are no labels of texts or words: numbers, texts, or labels that the model does not have.
    """
    try:
        return _scores(rows, {label: index for index, label in enumerate(labels)})
    except (KeyError, TypeError, ValueError, IndexError):  # rows of another task, or edited
        return None


def _scores(rows: Sequence[Row], index: Mapping[str, int]) -> LabelScores | None:
    given, right = [row["logits"] for row in rows], [row["label"] for row in rows]
    if not rows or not index or not all(isinstance(logits, list) for logits in given):
        return None
    if isinstance(right[0], str):
        targets = np.array([index[label] for label in right])
    elif all(isinstance(logit, float | int) for logits in given for logit in logits):
        targets = np.zeros((len(rows), len(index)), dtype=int)
        for row, several in enumerate(right):
            targets[row, [index[label] for label in several]] = 1
    else:
        words = [pair for one, other in zip(given, right, strict=True) for pair in zip(one, other, strict=True)]
        seen = [(logits, index[tag]) for logits, tag in words if logits is not None]
        given, targets = [logits for logits, _ in seen], np.array([target for _, target in seen])
    logits = np.array(given, dtype=float)
    known = logits.shape == (len(targets), len(index)) and bool(np.isfinite(logits).all())
    return LabelScores(logits, targets) if known else None
