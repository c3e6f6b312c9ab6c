"""Metrics of generated texts against references, and perplexity."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torchmetrics import Metric

from tunesmith.evaluation.text_scores import CHARACTERS, WORDS, exact_match, ngrams, rouge_1, rouge_2, rouge_l, token_f1


class _MeanOverTexts(Metric):
    """Mean score over the texts that have one; NaN if none has."""

    higher_is_better = True
    full_state_update = False
    score: Callable[[str, str], float | None]
    least = "no words"
    """What the reference of a text without a score has."""
    total: Tensor
    texts: Tensor
    unscored: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name in ("total", "texts", "unscored"):
            self.add_state(name, torch.tensor(0.0, dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, predictions: Sequence[str], truths: Sequence[str]) -> None:
        """Score a batch of texts."""
        for prediction, truth in zip(predictions, truths, strict=True):
            score = type(self).score(prediction, truth)
            if score is None:
                self.unscored += 1
            else:
                self.total += score
                self.texts += 1

    def compute(self) -> Tensor:
        """Return the mean."""
        return self.total / self.texts

    @property
    def remark(self) -> str | None:
        """A caveat on the mean, which completes a sentence that starts with the metric's name."""
        unscored, rows = int(self.unscored), int(self.unscored + self.texts)
        return f"leaves out {unscored} of {rows} rows, whose reference has {self.least}" if unscored else None


class ExactMatch(_MeanOverTexts):
    """Fraction of texts that equal their reference after normalisation."""

    score = staticmethod(exact_match)


class TokenF1(_MeanOverTexts):
    """Mean F1 of the texts' words."""

    score = staticmethod(token_f1)


class Rouge1(_MeanOverTexts):
    """Mean ROUGE-1 of the texts whose reference has words, in any script."""

    score = staticmethod(rouge_1)


class Rouge2(_MeanOverTexts):
    """Mean ROUGE-2 of the texts whose reference has at least two words, in any script."""

    score = staticmethod(rouge_2)
    least = "fewer than two words"


class RougeL(_MeanOverTexts):
    """Mean ROUGE-L of the texts whose reference has words."""

    score = staticmethod(rouge_l)


class ChrF(Metric):
    """F-score of n-grams of 1 to 6 characters and 1 to 2 words, with recall weighted twice (chrF++, Popović 2017).

    The n-grams of all texts are counted together; the value is the mean over the orders that occur.
    """

    higher_is_better = True
    full_state_update = False
    BETA = 2.0
    predicted: Tensor
    wanted: Tensor
    right: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name in ("predicted", "wanted", "right"):
            zeros = torch.zeros(CHARACTERS + WORDS, dtype=torch.float64)
            self.add_state(name, zeros, dist_reduce_fx="sum")

    def update(self, predictions: Sequence[str], truths: Sequence[str]) -> None:
        """Count the n-grams of a batch of texts."""
        for prediction, truth in zip(predictions, truths, strict=True):
            for order, (one, other) in enumerate(zip(ngrams(prediction), ngrams(truth), strict=True)):
                self.predicted[order] += one.total()
                self.wanted[order] += other.total()
                self.right[order] += (one & other).total()

    def compute(self) -> Tensor:
        """Return the mean of the F-scores, shape ()."""
        weight = self.BETA**2
        scores = (1 + weight) * self.right / (self.predicted + weight * self.wanted)
        return scores[self.predicted + self.wanted > 0].mean()


class Perplexity(Metric):
    """exp of the mean loss per predicted token, averaged over tokens rather than texts."""

    higher_is_better = False
    full_state_update = False
    losses: Tensor
    tokens: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name in ("losses", "tokens"):
            self.add_state(name, torch.tensor(0.0, dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, losses: Tensor, tokens: Tensor) -> None:
        """Add a batch of texts: each one's summed loss in nats and number of predicted tokens."""
        self.losses += losses.double().sum()
        self.tokens += tokens.double().sum()

    def compute(self) -> Tensor:
        """Return the perplexity."""
        return torch.exp(self.losses / self.tokens)
