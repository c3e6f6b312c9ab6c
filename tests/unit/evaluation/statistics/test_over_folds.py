"""The corrected resampled t-test against scipy and by simulation: it accuses equals no more often than it says."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tunesmith.evaluation.statistics.over_folds import compare_folds

values = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=20)


@given(values)
def test_without_its_correction_it_is_the_paired_t_test(pairs):
    ones, others = map(list, zip(*pairs, strict=True))
    gaps = np.subtract(ones, others)
    if gaps.std() < 1e-9:
        return
    plain, ours = stats.ttest_rel(ones, others), compare_folds(ones, others, 0.0)
    assert ours.p == pytest.approx(plain.pvalue, abs=1e-9)
    assert (ours.interval.low, ours.interval.high) == pytest.approx(plain.confidence_interval(0.95), abs=1e-9)
    corrected = compare_folds(ones, others, 0.25)
    t = plain.statistic / math.sqrt(1 + 0.25 * len(pairs))  # (1/J + r) = (1 + rJ) / J
    assert corrected.p == pytest.approx(2 * stats.t.sf(abs(t), len(pairs) - 1), abs=1e-9)
    assert corrected.difference == pytest.approx(gaps.mean())


def test_folds_that_all_say_the_same_and_too_few_of_them():
    assert compare_folds([0.5], [0.4], 0.25) is None
    assert compare_folds([0.5, 0.6], [0.5, 0.6], 0.25).p == 1.0
    alike = compare_folds([0.5, 0.75], [0.25, 0.5], 0.25)
    assert (alike.p, alike.interval.low, alike.interval.high) == (0.0, 0.25, 0.25)


def test_equal_models_are_rarely_told_apart_where_folds_share_their_rows():
    """Two constant guesses, equally good on average, by repeated five-fold validation of 100 drawn rows."""
    random = np.random.default_rng(0)
    corrected, plain = [], []
    for _ in range(200):
        gaps = random.choice([-1.0, 1.0], 100)  # which of the two is right on a row
        folds = np.concatenate([random.permutation(gaps).reshape(5, 20).mean(axis=1) for _ in range(3)])
        zeros = np.zeros(len(folds))
        corrected.append(compare_folds(folds, zeros, 20 / 80).p < 0.05)
        plain.append(stats.ttest_rel(folds, zeros).pvalue < 0.05)
    assert np.mean(corrected) <= 0.075
    assert np.mean(plain) > 0.15, "which is why it is corrected"
