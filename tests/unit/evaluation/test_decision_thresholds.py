"""Decision thresholds against scikit-learn's curve of precision and recall."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import precision_recall_curve, precision_recall_fscore_support

from tunesmith.evaluation.decision_thresholds import (
    Goal,
    fit_threshold,
    label_margins,
    most_precise,
    quality_at,
)
from tunesmith.evaluation.label_scores import LabelScores

ROWS = st.lists(st.tuples(st.sampled_from(np.linspace(-3, 3, 9).tolist()), st.booleans()), min_size=1, max_size=30)
"""Margins with ties, and whether the label is there."""


def columns(rows):
    margins, there = (np.array(column) for column in zip(*rows, strict=True))
    return margins, there


def curve(margins, there):
    """Precision and recall of every threshold at which something is predicted."""
    precision, recall, _ = precision_recall_curve(there, margins)
    return precision[:-1], recall[:-1]


@given(ROWS)
def test_the_best_f1_is_that_of_the_curve(rows):
    margins, there = columns(rows)
    threshold = fit_threshold(margins, there, Goal("f1"))
    if not there.any():
        assert threshold is None
        return
    precision, recall = curve(margins, there)
    found = quality_at(margins, there, threshold)
    reference = precision_recall_fscore_support(there, margins > threshold, average="binary", zero_division=0)
    assert tuple(found) == pytest.approx(reference[:3])
    assert found.f1 == pytest.approx(max(2 * precision * recall / np.maximum(precision + recall, 1e-9)))


@given(ROWS, st.sampled_from([0.3, 0.5, 0.8, 1.0]), st.booleans())
def test_a_wanted_precision_or_recall_is_reached_with_most_of_the_other(rows, least, precisely):
    margins, there = columns(rows)
    if not there.any():
        return
    precision, recall = curve(margins, there)
    asked, other = (precision, recall) if precisely else (recall, precision)
    threshold = fit_threshold(margins, there, Goal("precision" if precisely else "recall", least))
    reaching = (asked >= least - 1e-12) & (recall > 0)
    assert (threshold is None) == (not reaching.any())
    if threshold is None:
        assert most_precise(margins, there) == pytest.approx(precision.max())
        assert precision.max() < least
        return
    found = quality_at(margins, there, threshold)
    now, rest = (found.precision, found.recall) if precisely else (found.recall, found.precision)
    assert now >= least - 1e-12
    assert rest == pytest.approx(other[reaching].max())


def test_one_half_stays_where_nothing_is_better_and_thresholds_lie_between_rows():
    margins, there = np.array([-2.0, -1.0, 1.0, 3.0]), np.array([False, False, True, True])
    for goal in (Goal("f1"), Goal("precision", 0.9), Goal("recall", 0.9)):
        assert fit_threshold(margins, there, goal) == 0
    assert fit_threshold(margins + 4, there, Goal("f1")) == 4
    assert fit_threshold(margins, ~there, Goal("recall", 1.0)) == -3


def test_what_speaks_for_a_label_is_its_logit_or_the_gap_to_the_other():
    logits = np.array([[0.5, 2.0], [1.0, -1.0]])
    margins, there = label_margins(LabelScores(logits, np.array([1, 0])), 1)
    assert (margins.tolist(), there.tolist()) == ([1.5, -2.0], [True, False])
    margins, there = label_margins(LabelScores(logits, np.array([[0, 1], [1, 1]])), 1)
    assert (margins.tolist(), there.tolist()) == ([2.0, -1.0], [True, True])
    with pytest.raises(ValueError, match="exclude"):
        label_margins(LabelScores(np.zeros((4, 3)), np.zeros(4, dtype=int)), 0)
