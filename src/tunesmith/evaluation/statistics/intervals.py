"""Confidence intervals of metrics over the rows that were measured."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import ndtr, ndtri

from tunesmith.evaluation.statistics.additive import AdditiveMetric, Numbers
from tunesmith.evaluation.statistics.resampling import drawn_sums, kinds

DRAWS = 2000
LEVEL = 0.95
FEWEST = 10
"""Rows below which no interval is given: so few cannot show how much rows vary."""


class Interval(NamedTuple):
    """Bounds of a confidence interval."""

    low: float
    high: float


def interval(metric: AdditiveMetric, level: float = LEVEL, draws: int = DRAWS, seed: int = 0) -> Interval | None:
    """Return a bootstrap interval of a metric, bias-corrected and accelerated (BCa; Efron 1987).

    Args:
        metric: The metric, with an entry for each unit that is drawn: rows, or groups of rows.
        level: Probability that the interval contains the value on all rows of this kind.
        draws: Number of draws.
        seed: Seed of the draws.

    Returns:
        The bounds; None if the metric is undefined or there are fewer than `FEWEST` units.
    """
    value = metric.of_all()
    if len(metric) < FEWEST or not np.isfinite(value):
        return None
    values = metric.value(drawn_sums(metric.columns, draws, seed))
    values = values[np.isfinite(values)]
    if len(values) < draws / 2:  # e.g. a correlation of numbers that are mostly one
        return None
    if values.max() == values.min():
        return _of_constant(metric, value, level)
    shares = ndtr(_bias_corrected(metric, value, values, level))
    low, high = np.quantile(values, shares)
    return Interval(float(low), float(high))


def _bias_corrected(metric: AdditiveMetric, value: float, values: Numbers, level: float) -> Numbers:
    """Return the normal quantiles at which the draws are to be read, shape (2,)."""
    below = (np.count_nonzero(values < value) + np.count_nonzero(values == value) / 2) / len(values)
    bias = float(ndtri(np.clip(below, 1 / len(values), 1 - 1 / len(values))))
    ends = bias + ndtri(np.array([(1 - level) / 2, (1 + level) / 2]))
    quantiles: Numbers = bias + ends / (1 - _acceleration(metric) * ends)
    return quantiles


def _acceleration(metric: AdditiveMetric) -> float:
    """Return the skewness of the metric without one row at a time, divided by 6 (Efron 1987, equation 6.6)."""
    distinct, counts = kinds(metric.columns)
    without = metric.value(metric.columns.sum(axis=0) - distinct)
    if not np.isfinite(without).all():
        return 0.0
    gaps = np.average(without, weights=counts) - without
    spread = float((counts * gaps**2).sum())
    return float((counts * gaps**3).sum()) / (6 * spread**1.5) if spread > 0 else 0.0


def _of_constant(metric: AdditiveMetric, value: float, level: float) -> Interval | None:
    """Return the exact binomial bounds where all rows are right, or all wrong; drawing them shows no spread.

    Clopper and Pearson's bounds for 0 of n or n of n; None for other metrics.
    """
    if metric.columns.shape[1] != 2 or value not in (0.0, 1.0) or (metric.columns[:, 1] != 1).any():
        return None
    least = ((1 - level) / 2) ** (1 / len(metric))
    return Interval(least, 1.0) if value == 1.0 else Interval(0.0, 1 - least)
