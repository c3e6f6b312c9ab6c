"""Pseudo-values: what each row contributes to any metric, as if the metric were a mean over rows."""

from __future__ import annotations

import numpy as np
from scipy.special import stdtr, stdtrit

from tunesmith.evaluation.statistics.additive import AdditiveMetric, Numbers


def pseudo_values(metric: AdditiveMetric) -> Numbers:
    """Return n times the metric minus n - 1 times the metric without each row, shape (rows,) (Tukey 1958).

    Of a mean over rows, these are the rows' own values. Their mean's standard error is that of the metric.
    """
    rows = len(metric)
    without = metric.value(metric.columns.sum(axis=0) - metric.columns)
    values: Numbers = rows * metric.of_all() - (rows - 1) * without
    return values


def two_sided(t: float, freedom: float) -> float:
    """Return the two-sided p-value of a value of Student's t."""
    return float(2 * stdtr(freedom, -abs(t))) if np.isfinite(t) else 0.0


def half_width(error: float, freedom: float, level: float) -> float:
    """Return half the width of a confidence interval from a standard error and its degrees of freedom."""
    return float(error * stdtrit(freedom, (1 + level) / 2))


def satterthwaite(parts: list[tuple[float, float]]) -> float:
    """Return the degrees of freedom of a sum of mean squares (Satterthwaite 1946).

    Args:
        parts: Each mean square times its factor, which may be negative, with its degrees of freedom.
    """
    spread = sum(part**2 / freedom for part, freedom in parts if freedom > 0)
    return float(sum(part for part, _ in parts) ** 2 / spread) if spread > 0 else np.inf
