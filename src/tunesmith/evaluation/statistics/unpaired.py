"""Tests between two measurements of a model on different rows."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

from tunesmith.evaluation.statistics.additive import AdditiveMetric, Numbers
from tunesmith.evaluation.statistics.intervals import FEWEST, Interval, interval
from tunesmith.evaluation.statistics.jackknife import pseudo_values, satterthwaite, two_sided
from tunesmith.evaluation.statistics.paired import Comparison, counts_rows

RELATIVE = 1 + 1e-7
"""Tables that are as probable as the observed one up to this factor count as equally probable, as in R."""


def compare_unpaired(one: AdditiveMetric, other: AdditiveMetric) -> Comparison | None:
    """Compare a metric on one set of rows with the same metric on another.

    Where the metric is the mean of zeros and ones, the test is Fisher's exact test. Otherwise it is Welch's on
    pseudo-values (`jackknife.py`), which for a mean is Welch's t-test. The interval is made from those of the two
    values (Zou and Donner 2008, doi:10.1002/sim.3095).

    Returns:
        The first minus the second; None if either is undefined or has too few units.
    """
    first, second = one.of_all(), other.of_all()
    if min(len(one), len(other)) < FEWEST or not np.isfinite([first, second]).all():
        return None
    bounds = _difference(first, interval(one), second, interval(other))
    if counts_rows(one) and counts_rows(other):
        right, all_right = round(one.columns[:, 0].sum()), round(other.columns[:, 0].sum())
        return Comparison(first - second, bounds, fisher(right, len(one), all_right, len(other)), "Fisher, exact")
    return Comparison(first - second, bounds, _welch(one, other), "Welch")


def fisher(right: int, rows: int, other_right: int, other_rows: int) -> float:
    """Return the two-sided p-value of Fisher's exact test: the sum over tables no more probable than the observed."""
    total = right + other_right
    cells = np.arange(max(0, total - other_rows), min(total, rows) + 1)
    logs = _log_choose(rows, cells) + _log_choose(other_rows, total - cells) - _log_choose(rows + other_rows, total)
    observed = logs[int(np.searchsorted(cells, right))]
    return float(min(1.0, np.exp(logs[logs <= observed + math.log(RELATIVE)]).sum()))


def _log_choose(count: int, chosen: npt.NDArray[np.int64] | int) -> Numbers:
    logs: Numbers = gammaln(count + 1) - gammaln(np.asarray(chosen) + 1) - gammaln(count - np.asarray(chosen) + 1)
    return logs


def _welch(one: AdditiveMetric, other: AdditiveMetric) -> float:
    values = [pseudo_values(metric) for metric in (one, other)]
    squares = [float(value.var(ddof=1)) / len(value) for value in values]
    if not np.isfinite(squares).all():
        return 1.0
    gap = one.of_all() - other.of_all()
    if sum(squares) == 0:
        return 1.0 if gap == 0 else 0.0
    freedom = satterthwaite([(square, len(value) - 1) for square, value in zip(squares, values, strict=True)])
    return two_sided(gap / math.sqrt(sum(squares)), freedom)


def _difference(first: float, one: Interval | None, second: float, other: Interval | None) -> Interval | None:
    if one is None or other is None:
        return None
    return Interval(
        first - second - math.hypot(first - one.low, other.high - second),
        first - second + math.hypot(one.high - first, second - other.low),
    )
