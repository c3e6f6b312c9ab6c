"""How far a fraction that was measured on few rows can be trusted."""

from __future__ import annotations

import math
from typing import Final

NORMAL_95: Final = 1.959964
"""The 97.5th percentile of the normal distribution."""


def wilson(fraction: float, total: int) -> tuple[float, float]:
    """The 95% interval of a fraction of so many rows (Wilson 1927)."""
    square = NORMAL_95**2 / total
    middle = (fraction + square / 2) / (1 + square)
    half = NORMAL_95 * math.sqrt(fraction * (1 - fraction) / total + square / (4 * total)) / (1 + square)
    return max(0.0, middle - half), min(1.0, middle + half)
