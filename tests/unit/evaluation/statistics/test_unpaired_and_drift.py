"""Two measurements on different rows, against scipy and by simulation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import f1_score

from tunesmith.evaluation.statistics.additive import mean
from tunesmith.evaluation.statistics.drift import drift_of_labels, drift_of_numbers, drift_of_words
from tunesmith.evaluation.statistics.jackknife import pseudo_values, satterthwaite
from tunesmith.evaluation.statistics.of_rows import additive_metrics
from tunesmith.evaluation.statistics.unpaired import compare_unpaired, fisher

RANDOM = np.random.default_rng(3)


@given(st.integers(1, 400), st.integers(1, 400), st.data())
@settings(max_examples=40)
def test_fisher_is_scipys(rows, others, data):
    right, also = data.draw(st.integers(0, rows)), data.draw(st.integers(0, others))
    expected = stats.fisher_exact([[right, rows - right], [also, others - also]]).pvalue
    assert fisher(right, rows, also, others) == pytest.approx(expected, rel=1e-6)


def test_a_mean_is_compared_as_by_welch_and_zeros_and_ones_as_by_fisher():
    ones, others = RANDOM.normal(size=40), RANDOM.normal(0.4, 2, size=90)
    test = compare_unpaired(mean(ones), mean(others))
    expected = stats.ttest_ind(ones, others, equal_var=False)
    assert (test.test, test.p) == ("Welch", pytest.approx(expected.pvalue))
    assert test.difference == pytest.approx(ones.mean() - others.mean())
    assert test.interval == pytest.approx(expected.confidence_interval(), abs=0.1)
    right = compare_unpaired(mean((ones > 0).astype(float)), mean((others > 0).astype(float)))
    table = [[int((side > 0).sum()), int((side <= 0).sum())] for side in (ones, others)]
    assert (right.test, right.p) == ("Fisher, exact", pytest.approx(stats.fisher_exact(table).pvalue))
    assert compare_unpaired(mean(ones[:9]), mean(others)) is None


def test_a_pseudo_value_is_what_leaving_the_row_out_changes():
    rows = [{"label": str(a), "prediction": str(b), "logits": [0, 0]} for a, b in RANDOM.integers(0, 2, (30, 2))]
    node = {"_target_": "torchmetrics.classification.MulticlassF1Score", "average": "macro"}
    form = additive_metrics(node, rows, ["0", "1"], None)[""]

    def score(kept):
        return f1_score([row["label"] for row in kept], [row["prediction"] for row in kept], average="macro")

    expected = [30 * score(rows) - 29 * score(rows[:i] + rows[i + 1 :]) for i in range(30)]
    assert pseudo_values(form) == pytest.approx(expected)


def test_intervals_of_a_difference_hold_and_equal_models_rarely_differ():
    covered = false = 0
    for _ in range(150):
        ones, others = (RANDOM.random(120) < 0.8).astype(float), (RANDOM.random(250) < 0.8).astype(float)
        test = compare_unpaired(mean(ones), mean(others))
        covered += test.interval.low <= 0 <= test.interval.high
        false += test.p < 0.05
    assert covered >= 135
    assert false <= 13


def test_degrees_of_freedom_are_those_of_welch():
    ones, others = RANDOM.normal(size=12), RANDOM.normal(size=30)
    parts = [(side.var(ddof=1) / len(side), len(side) - 1) for side in (ones, others)]
    assert satterthwaite(parts) == pytest.approx(stats.ttest_ind(ones, others, equal_var=False).df)


def test_labels_are_compared_by_a_chi_squared_test():
    then, now = RANDOM.choice(list("abc"), 300, p=[0.5, 0.3, 0.2]), RANDOM.choice(list("abcd"), 200)
    table = [[np.count_nonzero(side == name) for name in "abcd"] for side in (then, now)]
    drift = drift_of_labels(list(then), list(now))
    assert drift.p == pytest.approx(stats.chi2_contingency(table, correction=False).pvalue)
    shares = np.array(table) / np.array([[300], [200]])
    assert drift.distance == pytest.approx(np.abs(shares[0] - shares[1]).sum() / 2)
    assert drift.moved["d"] == pytest.approx([0, shares[1, 3]])
    assert drift_of_labels(["a"] * 20, ["a"] * 30).p == 1


def test_rows_with_several_labels_are_exchanged_whole():
    def drawn(count, share):
        return [("a", "b", "c") if RANDOM.random() < share else () for _ in range(count)]

    moved = drift_of_labels([("a",)] * 30 + [()] * 10, [("a",)] * 40)
    assert moved.moved == {"(none)": [0.25, 0], "a": [0.75, 1]}
    assert drift_of_labels(drawn(80, 0.5), drawn(80, 0.95)).p < 0.05
    false = sum(drift_of_labels(drawn(60, 0.5), drawn(90, 0.5)).p < 0.05 for _ in range(60))
    assert false <= 8, "counted as independent labels, this would be three times as many"


def test_numbers_are_compared_as_by_kolmogorov_and_smirnov():
    then, now = RANDOM.normal(size=150), RANDOM.normal(0.3, size=220)
    drift, expected = drift_of_numbers("lengths", then, now), stats.ks_2samp(then, now)
    assert drift.distance == pytest.approx(expected.statistic)
    assert drift.p == pytest.approx(stats.kstwobign.sf(expected.statistic * np.sqrt(150 * 220 / 370)))
    assert (drift.then, drift.now) == (np.median(then), np.median(now))


def test_unknown_words_are_counted_over_all_words():
    then = [["a", "b"], ["a"], []] * 6
    now = [["a", "x", "y"], ["z"], ["a", "a", "a", "a"]] * 6
    drift = drift_of_words({"a", "b"}, then, now)
    assert (drift.then, drift.now) == (0, pytest.approx(3 / 8))
    assert drift_of_words(set(), [[]] * 20, [["a"]] * 20) is None
    assert drift_of_words({"a"}, [["a"]] * 5, [["a"]] * 20) is None
