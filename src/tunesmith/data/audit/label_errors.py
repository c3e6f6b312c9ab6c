"""Labels that are likely wrong: those that a model of the other rows' words contradicts.

A text's probabilities come from a logistic regression on TF-IDF that was fitted without it. By confident learning
(Northcutt et al. 2021, arXiv:1911.00068) a label is doubted if another one is at least as probable as it is, on
average, for the texts that have it. That alone also names every difficult text, so the other label must be `TIMES` as
probable as the given one too, also after both are divided by their frequency, or every text of a rare label would be
doubted. And a model that is so sure has to be right mostly (`RIGHT`): where labels cannot be told from words, none is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tunesmith.data.audit.finding import Finding, cases_of, number_of, shown, some
from tunesmith.data.audit.studied import Studied
from tunesmith.data.rows import Rows, row_place
from tunesmith.data.spellings import quoted

TIMES: Final = 20
"""How many times as probable as the given label another one has to be."""
RIGHT: Final = 0.6
"""How far the model has to agree with labels beyond chance (Cohen's kappa), where it finds one `TIMES` as probable as
the next: 1 is always, 0 no more often than by the labels' frequencies."""
FOLDS: Final = 4
INVERSE_PENALTY: Final = 10.0
"""`C` of the regression; with 1, probabilities keep so near the middle that few planted errors stand out."""
LEAST_TEXTS: Final = 50
MOST_LABELS: Final = 500
MOST_WEIGHTS: Final = 4_000_000
"""Words times labels; of more words, the most frequent are used."""
MOST_FEATURES: Final = 50_000
"""Words of the regression."""


def label_errors(splits: Mapping[str, Rows], texts: Studied) -> Iterator[Finding]:
    """The finding of labels that are likely wrong, the surest first.

    Args:
        splits: The rows of each split.
        texts: Their texts.
    """
    probabilities = out_of_fold(texts)
    suggested, times = doubted(probabilities, texts.classes)
    order = sorted(np.flatnonzero(suggested >= 0).tolist(), key=lambda text: (-times[text], text))
    if not order:
        return
    cases: list[dict[str, Any]] = []
    for text in order:
        split, row = texts.places[text]
        cases.append(
            {
                "row": row_place(splits[split], row),
                "split": split,
                "given": texts.labels[text],
                "suggested": texts.names[suggested[text]],
                "probability": round(float(probabilities[text, suggested[text]]), 3),
                "text": shown(texts.texts[text]),
            }
        )
    listed = (
        f"{case['row']} ({case['split']}): given {quoted(case['given'])}, the others say {quoted(case['suggested'])} "
        f"({case['probability']:.0%}): {case['text']}"
        for case in cases
    )
    sentence = (
        f"{number_of(len(order), 'label is', 'labels are')} contradicted by the other rows{texts.among()}: by their "
        f"words, another label is at least {TIMES} times as probable"
    )
    yield Finding("label_errors", len(order), sentence, some(listed), None, cases_of(cases))


def unfit(texts: Studied) -> str | None:
    """Why no label can be doubted here; None if it can."""
    labels = int((np.bincount(texts.classes) >= FOLDS).sum())
    if len(texts.texts) < LEAST_TEXTS or labels < 2:
        return f"that takes {LEAST_TEXTS} different texts, and {FOLDS} of each of two labels"
    if labels > MOST_LABELS:
        return f"that takes {MOST_LABELS} labels at most"
    return None


def out_of_fold(texts: Studied) -> npt.NDArray[np.float64]:
    """The probability of each label for each text from a model fitted without the text, shape (texts, labels).

    It is 0 for labels with fewer than `FOLDS` texts, and for their texts.
    """
    from sklearn.feature_extraction.text import TfidfTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold
    from sklearn.pipeline import make_pipeline

    classes = texts.classes
    known = np.flatnonzero(np.bincount(classes)[classes] >= FOLDS)
    counts, labels = _frequent(texts.words.counts[known], len(np.unique(classes[known]))), classes[known]
    probabilities = np.zeros((len(classes), len(texts.names)))
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    for fitted, rest in folds.split(counts, labels):
        regression = LogisticRegression(C=INVERSE_PENALTY, tol=1e-3, max_iter=200)
        model = make_pipeline(TfidfTransformer(sublinear_tf=True), regression).fit(counts[fitted], labels[fitted])
        probabilities[np.ix_(known[rest], regression.classes_)] = model.predict_proba(counts[rest])
    return probabilities


def doubted(
    probabilities: npt.NDArray[np.float64], given: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """The label that is suggested instead of the given one, or -1; and how many times as probable it is.

    Args:
        probabilities: From models that did not see the text, shape (texts, labels).
        given: The label of each text, shape (texts,).
    """
    every = np.arange(len(given))
    if _agreement(probabilities, given) < RIGHT:
        return np.full(len(given), -1), np.zeros(len(given))
    numbers = np.maximum(np.bincount(given, minlength=probabilities.shape[1]), 1)
    thresholds = np.bincount(given, probabilities[every, given], minlength=len(numbers)) / numbers
    confident = np.where((probabilities >= thresholds) & (probabilities > 0), probabilities, 0.0)
    best = confident.argmax(axis=1)
    times = confident[every, best] / np.maximum(probabilities[every, given], 1e-9)
    times = np.minimum(times, times * numbers[given] / numbers[best])
    return np.where((best != given) & (times >= TIMES), best, -1), times


def _agreement(probabilities: npt.NDArray[np.float64], given: npt.NDArray[np.int64]) -> float:
    second, first = np.sort(probabilities, axis=1)[:, -2:].T
    sure = np.flatnonzero(first >= TIMES * second)
    answers = probabilities[sure].argmax(axis=1)
    if not len(sure):
        return 0.0
    chance = float(np.mean(np.bincount(given, minlength=probabilities.shape[1])[answers])) / len(given)
    return (float(np.mean(answers == given[sure])) - chance) / (1 - chance) if chance < 1 else 0.0


def _frequent(counts: Any, num_labels: int) -> Any:
    """The columns of words that more than one text has, the most frequent."""
    texts_with = np.bincount(counts.indices, minlength=counts.shape[1])
    most = min(MOST_FEATURES, MOST_WEIGHTS // num_labels, int((texts_with > 1).sum()))
    return counts[:, np.sort(np.argsort(-texts_with, kind="stable")[:most])]
