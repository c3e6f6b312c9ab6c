"""What a model's answers mean: the form that people read, that predictions are kept in, and that metrics compare."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

THRESHOLD = 0.5
"""Probability above which a text has a label, where it may have several; metrics draw the line at the same place."""


def best_label(answers: Tensor, labels: Sequence[str]) -> list[str]:
    """The label with the largest logit of each row; answers of shape (rows, labels)."""
    return [labels[index] for index in answers.argmax(dim=1).tolist()]


def likely_labels(answers: Tensor, labels: Sequence[str]) -> list[list[str]]:
    """The labels of each row that are more likely than not; answers of shape (rows, labels)."""
    chosen = (answers.double().sigmoid() > THRESHOLD).tolist()
    return [[label for label, yes in zip(labels, row, strict=True) if yes] for row in chosen]


def best_tags(answers: Sequence[Tensor], labels: Sequence[str]) -> list[list[str | None]]:
    """The tag of each word, row by row; None for a word that the network was not shown."""
    return [_tags(logits, labels) for logits in answers]


def _tags(logits: Tensor, labels: Sequence[str]) -> list[str | None]:
    shown = ~torch.isnan(logits).all(dim=1)
    best = logits.nan_to_num(nan=-torch.inf).argmax(dim=1)
    return [labels[index] if seen else None for index, seen in zip(best.tolist(), shown.tolist(), strict=True)]
