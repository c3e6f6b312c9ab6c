"""Confidence intervals of metrics over the rows that were measured."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
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
    if (values == values[0]).all():
        return _of_constant(metric, value, level)
    distinct, counts = kinds(metric.columns)
    return corrected(value, values, metric.value(metric.columns.sum(axis=0) - distinct), counts, level)


def corrected(
    value: float, values: Numbers, without: Numbers, counts: npt.NDArray[np.int64], level: float
) -> Interval | None:
    """Return the BCa interval of drawn values.

    Args:
        value: The metric of all rows.
        values: The metric of each draw, shape (draws,); NaN where undefined.
        without: The metric without a unit of each kind, shape (kinds,).
        counts: How many units there are of each kind, shape (kinds,).
        level: As in `interval`.

    Returns:
        The bounds; None if most draws are undefined, or all are the same.
    """
    defined = values[np.isfinite(values)]
    if len(defined) < len(values) / 2 or defined.max() == defined.min():
        return None  # e.g. a correlation of numbers that are mostly one
    below = (np.count_nonzero(defined < value) + np.count_nonzero(defined == value) / 2) / len(defined)
    bias = float(ndtri(np.clip(below, 1 / len(defined), 1 - 1 / len(defined))))
    ends = bias + ndtri(np.array([(1 - level) / 2, (1 + level) / 2]))
    low, high = np.quantile(defined, ndtr(bias + ends / (1 - _acceleration(without, counts) * ends)))
    return Interval(float(low), float(high))


def _acceleration(without: Numbers, counts: npt.NDArray[np.int64]) -> float:
    """Return the skewness of the metric without one row at a time, divided by 6 (Efron 1987, equation 6.6)."""
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
