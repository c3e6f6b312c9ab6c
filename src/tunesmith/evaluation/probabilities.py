"""Metrics of the probabilities that a model gives to labels."""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics import Metric


class BrierScore(Metric):
    """Squared distance between probabilities and truth (Brier 1950), mean over texts; 0 is best.

    With one label per text it is summed over the labels and at most 2; for two labels it is twice scikit-learn's.
    Where a text may have several labels it is the mean over the labels and at most 1.
    """

    higher_is_better = False
    full_state_update = False
    total: Tensor
    texts: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name in ("total", "texts"):
            self.add_state(name, torch.tensor(0.0, dtype=torch.float64), dist_reduce_fx="sum")

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

    def compute(self) -> Tensor:
        """Return the mean, shape ()."""
        return self.total / self.texts
