"""What each metric is given of an evaluation pass, so that none has to guess what a number is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.classification import (
    MulticlassConfusionMatrix,
    MulticlassExactMatch,
    MulticlassStatScores,
    MultilabelCoverageError,
    MultilabelRankingAveragePrecision,
    MultilabelRankingLoss,
)

PICKING = (MulticlassStatScores, MulticlassConfusionMatrix, MulticlassExactMatch)
"""Metrics that take the largest of a row's scores, or the k largest, and look at nothing else of them."""


ORDERING = (MultilabelCoverageError, MultilabelRankingAveragePrecision, MultilabelRankingLoss)
"""Metrics that look at the order of a row's scores alone."""


class MetricInputs(Protocol):
    """The answers of all rows of a pass, in the form that each metric takes."""

    @property
    def labels(self) -> Sequence[str]:
        """Label names in the order of the logits."""
        ...

    def of(self, metric: Metric) -> tuple[Any, Any]:
        """The two arguments of the metric's `update`."""
        ...


@dataclass(frozen=True)
class PlainInputs:
    """Answers and truths as they are, for every metric."""

    answers: Any
    """What the network answered."""
    truths: Any
    """What it should have answered."""
    labels: Sequence[str] = ()

    def of(self, metric: Metric) -> tuple[Any, Any]:
        """The two arguments of the metric's `update`."""
        return self.answers, self.truths


class LabelInputs:
    """Labels of texts.

    torchmetrics takes scores for probabilities where all of them lie between 0 and 1, and for logits otherwise. So
    metrics of labels get probabilities in fp64: the softmax over the labels, or the sigmoid of each where a text may
    have several. Those that look at the order of scores alone get the logits, or their ranks: no rounding makes two
    of them equal.

    Args:
        answers: Logits, shape (rows, labels).
        truths: The index of each row's label, shape (rows,), or 1 for each label that it has, shape (rows, labels).
        labels: Label names in the order of the logits.
        several: Whether a text may have several labels.
    """

    def __init__(self, answers: Tensor, truths: Tensor, labels: Sequence[str], *, several: bool) -> None:
        self.answers = answers
        self.truths = truths
        self.labels = labels
        self.several = several

    def of(self, metric: Metric) -> tuple[Any, Any]:
        """The two arguments of the metric's `update`."""
        if isinstance(metric, PICKING):
            return self.answers, self.truths
        return self._ranks if isinstance(metric, ORDERING) else self._probabilities, self.truths

    @cached_property
    def _probabilities(self) -> Tensor:
        """Shape (rows, labels)."""
        scores: Tensor = self.answers.double()
        return scores.sigmoid() if self.several else scores.softmax(dim=1)

    @cached_property
    def _ranks(self) -> Tensor:
        """Numbers from 0 to 1 in the order of the logits, shape (rows, labels)."""
        places = torch.unique(self.answers, return_inverse=True)[1].double()
        ranks: Tensor = places / places.max().clamp(min=1)
        return ranks
