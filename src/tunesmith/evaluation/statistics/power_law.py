"""Learning curves: error against training rows as a power law with a floor, c + a n^-b (Hestness et al. 2017).

Three parameters and a handful of noisy points leave much open, so that all are kept that fit: a grid over b and c, with
`a` by weighted least squares in each cell, and each cell weighed by its likelihood. What is predicted is a quantile of
this mixture, with the noise of a measurement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tunesmith.evaluation.statistics.intervals import LEVEL, Interval

EXPONENTS: Final = np.geomspace(0.05, 1.5, 60)
"""Of learning curves of texts and images, between 0.07 and 0.5 (Hestness et al. 2017); 1 where a task is solved."""
NUM_FLOORS: Final = 60
DRAWS: Final = 20_000

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PowerLaw:
    """Curves that fit a learning curve, each drawn as often as it is likely."""

    scales: Numbers
    """`a` of each draw, shape (draws,)."""
    exponents: Numbers
    """`b` of each, shape (draws,)."""
    floors: Numbers
    """`c` of each, shape (draws,)."""

    def errors(self, rows: float) -> Numbers:
        """The error at a number of training rows by each curve, shape (draws,)."""
        return self.floors + self.scales * rows**-self.exponents

    def error(self, rows: float) -> float:
        """The median of the error at a number of training rows."""
        return float(np.median(self.errors(rows)))

    def predicted(self, rows: float, noise: float) -> Interval:
        """The interval in which an error measured at a number of training rows lies.

        Args:
            rows: Training rows.
            noise: Standard deviation of a measurement.
        """
        drawn = self.errors(rows) + np.random.default_rng(1).normal(0, noise, len(self.scales))
        return Interval(*map(float, np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])))

    def gain(self, rows: float, more: float) -> Interval:
        """The interval of by how much the error falls between two numbers of training rows."""
        gains = self.errors(rows) - self.errors(more)
        return Interval(*map(float, np.quantile(gains, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])))


def fit_power_law(rows: Sequence[float], errors: Sequence[float], noise: Sequence[float]) -> PowerLaw:
    """Fit a falling power law with a floor of 0 or more.

    Args:
        rows: Training rows of each point; at least three different numbers.
        errors: The error at each, 0 or more.
        noise: Standard error of each, above 0.

    Raises:
        ValueError: There are fewer than three points, or no noise.
    """
    if len(set(rows)) < 3 or min(noise) <= 0:
        raise ValueError("a learning curve takes three different numbers of rows, and standard errors above 0")
    sizes, heights = np.asarray(rows, dtype=float), np.asarray(errors, dtype=float)
    weights = 1 / np.asarray(noise, dtype=float) ** 2
    floors = np.linspace(0, heights.min(), NUM_FLOORS)
    exponents, floors = (grid.ravel() for grid in np.meshgrid(EXPONENTS, floors))
    powers = sizes ** -exponents[:, None]  # (cells, points)
    above = heights - floors[:, None]
    precision = (weights * powers**2).sum(axis=1)
    scales = (weights * powers * above).sum(axis=1) / precision
    misfit = (weights * (above - scales[:, None] * powers) ** 2).sum(axis=1)
    likely = np.where(scales > 0, -misfit / 2 - np.log(precision) / 2, -np.inf)
    if not np.isfinite(likely).any():  # the errors do not fall at all
        likely = -misfit / 2
    shares = np.exp(likely - likely.max())
    generator = np.random.default_rng(0)
    cells = generator.choice(len(shares), DRAWS, p=shares / shares.sum())
    drawn = np.maximum(0, generator.normal(scales[cells], 1 / np.sqrt(precision[cells])))
    return PowerLaw(drawn, exponents[cells], floors[cells])
