"""Metrics of the label given to each text."""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics import Metric


class BalancedAccuracy(Metric):
    """Mean recall over the labels that occur in the references, as in scikit-learn; 1 is best.

    `recall_macro` is the mean over all labels of the model, in which a label without rows counts as 0.

    Args:
        num_classes: Number of labels.
    """

    higher_is_better = True
    full_state_update = False
    right: Tensor
    there: Tensor

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        for name in ("right", "there"):
            self.add_state(name, torch.zeros(num_classes, dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, scores: Tensor, truths: Tensor) -> None:
        """Count the rows of each label, and those that are right.

        Args:
            scores: Logits or probabilities, shape (rows, labels).
            truths: The index of each row's label, shape (rows,).
        """
        right = scores.argmax(dim=1) == truths
        self.right += torch.bincount(truths[right], minlength=len(self.right))
        self.there += torch.bincount(truths, minlength=len(self.there))

    def compute(self) -> Tensor:
        """Return the mean, shape (); NaN if there are no rows."""
        occurs = self.there > 0
        return (self.right[occurs] / self.there[occurs]).mean()
