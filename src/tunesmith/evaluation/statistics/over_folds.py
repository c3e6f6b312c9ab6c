"""The same folds for two models: whether their difference is more than another division of the rows would change."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tunesmith.evaluation.statistics.intervals import LEVEL, Interval
from tunesmith.evaluation.statistics.jackknife import half_width, two_sided
from tunesmith.evaluation.statistics.paired import Comparison

TEST_OVER_FOLDS = "corrected resampled t-test"


def compare_folds(ones: Sequence[float], others: Sequence[float], test_to_train: float) -> Comparison | None:
    """Compare two models by their values on the same folds (Nadeau and Bengio 2003, doi:10.1023/A:1024068626366).

    Runs of different folds share most of their training rows, so that the plain t-test over folds finds differences
    that are none. The variance of the mean difference is that of the differences times 1/J + n2/n1 instead of 1/J.

    Args:
        ones: The first model's value on each fold, over all divisions; J of them.
        others: The second's, in the same order.
        test_to_train: n2/n1, validation rows per training row of a fold.

    Returns:
        The first minus the second with a two-sided p-value and its interval; None for fewer than two folds.
    """
    gaps = np.asarray(ones, dtype=float) - np.asarray(others, dtype=float)
    if len(gaps) < 2:
        return None
    gap, freedom = float(gaps.mean()), len(gaps) - 1.0
    error = math.sqrt(float(gaps.var(ddof=1)) * (1 / len(gaps) + test_to_train))
    if error == 0:
        return Comparison(gap, Interval(gap, gap), float(gap == 0), TEST_OVER_FOLDS)
    wide = half_width(error, freedom, LEVEL)
    return Comparison(gap, Interval(gap - wide, gap + wide), two_sided(gap / error, freedom), TEST_OVER_FOLDS)
