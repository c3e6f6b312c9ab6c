"""Levels of a noisy curve, with their standard errors."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class Level:
    """The mean of a stretch of a curve."""

    mean: float
    error: float
    """Its standard error, with the points taken as independent."""


def levels(values: Sequence[float], parts: int, least: int = 3) -> list[Level]:
    """Divide a curve into stretches of equal length.

    Args:
        values: The curve.
        parts: Number of stretches.
        least: Points that a stretch needs; with fewer, there are fewer stretches.
    """
    parts = min(parts, len(values) // least)
    edges = [round(len(values) * part / parts) for part in range(parts + 1)] if parts else []
    return [level(values[start:end]) for start, end in pairwise(edges)]


def level(values: Sequence[float]) -> Level:
    """The mean of at least two points."""
    return Level(statistics.fmean(values), statistics.stdev(values) / math.sqrt(len(values)))


def exceeds(high: Level, low: Level, errors: float = 4.0) -> bool:
    """Whether one level is above another by so many standard errors of their difference."""
    return high.mean - low.mean > errors * math.hypot(high.error, low.error)
