"""Metrics of generated texts against references, and perplexity."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torchmetrics import Metric

from tunesmith.evaluation import corpus_scores
from tunesmith.evaluation.text_scores import (
    BLEU_ORDER,
    CHARACTERS,
    WORDS,
    bleu_counts,
    chrf2_counts,
    exact_match,
    ngrams,
    rouge_1,
    rouge_2,
    rouge_l,
    token_f1,
)
from tunesmith.evaluation.words import UNSPACED


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


class _OfCorpus(Metric):
    """A score of counts that are summed over all texts."""

    higher_is_better = True
    full_state_update = False
    COUNTS: int
    """Number of counts of a text."""
    counts: Callable[[str, str], list[int]]
    value: Callable[[corpus_scores.Counts], corpus_scores.Counts]
    sums: Tensor
    texts: Tensor
    unspaced: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("sums", torch.zeros(self.COUNTS, dtype=torch.float64), dist_reduce_fx="sum")
        for name in ("texts", "unspaced"):
            self.add_state(name, torch.tensor(0), dist_reduce_fx="sum")

    def update(self, predictions: Sequence[str], truths: Sequence[str]) -> None:
        """Count the n-grams of a batch of texts."""
        for prediction, truth in zip(predictions, truths, strict=True):
            counts = torch.tensor(type(self).counts(prediction, truth), dtype=torch.float64)
            self.sums += counts.to(self.sums.device)
            self.unspaced += UNSPACED.search(truth) is not None
        self.texts += len(truths)

    def compute(self) -> Tensor:
        """Return the score from 0 to 1, shape ()."""
        return torch.as_tensor(type(self).value(self.sums.cpu().numpy()), dtype=torch.float64)


class Bleu(_OfCorpus):
    """BLEU of all texts together, from 0 to 1, with sacreBLEU's default tokens (13a), case and smoothing."""

    COUNTS = 2 * BLEU_ORDER + 2
    counts = staticmethod(bleu_counts)
    value = staticmethod(corpus_scores.bleu)

    @property
    def remark(self) -> str | None:
        """A caveat on the score, which completes a sentence that starts with the metric's name."""
        unspaced, rows = int(self.unspaced), int(self.texts)
        return (
            f"divides texts at spaces, and {unspaced} of {rows} references are in a script without spaces between "
            "words; chrf2 compares characters"
            if unspaced
            else None
        )


class ChrF2(_OfCorpus):
    """F-score of n-grams of 1 to 6 characters with recall weighted twice, from 0 to 1: sacreBLEU's default chrF."""

    COUNTS = 3 * CHARACTERS
    counts = staticmethod(chrf2_counts)
    value = staticmethod(corpus_scores.chrf2)


class BitsPerByte(Metric):
    """Loss in bits over the bytes of the predicted tokens, which does not depend on how a tokenizer divides a text.

    Tokens that stand for no text, such as an end of text, cost bits and have no bytes. NaN if the bytes are not known.
    """

    higher_is_better = False
    full_state_update = False
    losses: Tensor
    sizes: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name in ("losses", "sizes"):
            self.add_state(name, torch.tensor(0.0, dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, losses: Tensor, num_bytes: Tensor) -> None:
        """Add a batch of texts: each one's summed loss in nats and number of predicted bytes."""
        self.losses += losses.double().sum()
        self.sizes += num_bytes.double().sum()

    def compute(self) -> Tensor:
        """Return the bits per byte."""
        bits = self.losses / math.log(2) / self.sizes
        return bits if self.sizes > 0 else torch.full_like(bits, torch.nan)

    @property
    def remark(self) -> str | None:
        """Why it has no value, which completes a sentence that starts with the metric's name."""
        lost = "has no value: the model's tokenizer does not keep every byte of a text"
        return lost if self.sizes.isnan() else None


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
