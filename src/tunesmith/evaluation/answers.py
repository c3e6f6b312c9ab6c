"""Turns logits into labels, for people, for saved predictions, and for metrics."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

THRESHOLD = 0.5
"""Probability above which a text has a label in multi-label tasks; metrics use the same threshold."""


def best_label(answers: Tensor, labels: Sequence[str]) -> list[str]:
    """Return each row's label with the largest logit; answers of shape (rows, labels)."""
    return [labels[index] for index in answers.argmax(dim=1).tolist()]


def likely_labels(answers: Tensor, labels: Sequence[str]) -> list[list[str]]:
    """Return each row's labels with a probability above `THRESHOLD`; answers of shape (rows, labels)."""
    chosen = (answers.double().sigmoid() > THRESHOLD).tolist()
    return [[label for label, yes in zip(labels, row, strict=True) if yes] for row in chosen]


def best_tags(answers: Sequence[Tensor], labels: Sequence[str]) -> list[list[str | None]]:
    """Return the tag of each word, row by row; None for a word that was cut off."""
    return [_tags(logits, labels) for logits in answers]


def _tags(logits: Tensor, labels: Sequence[str]) -> list[str | None]:
    shown = ~torch.isnan(logits).all(dim=1)
    best = logits.nan_to_num(nan=-torch.inf).argmax(dim=1)
    return [labels[index] if seen else None for index, seen in zip(best.tolist(), shown.tolist(), strict=True)]
