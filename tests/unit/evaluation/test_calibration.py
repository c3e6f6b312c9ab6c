"""Calibration error by hand, against a plain loop and against torchmetrics."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchmetrics.functional.classification import binary_calibration_error, multiclass_calibration_error

from tunesmith.evaluation.calibration import chance_error, expected_calibration_error, reliability_bins


def drawn(rows, labels, seed=0):
    random = np.random.default_rng(seed)
    logits = random.normal(0, 3, (rows, labels))
    return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True), random.integers(0, labels, rows)


def test_the_error_of_six_answers_by_hand():
    """Two bins: in the upper one 4 answers of mean 0.8, 2 of them right; in the lower one 2 of mean 0.4, both right."""
    sure = np.array([0.7, 0.8, 0.8, 0.9, 0.3, 0.5])
    right = np.array([1, 0, 1, 0, 1, 1])
    by_hand = 4 / 6 * abs(0.5 - 0.8) + 2 / 6 * abs(1.0 - 0.4)
    assert expected_calibration_error(sure, right, bins=2) == pytest.approx(by_hand) == pytest.approx(0.4)
    three = np.stack([sure, (1 - sure) / 2, (1 - sure) / 2], axis=1)  # the first label of three is always the answer
    three[4] = [0.35, 0.35 - 1e-9, 0.3 + 1e-9]
    by_hand = 4 / 6 * 0.3 + 2 / 6 * abs(1.0 - 0.425)
    assert expected_calibration_error(three, np.where(right, 0, 1), bins=2) == pytest.approx(by_hand)


@pytest.mark.parametrize(("rows", "labels"), [(1, 2), (50, 2), (400, 7)])
@pytest.mark.parametrize("bins", [1, 10, 15])
def test_the_error_of_the_most_probable_label_is_torchmetrics(rows, labels, bins):
    probabilities, truths = drawn(rows, labels)
    expected = multiclass_calibration_error(
        torch.from_numpy(probabilities), torch.from_numpy(truths), labels, n_bins=bins, norm="l1"
    )
    assert expected_calibration_error(probabilities, truths, bins) == pytest.approx(float(expected), abs=1e-6)


def test_where_a_text_may_have_several_labels_each_is_an_answer():
    random = np.random.default_rng(2)
    probabilities = random.random((60, 3))
    truths = (random.random((60, 3)) < probabilities**2).astype(int)
    expected = binary_calibration_error(torch.from_numpy(probabilities).ravel(), torch.from_numpy(truths).ravel())
    assert expected_calibration_error(probabilities, truths) == pytest.approx(float(expected), abs=1e-6)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40), st.integers(1, 20))
@settings(max_examples=60, deadline=None)
def test_bins_hold_every_answer_once_and_end_with_their_upper_edge(answers, bins):
    sure, right = (np.array(column) for column in zip(*answers, strict=True))
    whole = reliability_bins(sure, right, bins)
    assert sum(each.num_answers for each in whole) == len(answers)
    assert sum(each.num_answers * each.accuracy for each in whole) == pytest.approx(right.sum())
    for each in whole:
        inside = (sure > each.low) & (sure <= each.high) | (sure == 0) & (each.low == 0)
        assert each.num_answers == inside.sum()
        assert each.confidence == pytest.approx(sure[inside].mean())
    assert 0 <= expected_calibration_error(sure, right, bins) <= 1


def test_what_cannot_be_measured_has_no_value_or_is_refused():
    assert math.isnan(expected_calibration_error(np.empty((0, 3)), np.empty(0, dtype=int)))
    for probabilities, targets, bins in [
        (np.array([0.5, 1.5]), np.array([0, 1]), 15),
        (np.array([0.5, math.nan]), np.array([0, 1]), 15),
        (np.array([0.5]), np.array([1]), 0),
        (np.zeros((3, 2)), np.zeros(2, dtype=int), 15),
    ]:
        with pytest.raises(ValueError, match=r"shape|at least 1|between 0 and 1"):
            expected_calibration_error(probabilities, targets, bins)


@pytest.mark.parametrize("rows", [60, 1000])
def test_true_probabilities_show_the_error_of_chance_alone(rows):
    random = np.random.default_rng(rows)
    sure = random.uniform(0.5, 1, rows)
    errors = [expected_calibration_error(sure, random.random(rows) < sure) for _ in range(300)]
    assert np.mean(errors) == pytest.approx(chance_error(sure), rel=0.05)
