"""Metrics of generated texts against references, and perplexity.

Words are those of `evaluation/words.py`, in any script (docs/decisions.md, 2026-11-26: words of every script).
torchmetrics has the same metrics, with other values: its ROUGE knows only the letters a to z; its chrF leaves out
references that share nothing with their prediction, and counts n-gram orders longer than every text as failures.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor
from torchmetrics import Metric

from tunesmith.evaluation.words import parted, words

ARTICLES = re.compile(r"\b(a|an|the)\b")
SIGNS = frozenset(string.punctuation)


def normalized(text: str) -> str:
    """Lower-case a text and remove punctuation, articles and extra spaces, like SQuAD's evaluate-v1.1.py.

    Punctuation of every script is removed. A text of only articles or punctuation keeps them: as an answer, `A` is
    neither `the` nor empty.
    """
    plain = unicodedata.normalize("NFC", text.lower())
    bare = "".join(character for character in plain if not _is_sign(character))
    forms = (" ".join(form.split()) for form in (ARTICLES.sub(" ", bare), bare, plain))
    return next((form for form in forms if form), "")


def _is_sign(character: str) -> bool:
    return character in SIGNS or unicodedata.category(character).startswith("P")


def exact_match(prediction: str, truth: str) -> float:
    """Return 1 if both are equal after normalisation, else 0 (SQuAD, arXiv:1606.05250)."""
    return float(normalized(prediction) == normalized(truth))


def token_f1(prediction: str, truth: str) -> float:
    """Return the F1 of the normalised texts' bags of words (SQuAD, arXiv:1606.05250).

    As in SQuAD 2.0, an empty text matches only an empty one.
    """
    one, other = ([part for word in normalized(text).split() for part in parted(word)] for text in (prediction, truth))
    if not one or not other:
        return float(one == other)
    return 2 * sum((Counter(one) & Counter(other)).values()) / (len(one) + len(other))


def rouge_l(prediction: str, truth: str) -> float | None:
    """Return the F-measure of the longest common subsequence of words (Lin 2004), without stemming.

    Returns:
        2 x LCS / (words of one + words of the other); None if the reference has no words.
    """
    one, other = words(prediction), words(truth)
    return 2 * common_subsequence(one, other) / (len(one) + len(other)) if other else None


def common_subsequence(one: Sequence[str], other: Sequence[str]) -> int:
    """Return the length of the longest common subsequence, by bit-parallel dynamic programming (Hyyrö 2004)."""
    places: dict[str, int] = {}
    for place, word in enumerate(one):
        places[word] = places.get(word, 0) | 1 << place
    row = everywhere = (1 << len(one)) - 1  # a bit is 0 where the table's row increases
    for word in other:
        matches = row & places.get(word, 0)
        row = (row + matches | row - matches) & everywhere
    return len(one) - row.bit_count()


class _MeanOverTexts(Metric):
    """Mean score over the texts that have one; NaN if none has."""

    higher_is_better = True
    full_state_update = False
    score: Callable[[str, str], float | None]
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
        return f"leaves out {unscored} of {rows} rows, whose reference has no words" if unscored else None


class ExactMatch(_MeanOverTexts):
    """Fraction of texts that equal their reference after normalisation."""

    score = staticmethod(exact_match)


class TokenF1(_MeanOverTexts):
    """Mean F1 of the texts' words."""

    score = staticmethod(token_f1)


class RougeL(_MeanOverTexts):
    """Mean ROUGE-L of the texts whose reference has words."""

    score = staticmethod(rouge_l)


class ChrF(Metric):
    """F-score of n-grams of 1 to 6 characters and 1 to 2 words, with recall weighted twice (chrF++, Popović 2017).

    The n-grams of all texts are counted together; the value is the mean over the orders that occur.
    """

    higher_is_better = True
    full_state_update = False
    CHARACTERS, WORDS, BETA = 6, 2, 2.0
    predicted: Tensor
    wanted: Tensor
    right: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name in ("predicted", "wanted", "right"):
            zeros = torch.zeros(self.CHARACTERS + self.WORDS, dtype=torch.float64)
            self.add_state(name, zeros, dist_reduce_fx="sum")

    def update(self, predictions: Sequence[str], truths: Sequence[str]) -> None:
        """Count the n-grams of a batch of texts."""
        for prediction, truth in zip(predictions, truths, strict=True):
            for order, (one, other) in enumerate(zip(self._ngrams(prediction), self._ngrams(truth), strict=True)):
                self.predicted[order] += one.total()
                self.wanted[order] += other.total()
                self.right[order] += (one & other).total()

    def compute(self) -> Tensor:
        """Return the mean of the F-scores, shape ()."""
        weight = self.BETA**2
        scores = (1 + weight) * self.right / (self.predicted + weight * self.wanted)
        return scores[self.predicted + self.wanted > 0].mean()

    def _ngrams(self, text: str) -> Iterator[Counter[tuple[str, ...]]]:
        """Yield the n-grams of each order: of characters without spaces, then of words, punctuation split off."""
        characters, tokens = "".join(text.split()), [part for word in text.split() for part in _apart(word)]
        for longest, items in ((self.CHARACTERS, characters), (self.WORDS, tokens)):
            for order in range(1, longest + 1):
                yield Counter(tuple(items[i : i + order]) for i in range(len(items) - order + 1))


def _apart(word: str) -> tuple[str, ...]:
    """Split off the punctuation mark at a word's end, or else at its beginning, as chrF++ does."""
    if len(word) > 1 and word[-1] in SIGNS:
        return word[:-1], word[-1]
    return (word[0], word[1:]) if len(word) > 1 and word[0] in SIGNS else (word,)


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
