"""Chooses the form of predictions that each metric receives, so none has to guess it."""

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

from tunesmith.evaluation.labels import BalancedAccuracy
from tunesmith.evaluation.probabilities import LogLoss
from tunesmith.evaluation.texts import BitsPerByte

PICKING = (MulticlassStatScores, MulticlassConfusionMatrix, MulticlassExactMatch, BalancedAccuracy)
"""Metrics that use only which of a row's scores are the largest."""

ORDERING = (MultilabelCoverageError, MultilabelRankingAveragePrecision, MultilabelRankingLoss)
"""Metrics that use only the order of a row's scores."""


class MetricInputs(Protocol):
    """The predictions of an evaluation pass, in the form that each metric takes."""

    @property
    def labels(self) -> Sequence[str]:
        """Label names in the order of the logits."""
        ...

    def of(self, metric: Metric) -> tuple[Any, Any]:
        """Return the two arguments of the metric's `update`."""
        ...


@dataclass(frozen=True)
class PlainInputs:
    """The same predictions and references for every metric."""

    answers: Any
    """The network's predictions."""
    truths: Any
    """The references."""
    labels: Sequence[str] = ()

    def of(self, metric: Metric) -> tuple[Any, Any]:
        """Return the two arguments of the metric's `update`."""
        return self.answers, self.truths


@dataclass(frozen=True)
class LossInputs:
    """The losses of texts, with what they are divided by."""

    losses: Tensor
    """Summed loss of each text in nats, shape (rows,)."""
    counts: Tensor
    """Number of tokens in each sum, shape (rows,), or of tokens and of bytes, shape (rows, 2)."""
    labels: Sequence[str] = ()

    def of(self, metric: Metric) -> tuple[Any, Any]:
        """Return the two arguments of the metric's `update`; bytes that are not known are NaN."""
        counts = self.counts if self.counts.ndim == 2 else torch.stack([self.counts, self.counts * torch.nan], dim=1)
        return self.losses, counts[:, 1 if isinstance(metric, BitsPerByte) else 0]


class LabelInputs:
    """Inputs of metrics for labels of texts.

    torchmetrics treats scores as probabilities if all lie between 0 and 1, and as logits otherwise. So metrics get
    probabilities in fp64: the softmax over the labels, or the sigmoid of each if a text may have several. Metrics that
    use only the order of scores get the logits or their ranks, so rounding cannot make two of them equal.

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
        """Return the two arguments of the metric's `update`."""
        if isinstance(metric, (*PICKING, LogLoss)):
            return self.answers, self.truths
        return self._ranks if isinstance(metric, ORDERING) else self._probabilities, self.truths

    @cached_property
    def _probabilities(self) -> Tensor:
        """Probabilities, shape (rows, labels)."""
        scores: Tensor = self.answers.double()
        return scores.sigmoid() if self.several else scores.softmax(dim=1)

    @cached_property
    def _ranks(self) -> Tensor:
        """Numbers from 0 to 1 in the order of the logits, shape (rows, labels)."""
        places = torch.unique(self.answers, return_inverse=True)[1].double()
        ranks: Tensor = places / places.max().clamp(min=1)
        return ranks
