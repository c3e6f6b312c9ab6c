"""Runs that differ only in their seed as one method, and methods compared with the best."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from tunesmith.config.changes import differing
from tunesmith.evaluation.statistics.additive import AdditiveMetric
from tunesmith.evaluation.statistics.intervals import FEWEST
from tunesmith.evaluation.statistics.jackknife import pseudo_values
from tunesmith.evaluation.statistics.over_seeds import Spread, compare_spreads, spread_over
from tunesmith.evaluation.statistics.paired import Comparison, compare, holm
from tunesmith.runs.record import Record


@dataclass(frozen=True)
class Contender:
    """One run, or several over seeds, measured on the same rows."""

    runs: Sequence[int]
    """Places of the runs among all."""
    value: float
    """The metric; of several runs, the mean."""
    deviation: float | None
    """Standard deviation over seeds (n - 1); None for one run."""
    unit: AdditiveMetric | None
    """The metric of the first run, if it depends on rows through sums."""
    spread: Spread | None
    """Of several runs with such a metric."""

    @classmethod
    def of(cls, runs: Sequence[int], values: Sequence[float], units: Sequence[AdditiveMetric | None]) -> Self:
        """Collect the runs of a method.

        Args:
            runs: Their places.
            values: The metric of every run.
            units: The same as a function of sums, where it is one.
        """
        own = [unit for run in runs if (unit := units[run]) is not None]
        known = len(own) == len(runs) > 1 and len(own[0]) >= FEWEST
        each = [values[run] for run in runs]
        deviation = statistics.stdev(each) if len(runs) > 1 else None
        return cls(
            runs, statistics.fmean(each), deviation, own[0] if own else None, spread_over(own) if known else None
        )


def same_but_for_seed(records: Sequence[Record]) -> list[list[int]]:
    """Group runs on the same data whose configs differ in nothing but the seed; of one seed, no two are in a group."""
    groups: list[list[int]] = []
    for place, record in enumerate(records):
        for group in groups:
            first = records[group[0]]
            seeds = {records[run].config.get("seed") for run in group}
            same_data = first.results.get("data_fingerprint") == record.results.get("data_fingerprint")
            keys = {key for key, _, _ in differing(first.config, record.config)}
            if same_data and keys == {"seed"} and record.config.get("seed") not in seeds:
                group.append(place)
                break
        else:
            groups.append([place])
    return groups


def against_first(methods: Sequence[Contender]) -> list[tuple[Comparison | None, float | None]]:
    """Compare the first with each of the others; return every test with its corrected p-value, none for the first."""
    tests = [None, *(_compared(methods[0], other) for other in methods[1:])]
    corrected = iter(holm([test.p for test in tests if test]))
    return [(test, next(corrected) if test else None) for test in tests]


def _compared(one: Contender, other: Contender) -> Comparison | None:
    if one.unit is None or other.unit is None:
        return None
    if one.spread is None and other.spread is None:
        single = len(one.runs) == len(other.runs) == 1
        return compare(one.unit, other.unit) if single else None
    ones, others = one.spread or _single(one, other.spread), other.spread or _single(other, one.spread)
    return compare_spreads(ones, others) if ones and others else None


def _single(method: Contender, like: Spread | None) -> Spread | None:
    """Return the spread of one run, which is taken to vary over seeds as another method does."""
    if like is None or method.unit is None or len(method.runs) > 1:
        return None
    rows, several = pseudo_values(method.unit), len(like.values)
    parts = tuple((part * several, freedom) for part, freedom in like.parts)
    return dataclasses.replace(like, values=np.array([method.value]), rows=rows, parts=parts)
