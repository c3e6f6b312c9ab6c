"""Metrics of texts: against what should have been written, and of how well a text was foreseen."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.text import CHRFScore, ROUGEScore

ARTICLES = re.compile(r"\b(a|an|the)\b")
PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalized(text: str) -> str:
    """Lower case without punctuation, articles and superfluous spaces, as SQuAD's evaluate-v1.1.py does it."""
    return " ".join(ARTICLES.sub(" ", text.lower().translate(PUNCTUATION)).split())


def exact_match(prediction: str, truth: str) -> float:
    """1 if both are the same once normalised, else 0 (SQuAD, arXiv:1606.05250)."""
    return float(normalized(prediction) == normalized(truth))


def token_f1(prediction: str, truth: str) -> float:
    """Harmonic mean of the words' precision and recall, as bags, once normalised (SQuAD, arXiv:1606.05250).

    As in SQuAD's second version, an empty text agrees with an empty one only.
    """
    one, other = normalized(prediction).split(), normalized(truth).split()
    if not one or not other:
        return float(one == other)
    return 2 * sum((Counter(one) & Counter(other)).values()) / (len(one) + len(other))


class _MeanOverTexts(Metric):
    """Mean of a score of each text."""

    higher_is_better = True
    full_state_update = False
    score: Callable[[str, str], float]
    total: Tensor
    texts: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name in ("total", "texts"):
            self.add_state(name, torch.tensor(0.0, dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, predictions: Sequence[str], truths: Sequence[str]) -> None:
        """Score some texts."""
        self.total += sum(type(self).score(one, other) for one, other in zip(predictions, truths, strict=True))
        self.texts += len(truths)

    def compute(self) -> Tensor:
        """The mean."""
        return self.total / self.texts.clamp(min=1)


class ExactMatch(_MeanOverTexts):
    """Texts that are the same once normalised, as a fraction of all."""

    score = staticmethod(exact_match)


class TokenF1(_MeanOverTexts):
    """Mean F1 of the texts' words."""

    score = staticmethod(token_f1)


class RougeL(ROUGEScore):
    """F-measure of the longest common subsequence of words (Lin 2004), by torchmetrics, without stemming."""

    def __init__(self) -> None:
        super().__init__(rouge_keys=("rougeL",))

    def compute(self) -> Tensor:  # type: ignore[override]
        """The mean over texts."""
        value: Tensor = super().compute()["rougeL_fmeasure"]
        return value


class ChrF(CHRFScore):
    """F-score of character and word n-grams over all texts (chrF++, Popović 2017), by torchmetrics."""

    def update(self, predictions: Sequence[str], truths: Sequence[str]) -> None:  # type: ignore[override]
        """Count the n-grams of some texts."""
        super().update(predictions, [[truth] for truth in truths])


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
