"""Metrics as functions of sums over rows, so that resampling rows costs a matrix product."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class AdditiveMetric:
    """A metric of a split that depends on its rows only through sums."""

    columns: Numbers
    """What each row contributes, shape (rows, sums)."""
    value: Callable[[Numbers], Numbers]
    """Sums of shape (..., sums) to values of shape (...); NaN where undefined."""

    def __len__(self) -> int:
        return len(self.columns)

    def of_all(self) -> float:
        """Return the metric of all rows."""
        return float(self.value(self.columns.sum(axis=0)))

    def take(self, rows: Any) -> AdditiveMetric:
        """Return the metric of some rows, by their positions."""
        return AdditiveMetric(self.columns[rows], self.value)

    def by_group(self, groups: Sequence[int]) -> AdditiveMetric:
        """Return the same metric with one entry per group of rows, so that groups are drawn.

        Args:
            groups: The group of each row, numbered from 0.
        """
        sums = np.zeros((max(groups) + 1, self.columns.shape[1]))
        np.add.at(sums, list(groups), self.columns)
        return AdditiveMetric(sums, self.value)


def mean(values: Numbers, weights: Numbers | None = None) -> AdditiveMetric:
    """Return the mean of a value per row, weighted or not, as a metric; shapes (rows,)."""
    weights = np.ones(len(values)) if weights is None else weights
    return AdditiveMetric(np.stack([values * weights, weights], axis=1), lambda sums: ratio(sums[..., 0], sums[..., 1]))


def ratio(numerator: Numbers, denominator: Numbers, empty: float = np.nan) -> Numbers:
    """Divide elementwise; `empty` where the denominator is 0."""
    divided = np.full(np.broadcast(numerator, denominator).shape, empty)
    np.divide(numerator, denominator, out=divided, where=denominator != 0)
    return divided
