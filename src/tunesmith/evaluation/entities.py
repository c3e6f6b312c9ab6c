"""Entity-level precision, recall and F1 as seqeval and conlleval define them, and accuracy per word.

An entity is correct if its first word, last word and type all match. Tags are IOB1, IOB2, IOE or IOBES; consecutive
equal tags without a prefix form one entity. Words without a prediction count as outside.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torchmetrics import Metric

Tags = Sequence[str | None]
Entity = tuple[str, int, int]
"""Type, first word, last word."""

OUTSIDE = "O"


def entities(tags: Tags) -> Iterator[Entity]:
    """Yield the entities of a sentence, by the rules of conlleval.pl (seqeval's default mode)."""
    before, kind_before, start = OUTSIDE, "", 0
    for number, tag in enumerate([*tags, OUTSIDE]):
        prefix, kind = _parts(tag)
        if before != OUTSIDE and (before in "ES" or prefix in ("B", "S", OUTSIDE) or kind != kind_before):
            yield kind_before, start, number - 1
            before = OUTSIDE
        if prefix != OUTSIDE and before == OUTSIDE:
            start = number
        before, kind_before = prefix, kind


def _parts(tag: str | None) -> tuple[str, str]:
    """Split a tag into prefix and type."""
    if tag is None or tag == OUTSIDE:
        return OUTSIDE, ""
    prefix, dash, kind = tag.partition("-")
    if not dash:
        return ("I", prefix) if prefix not in ("B", "I", "E", "S") else (prefix, "")
    return (prefix, kind) if prefix in ("B", "I", "E", "S") else ("I", tag)


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
