"""The Brier score is scikit-learn's, however the rows are divided into batches."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss

from tunesmith.config.checking.directions import higher_is_better
from tunesmith.evaluation.probabilities import BrierScore


def measured(probabilities, truths, size):
    metric = BrierScore()
    for one, other in zip(probabilities.split(size), truths.split(size), strict=True):
        metric.update(one, other)
    return metric.compute().item()


@given(st.integers(1, 40), st.integers(2, 4), st.integers(1, 40), st.integers(0, 999))
def test_it_is_that_of_scikit_learn_even_if_one_label_alone_occurs(rows, labels, size, seed):
    torch.manual_seed(seed)
    probabilities = (3 * torch.randn(rows, labels, dtype=torch.float64)).softmax(dim=1)
    for truths in (torch.randint(labels, (rows,)), torch.zeros(rows, dtype=torch.long)):
        names = list(range(labels))
        given_by_two = probabilities[:, 1] if labels == 2 else probabilities
        keywords = {"pos_label": 1} if labels == 2 else {"labels": names}
        expected = brier_score_loss(truths, given_by_two, scale_by_half=False, **keywords)
        assert measured(probabilities, truths, size) == pytest.approx(expected, abs=1e-9)
    several = torch.randint(2, (rows, labels))
    expected = sum(brier_score_loss(several[:, i], probabilities[:, i], pos_label=1) for i in range(labels)) / labels
    assert measured(probabilities, several, size) == pytest.approx(expected, abs=1e-9)


def test_lower_is_better():
    assert higher_is_better({"_target_": "tunesmith.evaluation.probabilities.BrierScore"}) is False
