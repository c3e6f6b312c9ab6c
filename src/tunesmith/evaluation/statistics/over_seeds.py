"""Several runs that differ only in their seed: how much of their spread is the seed, and how much the rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tunesmith.evaluation.statistics.additive import AdditiveMetric, Numbers
from tunesmith.evaluation.statistics.intervals import LEVEL, Interval
from tunesmith.evaluation.statistics.jackknife import half_width, pseudo_values, satterthwaite, two_sided
from tunesmith.evaluation.statistics.paired import Comparison

TEST_OVER_SEEDS = "t-test over seeds and rows"


@dataclass(frozen=True)
class Spread:
    """Runs over several seeds, measured on the same rows: a two-way layout without replication, both factors random."""

    values: Numbers
    """The metric of each run, shape (seeds,)."""
    rows: Numbers
    """Mean pseudo-value of each row over the runs, shape (rows,)."""
    of_seed: float
    """Variance of the metric from seed to seed, on all rows of this kind; unbiased, so that it may be negative."""
    of_rows: float
    """Variance of one run's metric from one sample of as many rows to another."""
    interval: Interval
    """Of the mean over all seeds and all rows of this kind."""
    parts: tuple[tuple[float, float], ...]
    """What the seeds add to the variance of the runs' mean, as mean squares with their degrees of freedom."""

    @property
    def mean(self) -> float:
        """Mean over the runs."""
        return float(self.values.mean())

    @property
    def deviation(self) -> float:
        """Standard deviation over the runs (n - 1)."""
        return float(self.values.std(ddof=1))

    @property
    def share_of_seed(self) -> float | None:
        """Share of the seed in the variance of one run's metric, from 0 to 1; None if nothing varies."""
        seed = max(self.of_seed, 0.0)
        return seed / (seed + self.of_rows) if seed + self.of_rows > 0 else None


def spread_over(runs: Sequence[AdditiveMetric]) -> Spread:
    """Divide the variance of a metric over seeds and rows.

    Pseudo-values of row r in run s are m + seed_s + row_r + rest_sr; the components are those of the analysis of
    variance (Searle, Casella and McCulloch 1992, chapter 4), and the mean's degrees of freedom are Satterthwaite's.

    Args:
        runs: The metric of at least two runs on the same units, in the same order.
    """
    table = np.stack([pseudo_values(run) for run in runs])
    seeds, rows = table.shape
    by_seed, by_row, mean = table.mean(axis=1), table.mean(axis=0), table.mean()
    square_seed = rows * float(by_seed.var(ddof=1))
    square_row = seeds * float(by_row.var(ddof=1))
    rest = table - by_seed[:, None] - by_row + mean
    square_rest = float((rest**2).sum()) / ((seeds - 1) * (rows - 1))
    values = np.array([run.of_all() for run in runs])
    parts = [(square_seed, seeds - 1.0), (square_row, rows - 1.0), (-square_rest, (seeds - 1.0) * (rows - 1))]
    # Where a component's estimate is negative, it counts as 0: the mean square of the other factor is left.
    chosen = max((parts, parts[:1], parts[1:2]), key=lambda some: sum(part for part, _ in some))
    error = math.sqrt(sum(part for part, _ in chosen) / (seeds * rows))
    wide = half_width(error, max(satterthwaite(chosen), 1.0), LEVEL) if error else 0.0
    return Spread(
        values,
        by_row,
        of_seed=(square_seed - square_rest) / rows,
        of_rows=((square_row - square_rest) / seeds + square_rest) / rows,
        interval=Interval(float(values.mean()) - wide, float(values.mean()) + wide),
        parts=tuple((square / (seeds * rows), freedom) for square, freedom in (parts[0], parts[2])),
    )


def compare_spreads(one: Spread, other: Spread) -> Comparison:
    """Compare two methods, each run over several seeds on the same rows.

    The means' difference varies with the seeds of either, and with the rows, on which both are measured: its variance
    is the sum of the seeds' variance of the means and of the variance of the rows' differences over their number.

    Returns:
        The first minus the second, with a t-test and its interval.
    """
    gaps = one.rows - other.rows
    of_rows = float(gaps.var(ddof=1)) / len(gaps)
    parts = [*one.parts, *other.parts, (of_rows, len(gaps) - 1.0)]
    error = math.sqrt(max(sum(part for part, _ in parts), of_rows))
    gap = one.mean - other.mean
    if error == 0:
        return Comparison(gap, Interval(gap, gap), float(gap == 0), TEST_OVER_SEEDS)
    freedom = max(satterthwaite(parts), 1.0)
    wide = half_width(error, freedom, LEVEL)
    return Comparison(gap, Interval(gap - wide, gap + wide), two_sided(gap / error, freedom), TEST_OVER_SEEDS)
