"""Calibration, against torchmetrics and by hand."""

import numpy as np
import pytest
import torch
from torchmetrics.functional.classification import multiclass_calibration_error

from tunesmith.evaluation.statistics.reliability import calibration_gap, confidences_of, reliability_bins


@pytest.mark.parametrize(("rows", "labels"), [(1, 2), (50, 2), (400, 7)])
def test_the_gap_is_torchmetrics_calibration_error(rows, labels):
    random = np.random.default_rng(rows)
    logits, truths = random.normal(0, 3, (rows, labels)), random.integers(0, labels, rows)
    confidences = confidences_of(logits.tolist())
    probabilities = torch.tensor(logits).softmax(dim=1)
    assert confidences == pytest.approx(probabilities.max(dim=1).values.numpy())
    found = calibration_gap(reliability_bins(confidences, logits.argmax(axis=1) == truths))
    expected = multiclass_calibration_error(probabilities, torch.tensor(truths), labels, n_bins=10, norm="l1")
    assert found == pytest.approx(float(expected), abs=1e-6)


def test_bins_hold_every_answer_once_and_their_ends_belong_below():
    confidences = np.array([0.1, 0.10001, 0.95, 1.0, 0.5])
    bins = reliability_bins(confidences, np.array([True, False, True, False, True]))
    assert [(each.low, each.high, each.num_rows, each.accuracy) for each in bins] == [
        (0.0, 0.1, 1, 1.0),
        (0.1, 0.2, 1, 0.0),
        (0.4, 0.5, 1, 1.0),
        (0.9, 1.0, 2, 0.5),
    ]
