"""Metrics of the probabilities that a model gives to labels."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy
from torchmetrics import Metric

from tunesmith.evaluation.calibration import expected_calibration_error


class MeanOverRows(Metric):
    """Mean of a score per text; base class of the scores below."""

    higher_is_better = False
    full_state_update = False
    total: Tensor
    texts: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name in ("total", "texts"):
            self.add_state(name, torch.tensor(0.0, dtype=torch.float64), dist_reduce_fx="sum")

    def compute(self) -> Tensor:
        """Return the mean, shape ()."""
        return self.total / self.texts


class BrierScore(MeanOverRows):
    """Squared distance between probabilities and truth (Brier 1950), mean over texts; 0 is best.

    With one label per text it is summed over the labels and at most 2; for two labels it is twice scikit-learn's.
    Where a text may have several labels it is the mean over the labels and at most 1.
    """

    def update(self, probabilities: Tensor, truths: Tensor) -> None:
        """Add a batch of texts.

        Args:
            probabilities: Shape (rows, labels).
            truths: The index of each row's label, shape (rows,), or 1 for each label that it has, shape (rows, labels).
        """
        if truths.ndim == 2:
            self.total += (probabilities.double() - truths).square().mean(dim=1).sum()
        else:
            there = torch.nn.functional.one_hot(truths.long(), probabilities.shape[1])
            self.total += (probabilities.double() - there).square().sum()
        self.texts += len(truths)


class LogLoss(MeanOverRows):
    """Cross-entropy in nats, mean over texts; 0 is best.

    It is unweighted and without label smoothing, in fp64, from the logits: where a probability is too small for a
    number, scikit-learn cuts it off. Where a text may have several labels it is the mean over the labels.
    """

    def update(self, logits: Tensor, truths: Tensor) -> None:
        """Add a batch of texts.

        Args:
            logits: Shape (rows, labels).
            truths: The index of each row's label, shape (rows,), or 1 for each label that it has, shape (rows, labels).
        """
        scores = logits.double()
        if truths.ndim == 2:
            self.total += binary_cross_entropy_with_logits(scores, truths.double(), reduction="none").mean(dim=1).sum()
        else:
            self.total += cross_entropy(scores, truths.long(), reduction="sum")
        self.texts += len(truths)


class CalibrationError(Metric):
    """Expected calibration error (`evaluation/calibration.py`): how far confidence is from accuracy; 0 is best."""

    higher_is_better = False
    full_state_update = False
    probabilities: list[Tensor]
    truths: list[Tensor]

    def __init__(self) -> None:
        super().__init__()
        for name in ("probabilities", "truths"):
            self.add_state(name, [], dist_reduce_fx="cat")

    def update(self, probabilities: Tensor, truths: Tensor) -> None:
        """Keep a batch of texts.

        Args:
            probabilities: Shape (rows, labels).
            truths: The index of each row's label, shape (rows,), or 1 for each label that it has, shape (rows, labels).
        """
        self.probabilities.append(probabilities.double())
        self.truths.append(truths)

    def compute(self) -> Tensor:
        """Return the error, shape ()."""
        probabilities, truths = (torch.cat(parts).cpu().numpy() for parts in (self.probabilities, self.truths))
        return torch.tensor(expected_calibration_error(probabilities, truths), dtype=torch.float64)
