"""Entity-level precision, recall and F1 as seqeval and conlleval define them, and accuracy per word.

An entity is correct if its first word, last word and type all match. Tags are IOB1, IOB2, IOE or IOBES; consecutive
equal tags without a prefix form one entity. Words without a prediction count as outside.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torchmetrics import Metric

from tunesmith.evaluation.spans import Tags, entities


class Entities(Metric):
    """Counts entities over all sentences; base class of the scores below."""

    higher_is_better = True
    full_state_update = False
    right: Tensor
    predicted: Tensor
    wanted: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name in ("right", "predicted", "wanted"):
            self.add_state(name, torch.tensor(0.0), dist_reduce_fx="sum")

    def update(self, predictions: Sequence[Tags], truths: Sequence[Tags]) -> None:
        """Count the entities of some sentences."""
        for prediction, truth in zip(predictions, truths, strict=True):
            predicted, expected = set(entities(prediction)), set(entities(truth))
            self.right += len(predicted & expected)
            self.predicted += len(predicted)
            self.wanted += len(expected)


class EntityPrecision(Entities):
    """Correct entities as a fraction of those predicted; 0 if none was predicted."""

    def compute(self) -> Tensor:
        """Return the fraction."""
        return self.right / self.predicted.clamp(min=1)


class EntityRecall(Entities):
    """Correct entities as a fraction of those in the references; 0 if there are none."""

    def compute(self) -> Tensor:
        """Return the fraction."""
        return self.right / self.wanted.clamp(min=1)


class EntityF1(Entities):
    """Harmonic mean of precision and recall over all entities (micro average); 0 if there are none."""

    def compute(self) -> Tensor:
        """Return the harmonic mean."""
        return 2 * self.right / (self.predicted + self.wanted).clamp(min=1)


class WordAccuracy(Metric):
    """Words with the correct tag as a fraction of all words; a word without a prediction counts as wrong."""

    higher_is_better = True
    full_state_update = False
    right: Tensor
    words: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name in ("right", "words"):
            self.add_state(name, torch.tensor(0.0), dist_reduce_fx="sum")

    def update(self, predictions: Sequence[Tags], truths: Sequence[Tags]) -> None:
        """Count the words of some sentences."""
        for prediction, truth in zip(predictions, truths, strict=True):
            self.right += sum(one == other for one, other in zip(prediction, truth, strict=True))
            self.words += len(truth)

    def compute(self) -> Tensor:
        """Return the fraction."""
        return self.right / self.words.clamp(min=1)
