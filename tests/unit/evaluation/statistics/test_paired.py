"""Paired tests against scipy, enumeration, and theory."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, norm

from tunesmith.evaluation.statistics.additive import mean
from tunesmith.evaluation.statistics.paired import compare, holm, mcnemar

ANSWERS = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60)


@given(ANSWERS)
def test_mcnemar_is_a_binomial_test_of_the_rows_that_differ(pairs):
    ones, others = np.array(pairs, dtype=float).T
    gained, lost = int((ones > others).sum()), int((ones < others).sum())
    expected = binomtest(gained, gained + lost).pvalue if gained + lost else 1.0
    assert mcnemar(ones, others) == pytest.approx(expected)
    assert mcnemar(others, ones) == mcnemar(ones, others)


def test_a_permutation_test_is_the_enumeration_of_all_exchanges():
    random = np.random.default_rng(4)
    ones, others = random.normal(0.5, 1, 12), random.normal(0, 1, 12)
    gaps = ones - others
    exchanged = [abs(np.dot(signs, gaps)) for signs in product((1, -1), repeat=12)]
    exact = np.mean(np.array(exchanged) >= abs(gaps.sum()) - 1e-9)
    found = compare(mean(ones), mean(others))
    assert found.difference == pytest.approx(gaps.mean())
    assert found.p == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / 10_000))
    assert found.test == "paired permutation"


@pytest.mark.slow
def test_equal_models_are_rarely_told_apart_and_the_interval_agrees():
    random = np.random.default_rng(1)
    found = []
    for _ in range(300):
        rows = random.standard_normal((2, 150))
        found.append(compare(mean(rows[0]), mean(rows[1])))
    apart = sum(one.p < 0.05 for one in found)
    assert apart <= 0.05 * 300 + 3 * np.sqrt(300 * 0.05 * 0.95)
    disagree = sum((one.p < 0.05) == (one.interval.low <= 0 <= one.interval.high) for one in found)
    assert disagree <= 9


@pytest.mark.parametrize("rows", [200, 2218])
def test_equal_classifiers_are_a_tie_in_95_of_100_draws(rows):
    random = np.random.default_rng(2)
    answers = random.random((1000, 2, rows)) < 0.8
    apart = sum(mcnemar(*pair.astype(float)) < 0.05 for pair in answers)
    assert apart <= 50


def test_three_points_on_2218_rows_are_declared_as_often_as_theory_says():
    """Rows of Rotten Tomatoes' test split; the models differ on one row in ten."""
    rows, better, worse, draws = 2218, 0.065, 0.035, 1000
    random = np.random.default_rng(3)
    kinds = random.choice(3, (draws, rows), p=[better, worse, 1 - better - worse])
    declared = sum(mcnemar((kind == 0).astype(float), (kind == 1).astype(float)) < 0.05 for kind in kinds)
    gap, spread = better - worse, better + worse
    power = norm.cdf((gap * np.sqrt(rows) - 1.96 * np.sqrt(spread)) / np.sqrt(spread - gap**2))
    assert declared / draws == pytest.approx(power, abs=0.02)


def test_equal_answers_differ_in_nothing():
    rows = mean((np.arange(50) % 3 == 0).astype(float))
    found = compare(rows, rows)
    assert (found.difference, found.p) == (0.0, 1.0)


def test_holm_by_hand_and_no_order_is_lost():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []
