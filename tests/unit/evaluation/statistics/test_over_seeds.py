"""Runs over several seeds: components against least squares and in simulations, and tests that keep their level."""

import numpy as np
import pytest

from tunesmith.evaluation.statistics.additive import mean
from tunesmith.evaluation.statistics.over_seeds import compare_spreads, spread_over


def simulated(random, seeds, rows, of_seed, of_row, rest):
    """Values of shape (seeds, rows) around 0, from the variances of seeds, rows and what is left."""
    return (
        random.normal(0, of_seed**0.5, (seeds, 1))
        + random.normal(0, of_row**0.5, (1, rows))
        + random.normal(0, rest**0.5, (seeds, rows))
    )


def runs(table):
    return [mean(values) for values in table]


def test_components_are_those_of_an_analysis_of_variance_by_least_squares():
    table = simulated(np.random.default_rng(1), 4, 30, 0.2, 1.0, 0.5)
    seeds, rows = table.shape
    design = [[1.0, *np.eye(seeds)[s, 1:], *np.eye(rows)[r, 1:]] for s in range(seeds) for r in range(rows)]

    def rest_of(columns):
        chosen = np.array(design)[:, columns]
        fitted = chosen @ np.linalg.lstsq(chosen, table.ravel(), rcond=None)[0]
        return float(((table.ravel() - fitted) ** 2).sum())

    every = list(range(seeds + rows - 1))
    no_seeds, no_rows = [0, *every[seeds:]], every[:seeds]
    rest = rest_of(every) / ((seeds - 1) * (rows - 1))
    square_seed = (rest_of(no_seeds) - rest_of(every)) / (seeds - 1)
    square_row = (rest_of(no_rows) - rest_of(every)) / (rows - 1)
    found = spread_over(runs(table))
    assert found.of_seed == pytest.approx((square_seed - rest) / rows)
    assert found.of_rows == pytest.approx(((square_row - rest) / seeds + rest) / rows)
    assert (found.mean, found.deviation) == pytest.approx((table.mean(), table.mean(axis=1).std(ddof=1)))


def test_components_are_unbiased_and_the_interval_of_the_mean_holds():
    random = np.random.default_rng(2)
    found = [spread_over(runs(simulated(random, 5, 100, 0.002, 0.1, 0.05))) for _ in range(400)]
    assert np.mean([each.of_seed for each in found]) == pytest.approx(0.002, rel=0.12)
    assert np.mean([each.of_rows for each in found]) == pytest.approx(0.15 / 100, rel=0.05)
    assert 0.92 <= np.mean([each.interval.low <= 0 <= each.interval.high for each in found]) <= 0.98


def test_equal_methods_rarely_differ_and_the_seed_is_not_taken_for_the_method():
    random, false, paired = np.random.default_rng(3), 0, 0
    for _ in range(200):
        rows = random.normal(0, 0.3, (1, 100))
        one, other = (rows + simulated(random, 3, 100, 0.01, 0, 0.02) for _ in range(2))
        false += compare_spreads(spread_over(runs(one)), spread_over(runs(other))).p < 0.05
        gaps = one[0] - other[0]
        paired += abs(gaps.mean()) > 1.96 * gaps.std(ddof=1) / 10
    assert false <= 18
    assert paired > 100, "a paired test of two runs says nothing of their methods"


def test_runs_that_do_not_vary_have_no_share():
    found = spread_over(runs(np.ones((3, 12))))
    assert found.share_of_seed is None
    assert tuple(found.interval) == (1, 1)
    assert compare_spreads(found, found).p == 1
    shifted = spread_over(runs(np.zeros((3, 12))))
    assert compare_spreads(found, shifted).p == 0
