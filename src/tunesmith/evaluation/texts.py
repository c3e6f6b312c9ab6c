"""Metrics of texts: against what should have been written, and of how well a text was foreseen.

Words are those of `evaluation/words.py`, in any script. torchmetrics has the same metrics, and gives other values where
they matter: its ROUGE knows the letters a to z alone; its chrF leaves out references that share nothing with their
prediction, and counts orders of n-grams that no text is long enough for as failures.
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
    """Lower case without punctuation, articles and superfluous spaces, as SQuAD's evaluate-v1.1.py does it.

    Punctuation of every script goes. A text of articles or signs alone keeps them: as an answer, `A` is neither `the`
    nor nothing at all.
    """
    plain = unicodedata.normalize("NFC", text.lower())
    bare = "".join(character for character in plain if not _is_sign(character))
    forms = (" ".join(form.split()) for form in (ARTICLES.sub(" ", bare), bare, plain))
    return next((form for form in forms if form), "")


def _is_sign(character: str) -> bool:
    return character in SIGNS or unicodedata.category(character).startswith("P")


def exact_match(prediction: str, truth: str) -> float:
    """1 if both are the same once normalised, else 0 (SQuAD, arXiv:1606.05250)."""
    return float(normalized(prediction) == normalized(truth))


def token_f1(prediction: str, truth: str) -> float:
    """Harmonic mean of the words' precision and recall, as bags, once normalised (SQuAD, arXiv:1606.05250).

    As in SQuAD's second version, an empty text agrees with an empty one only.
    """
    one, other = ([part for word in normalized(text).split() for part in parted(word)] for text in (prediction, truth))
    if not one or not other:
        return float(one == other)
    return 2 * sum((Counter(one) & Counter(other)).values()) / (len(one) + len(other))


def rouge_l(prediction: str, truth: str) -> float | None:
    """F-measure of the longest common subsequence of words (Lin 2004), without stemming.

    Returns:
        2 x LCS / (words of one + words of the other); None where there is no word in the truth.
    """
    one, other = words(prediction), words(truth)
    return 2 * common_subsequence(one, other) / (len(one) + len(other)) if other else None


def common_subsequence(one: Sequence[str], other: Sequence[str]) -> int:
    """Length of the longest common subsequence, a row of the table at a time, as bits of a number (Hyyrö 2004)."""
    places: dict[str, int] = {}
    for place, word in enumerate(one):
        places[word] = places.get(word, 0) | 1 << place
    row = everywhere = (1 << len(one)) - 1  # a bit is 0 where the row steps up
    for word in other:
        matches = row & places.get(word, 0)
        row = (row + matches | row - matches) & everywhere
    return len(one) - row.bit_count()


class _MeanOverTexts(Metric):
    """Mean of a score of each text that has one; no value where none has."""

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
        """Score some texts."""
        for prediction, truth in zip(predictions, truths, strict=True):
            score = type(self).score(prediction, truth)
            if score is None:
                self.unscored += 1
            else:
                self.total += score
                self.texts += 1

    def compute(self) -> Tensor:
        """The mean."""
        return self.total / self.texts

    @property
    def remark(self) -> str | None:
        """What a reader of the mean has to know: half a sentence behind the metric's name."""
        unscored, rows = int(self.unscored), int(self.unscored + self.texts)
        return f"leaves out {unscored} of {rows} rows, whose reference has no word" if unscored else None


class ExactMatch(_MeanOverTexts):
    """Texts that are the same once normalised, as a fraction of all."""

    score = staticmethod(exact_match)


class TokenF1(_MeanOverTexts):
    """Mean F1 of the texts' words."""

    score = staticmethod(token_f1)


class RougeL(_MeanOverTexts):
    """Mean ROUGE-L of the texts whose reference has words."""

    score = staticmethod(rouge_l)


class ChrF(Metric):
    """F-score of n-grams of 1 to 6 characters and 1 to 2 words, recall weighing twice (chrF++, Popović 2017).

    The n-grams of all texts are counted together; the value is the mean over the orders of which there is any n-gram.
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
        """Count the n-grams of some texts."""
        for prediction, truth in zip(predictions, truths, strict=True):
            for order, (one, other) in enumerate(zip(self._ngrams(prediction), self._ngrams(truth), strict=True)):
                self.predicted[order] += one.total()
                self.wanted[order] += other.total()
                self.right[order] += (one & other).total()

    def compute(self) -> Tensor:
        """The mean of the F-scores, shape ()."""
        weight = self.BETA**2
        scores = (1 + weight) * self.right / (self.predicted + weight * self.wanted)
        return scores[self.predicted + self.wanted > 0].mean()

    def _ngrams(self, text: str) -> Iterator[Counter[tuple[str, ...]]]:
        """The n-grams of each order: of characters without spaces, then of words with their punctuation apart."""
        characters, tokens = "".join(text.split()), [part for word in text.split() for part in _apart(word)]
        for longest, items in ((self.CHARACTERS, characters), (self.WORDS, tokens)):
            for order in range(1, longest + 1):
                yield Counter(tuple(items[i : i + order]) for i in range(len(items) - order + 1))


def _apart(word: str) -> tuple[str, ...]:
    """A word and the punctuation mark at its end, else at its beginning, as chrF++ counts them."""
    if len(word) > 1 and word[-1] in SIGNS:
        return word[:-1], word[-1]
    return (word[0], word[1:]) if len(word) > 1 and word[0] in SIGNS else (word,)


class Perplexity(Metric):
    """exp of the mean loss per predicted token: the loss of all tokens over their number, not a mean over texts."""

    higher_is_better = False
    full_state_update = False
    losses: Tensor
    tokens: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name in ("losses", "tokens"):
            self.add_state(name, torch.tensor(0.0, dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, losses: Tensor, tokens: Tensor) -> None:
        """Add some texts: summed loss in nats and number of predicted tokens of each."""
        self.losses += losses.double().sum()
        self.tokens += tokens.double().sum()

    def compute(self) -> Tensor:
        """The perplexity."""
        return torch.exp(self.losses / self.tokens)
