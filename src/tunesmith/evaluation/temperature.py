"""Temperature scaling: one number that makes a model's probabilities believable and changes none of its answers.

Guo, Pleiss, Sun and Weinberger 2017, "On Calibration of Modern Neural Networks" (arXiv:1706.04599), section 4.2.
"""

from __future__ import annotations

import math

import numpy as np

from tunesmith.evaluation.label_scores import LabelScores

LARGEST = 100.0
"""The largest temperature that is believed, and the inverse of the smallest."""
SHARPER = "they would only be better with probabilities of 0 and 1: next to every answer is right"
FLATTER = "they would only be better with all labels equally probable: the answers say next to nothing of the labels"


def fit_temperature(scores: LabelScores) -> float | None:
    """Return the temperature T at which `softmax(logits / T)` has the smallest negative log-likelihood.

    Where a text may have several labels, it is `sigmoid(logits / T)`, with one T for all labels. The likelihood is
    concave in 1/T, so its only optimum is where the derivative is zero (found by Brent's method).

    Args:
        scores: Of rows that the model was not trained on.

    Returns:
        None if the optimum is at no temperature from 1/100 to 100; `why_none` says why.
    """
    if _slope(scores, 1 / LARGEST) >= 0 or _slope(scores, LARGEST) <= 0:
        return None
    from scipy.optimize import brentq  # 0.3 s

    ends = (-math.log(LARGEST), math.log(LARGEST))
    return math.exp(-float(brentq(lambda power: _slope(scores, math.exp(power)), *ends, xtol=1e-12)))


def why_none(scores: LabelScores) -> str:
    """Say why there is no temperature, to complete a sentence about the probabilities of these rows."""
    return FLATTER if _slope(scores, 1 / LARGEST) >= 0 else SHARPER


def _slope(scores: LabelScores, inverse: float) -> float:
    """Return the derivative of the mean negative log-likelihood by the inverse of the temperature."""
    probabilities = scores.probabilities(1 / inverse)
    if scores.several:
        wrong = np.where(scores.targets != 0, 1 - probabilities, probabilities)
        return float(-(wrong * scores.margins).mean())
    expected = (probabilities * scores.logits).sum(axis=1)
    return float((expected - scores.logits[np.arange(len(expected)), scores.targets]).mean())
