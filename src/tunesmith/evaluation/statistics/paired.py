"""Paired tests between two models measured on the same rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import bdtr

from tunesmith.evaluation.statistics.additive import AdditiveMetric, Numbers
from tunesmith.evaluation.statistics.intervals import DRAWS, FEWEST, LEVEL, Interval, interval
from tunesmith.evaluation.statistics.resampling import exchanged_sums

EXCHANGES = 10_000
"""Draws of the permutation test; no p-value is below 1 / (EXCHANGES + 1)."""


@dataclass(frozen=True)
class Comparison:
    """Two models on the same rows."""

    difference: float
    """The first model's metric minus the second's."""
    interval: Interval | None
    """Bootstrap interval of the difference, over rows."""
    p: float
    """Probability of a difference at least as large if the models are equally good, two-sided."""
    test: str
    """Name of the test."""


def compare(one: AdditiveMetric, other: AdditiveMetric, seed: int = 0) -> Comparison | None:
    """Compare two models by the same metric on the same units, in the same order.

    Where the metric is the mean of zeros and ones, the test is McNemar's, exact: only units on which the models differ
    count. Otherwise it is a paired permutation test, whose p-value counts the observed exchange too, so it is never 0
    (Phipson and Smyth 2010, doi:10.2202/1544-6115.1585).

    Args:
        one: The metric of the first model.
        other: The metric of the second.
        seed: Seed of the draws.

    Returns:
        The comparison; None if the metric of a model is undefined or there are too few units.
    """
    first, second = one.of_all(), other.of_all()
    if len(one) < FEWEST or not np.isfinite([first, second]).all():
        return None
    bounds = interval(_difference(one, other), LEVEL, DRAWS, seed)
    if counts_rows(one) and counts_rows(other):
        return Comparison(first - second, bounds, mcnemar(one.columns[:, 0], other.columns[:, 0]), "McNemar, exact")
    ones, others = exchanged_sums(one.columns, other.columns, EXCHANGES, seed)
    exchanged = np.abs(one.value(ones) - one.value(others))
    # Sums in another order differ in their last digits; an exchange of nothing must count.
    extreme = np.count_nonzero(~(exchanged < abs(first - second) * (1 - 1e-9) - 1e-12))
    return Comparison(first - second, bounds, (extreme + 1) / (EXCHANGES + 1), "paired permutation")


def mcnemar(ones: Numbers, others: Numbers) -> float:
    """Return the two-sided p-value of McNemar's exact test.

    Args:
        ones: 1 where the first model is right, else 0; shape (rows,).
        others: The same of the second model.
    """
    fewer, more = sorted((np.count_nonzero(ones > others), np.count_nonzero(others > ones)))
    return float(min(1.0, 2 * bdtr(fewer, fewer + more, 0.5))) if more else 1.0


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number (Holm 1979): each may be compared with the level of them all."""
    order = np.argsort(p_values)
    steps = np.asarray(p_values, dtype=float)[order] * np.arange(len(p_values), 0, -1)
    corrected = np.empty(len(p_values))
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return [float(value) for value in corrected]


def _difference(one: AdditiveMetric, other: AdditiveMetric) -> AdditiveMetric:
    """Return the difference as a metric of pairs of rows."""
    width = one.columns.shape[1]
    columns = np.concatenate([one.columns, other.columns], axis=1)
    return AdditiveMetric(columns, lambda sums: one.value(sums[..., :width]) - other.value(sums[..., width:]))


def counts_rows(metric: AdditiveMetric) -> bool:
    """Whether a metric is the mean of zeros and ones, one for each unit."""
    columns = metric.columns
    return columns.shape[1] == 2 and bool((columns[:, 1] == 1).all() and np.isin(columns[:, 0], (0.0, 1.0)).all())
