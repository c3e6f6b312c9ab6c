"""What each metric is given of an evaluation pass, so that none has to guess what a number is."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

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

from tunesmith.config.schema import Task
from tunesmith.evaluation.answers import meanings

PICKING = (MulticlassStatScores, MulticlassConfusionMatrix, MulticlassExactMatch)
"""Metrics that take the largest of a row's scores, or the k largest, and look at nothing else of them."""


ORDERING = (MultilabelCoverageError, MultilabelRankingAveragePrecision, MultilabelRankingLoss)
"""Metrics that look at the order of a row's scores alone."""


class Inputs:
    """The answers of all rows of a pass, in the form that a metric takes.

    torchmetrics takes scores for probabilities where all of them lie between 0 and 1, and for logits otherwise. So
    metrics of labels get probabilities in fp64: the softmax over the labels, or the sigmoid of each where a text may
    have several. Those that look at the order of scores alone get the logits, or their ranks: no rounding makes two
    of them equal.

    Args:
        answers: What the network answered, as the task's objective gives it.
        truths: What it should have answered.
        labels: Label names in the order of the logits.
        task: The task.
    """

    def __init__(self, answers: Any, truths: Any, labels: Sequence[str], task: Task) -> None:
        self.answers = answers
        self.truths = truths
        self.labels = labels
        self.task = task

    def of(self, metric: Metric) -> tuple[Any, Any]:
        """The two arguments of the metric's `update`."""
        if self.task.name == "regression":  # correlations of numbers that vary little lose digits in fp32
            return self.answers.double(), self.truths.double()
        if self.task.name == "token_classification":
            return self._tags, self.truths
        if self.task.name != "classification":
            return self.answers, self.truths
        if isinstance(metric, PICKING):
            return self.answers, self.truths
        return self._ranks if isinstance(metric, ORDERING) else self._probabilities, self.truths

    @cached_property
    def _probabilities(self) -> Tensor:
        """Shape (rows, labels)."""
        scores: Tensor = self.answers.double()
        return scores.sigmoid() if self.task.multi_label else scores.softmax(dim=1)

    @cached_property
    def _ranks(self) -> Tensor:
        """Numbers from 0 to 1 in the order of the logits, shape (rows, labels)."""
        places = torch.unique(self.answers, return_inverse=True)[1].double()
        ranks: Tensor = places / places.max().clamp(min=1)
        return ranks

    @cached_property
    def _tags(self) -> list[Any]:
        return meanings(self.task, self.answers, self.labels)
