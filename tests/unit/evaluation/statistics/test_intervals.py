"""Intervals contain the truth as often as they claim to."""

import numpy as np
import pytest
from scipy.stats import binomtest, bootstrap

from tunesmith.evaluation.statistics.additive import AdditiveMetric, mean, ratio
from tunesmith.evaluation.statistics.intervals import FEWEST, interval


def f1_macro(truths, answers):
    labels = np.eye(3)
    columns = np.concatenate([labels[truths] * labels[answers], labels[answers], labels[truths]], axis=1)
    return AdditiveMetric(columns, lambda sums: ratio(2 * sums[..., :3], sums[..., 3:6] + sums[..., 6:]).mean(axis=-1))


def draw_accuracy(random, rows):
    return mean((random.random(rows) < 0.8).astype(float))


def draw_f1(random, rows):
    truths = random.choice(3, rows, p=[0.6, 0.3, 0.1])
    return f1_macro(truths, np.where(random.random(rows) < 0.7, truths, random.choice(3, rows)))


def draw_squares(random, rows):
    return mean(random.standard_normal(rows) ** 2)


KINDS = {"accuracy": draw_accuracy, "f1": draw_f1, "squares": draw_squares}


@pytest.mark.slow
@pytest.mark.parametrize("rows", [200, 2000])
@pytest.mark.parametrize("kind", KINDS)
def test_the_truth_is_inside_in_93_to_97_of_100_draws(kind, rows):
    random, sets = np.random.default_rng(7), 1000
    truth = KINDS[kind](random, 2_000_000).of_all()
    bounds = [interval(KINDS[kind](random, rows), draws=1000, seed=number) for number in range(sets)]
    covered = sum(one.low <= truth <= one.high for one in bounds)
    assert 0.93 <= covered / sets <= 0.97


def test_bounds_are_those_of_scipy_and_the_same_every_time():
    metric = draw_squares(np.random.default_rng(3), 300)
    own = interval(metric, draws=20_000)
    scipy = bootstrap((metric.columns[:, 0],), np.mean, n_resamples=20_000, method="BCa", rng=1).confidence_interval
    assert own == pytest.approx((scipy.low, scipy.high), abs=0.01)
    assert interval(metric, draws=20_000) == own


def test_groups_that_answer_alike_widen_the_interval():
    random = np.random.default_rng(0)
    groups = np.repeat(np.arange(40), 25)
    metric = mean((random.random(40) < 0.7).astype(float)[groups])
    alone, together = interval(metric), interval(metric.by_group(list(groups)))
    assert (together.high - together.low) > 3 * (alone.high - alone.low)


def test_all_right_has_the_exact_bounds_of_a_binomial():
    exact = binomtest(30, 30).proportion_ci(0.95, "exact")
    assert interval(mean(np.ones(30))) == pytest.approx((exact.low, exact.high))
    assert interval(mean(np.zeros(30))) == pytest.approx((1 - exact.high, 1 - exact.low))


def test_too_few_rows_and_undefined_metrics_have_none():
    assert interval(mean(np.arange(FEWEST - 1.0))) is None
    assert interval(AdditiveMetric(np.zeros((50, 2)), lambda sums: ratio(sums[..., 0], sums[..., 1]))) is None
