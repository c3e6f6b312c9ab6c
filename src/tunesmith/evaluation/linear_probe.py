"""A linear probe: what a linear model reads from a network's frozen features, in the form of the network's answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tunesmith.evaluation.baselines import LEAST

PROBE = "linear probe on frozen features"

Numbers = npt.NDArray[np.float64]


def probe_one_label(features: Numbers, labels: npt.NDArray[Any], others: Numbers, size: int) -> Numbers:
    """Return log-probabilities of one label per text, shape (others, labels).

    Args:
        features: Features of the training texts, shape (texts, width).
        labels: The index of each one's label, shape (texts,).
        others: Features of the texts to answer, shape (others, width).
        size: Number of labels.
    """
    from sklearn.linear_model import LogisticRegression

    known, asked = _scaled(features, others)
    probabilities = np.zeros((len(others), size))
    if len(np.unique(labels)) == 1:
        probabilities[:, labels[0]] = 1
    else:
        model = LogisticRegression(max_iter=1000).fit(known, labels)
        probabilities[:, model.classes_] = model.predict_proba(asked)
    logs: Numbers = np.log(np.maximum(probabilities, LEAST))
    return logs


def probe_several_labels(features: Numbers, labels: npt.NDArray[Any], others: Numbers) -> Numbers:
    """Return a logit for each label, shape (others, labels).

    Args:
        features: As above.
        labels: 1 for each label of a text, else 0; shape (texts, labels).
        others: As above.
    """
    columns = [probe_one_label(features, column.astype(int), others, 2) for column in labels.T]
    logits: Numbers = np.stack([column[:, 1] - column[:, 0] for column in columns], axis=1)
    return logits


def probe_numbers(features: Numbers, numbers: npt.NDArray[Any], others: Numbers) -> Numbers:
    """Return a number for each text, shape (others,).

    Args:
        features: As above.
        numbers: The number of each training text, shape (texts,).
        others: As above.
    """
    from sklearn.linear_model import Ridge

    known, asked = _scaled(features, others)
    answers: Numbers = Ridge().fit(known, numbers.astype(float)).predict(asked)
    return answers


def _scaled(features: Numbers, others: Numbers) -> tuple[Numbers, Numbers]:
    """Shift and scale each feature to mean 0 and standard deviation 1 over the training texts."""
    mean, deviation = features.mean(axis=0), features.std(axis=0)
    scale = np.where(deviation > 0, deviation, 1.0)
    return (features - mean) / scale, (others - mean) / scale
