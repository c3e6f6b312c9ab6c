"""Losses per sample, so that a mean can be taken over whatever a step consists of."""

from __future__ import annotations

import torch
from torch import Tensor


def classification_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of each row.

    Args:
        logits: Shape (rows, labels).
        labels: Index of the right label, shape (rows,).

    Returns:
        Losses in nats, shape (rows,), in fp32 whatever the precision of the logits.
    """
    return torch.nn.functional.cross_entropy(logits.float(), labels, reduction="none")
