"""Answers of trivial models, to hold a result against: guesses that ignore the text, and linear models of its words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

MOST_ROWS = 20_000
"""Training rows that a linear model is fitted on at most, so that it costs seconds."""
MOST_WORDS = 100_000
"""Words and pairs of words that it knows at most, the most frequent."""
MOST_WEIGHTS = 1_000_000
"""Weights of the model at most, one for each word and label: with 150 labels and 12,000 rows that is 545 MB and 13 s in
place of 4.4 GB and 125 s, and no less accurate."""
MOST_CELLS = 1_000_000
"""Rows times labels that models of several labels per text are fitted on at most: each label has its own model."""
VERSION = 2
"""Goes up with every change that may change an answer: answers are cached."""
LEAST = 1e-6
"""Probability of an answer that a baseline never gives."""
LINEAR = "TF-IDF + logistic regression"
RIDGE = "TF-IDF + ridge regression"
MAJORITY = "majority"
RANDOM = "random by frequency"

Answers = dict[str, npt.NDArray[np.float64]]
"""Name to what a network would have answered: logits of shape (rows, labels), or numbers of shape (rows,)."""


def for_one_label(
    texts: Sequence[str], labels: npt.NDArray[Any], others: Sequence[str], size: int, seed: int
) -> Answers:
    """Return baselines for one label per text, as log-probabilities of shape (rows, labels).

    Args:
        texts: The training texts.
        labels: The index of each one's label, shape (texts,).
        others: The texts to answer.
        size: Number of labels.
        seed: Seed of the random answers, and of the training rows if there are more than `MOST_ROWS`.
    """
    shares = np.bincount(labels, minlength=size) / len(labels)
    drawn = np.random.default_rng(seed).choice(size, len(others), p=shares)
    answers = {MAJORITY: _logs(np.tile(shares, (len(others), 1))), RANDOM: _logs(np.eye(size)[drawn])}
    chosen = _sample(len(texts), seed)
    if len(np.unique(labels[chosen])) > 1:
        from sklearn.linear_model import LogisticRegression

        known, asked = _word_weights([texts[i] for i in chosen], others, MOST_WEIGHTS // size)
        if known is not None:
            model = LogisticRegression(max_iter=200).fit(known, labels[chosen])
            probabilities = np.zeros((len(others), size))
            probabilities[:, model.classes_] = model.predict_proba(asked)
            answers[LINEAR] = _logs(probabilities)
    return answers


def for_several_labels(texts: Sequence[str], labels: npt.NDArray[Any], others: Sequence[str], seed: int) -> Answers:
    """Return baselines for any number of labels per text, as logits of shape (rows, labels).

    Args:
        texts: The training texts.
        labels: 1 for each label of a text, else 0; shape (texts, labels).
        others: The texts to answer.
        seed: As in `for_one_label`.
    """
    from sklearn.linear_model import LogisticRegression

    shares = labels.mean(axis=0)
    random = np.random.default_rng(seed).random((len(others), len(shares))) < shares
    answers = {MAJORITY: _logits(np.tile(shares, (len(others), 1))), RANDOM: _logits(random.astype(float))}
    chosen = _sample(len(texts), seed, MOST_CELLS // max(1, len(shares)))
    known, asked = _word_weights([texts[i] for i in chosen], others, MOST_WEIGHTS // max(1, len(shares)))
    if known is not None:
        probabilities = np.tile(shares, (len(others), 1))
        for label, column in enumerate(labels[chosen].T):
            if 0 < column.sum() < len(column):
                probabilities[:, label] = LogisticRegression(max_iter=200).fit(known, column).predict_proba(asked)[:, 1]
        answers[LINEAR] = _logits(probabilities)
    return answers


def for_numbers(texts: Sequence[str], numbers: npt.NDArray[Any], others: Sequence[str], seed: int) -> Answers:
    """Return baselines for a number per text, of shape (rows,).

    Args:
        texts: The training texts.
        numbers: The number of each, shape (texts,).
        others: The texts to answer.
        seed: Seed of the training rows if there are more than `MOST_ROWS`.
    """
    from sklearn.linear_model import Ridge

    answers = {"mean": np.full(len(others), float(numbers.mean()))}
    chosen = _sample(len(texts), seed)
    known, asked = _word_weights([texts[i] for i in chosen], others)
    if known is not None:
        answers[RIDGE] = Ridge().fit(known, numbers[chosen].astype(float)).predict(asked)
    return answers


def _sample(count: int, seed: int, most: int = MOST_ROWS) -> npt.NDArray[np.int64]:
    most = max(1, min(most, MOST_ROWS))
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, most, replace=False))


def _word_weights(texts: Sequence[str], others: Sequence[str], most: int = MOST_WORDS) -> tuple[Any, Any]:
    """Return TF-IDF weights of words and pairs of words, of the texts to fit on and of others; None without words."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    weights = TfidfVectorizer(
        ngram_range=(1, 2), sublinear_tf=True, max_features=max(1, min(most, MOST_WORDS)), token_pattern=r"\w+"
    )
    try:
        return weights.fit_transform(texts), weights.transform(others)
    except ValueError:  # no text has a word
        return None, None


def _logs(probabilities: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    logs: npt.NDArray[np.float64] = np.log(np.maximum(probabilities, LEAST))
    return logs


def _logits(probabilities: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    inside = np.clip(probabilities, LEAST, 1 - LEAST)
    logits: npt.NDArray[np.float64] = np.log(inside / (1 - inside))
    return logits
