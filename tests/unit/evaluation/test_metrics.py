import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, precision_recall_fscore_support

from tunesmith import compose
from tunesmith.evaluation.metrics import better, compute_metrics
from tunesmith.tasks.registry import task_named
from tunesmith.training.instantiate import build_metrics

NAMES = ["precision", "recall", "f1"]


@pytest.fixture(scope="module")
def metrics_of():
    """The default metrics for a number of labels."""
    evaluation = compose(["data=csv", "data.path=x.csv", "model=tiny_encoder"]).config.evaluation
    made = {}
    return lambda count: made.setdefault(count, build_metrics(evaluation, num_labels=count))


@st.composite
def predictions(draw):
    """Number of labels, right labels, predicted labels; some labels occur in neither, in one or in the other."""
    count = draw(st.integers(2, 5))
    some = st.sampled_from(draw(st.lists(st.integers(0, count - 1), min_size=1, unique=True)))
    rows = draw(st.lists(st.tuples(some, st.integers(0, count - 1) | some), min_size=1, max_size=40))
    right, predicted = map(list, zip(*rows, strict=True))
    return count, right, predicted


def logits_for(predicted, count):
    random = np.random.default_rng(0)
    logits = torch.from_numpy(random.normal(size=(len(predicted), count)).astype(np.float32))
    logits[range(len(predicted)), predicted] = logits.max(dim=1).values + 1
    return logits


def measured(metrics, logits, right, names):
    return compute_metrics(
        metrics, task_named("classification").metric_inputs(logits, torch.tensor(right), names)
    ).values


@pytest.mark.slow
@given(case=predictions())
def test_metrics_are_those_of_scikit_learn(metrics_of, case):
    """Over all labels of the model: one that occurs nowhere has F1 0, and counts so in the mean beside it."""
    count, right, predicted = case
    names = [f"label {number}" for number in range(count)]
    ours = measured(metrics_of(count), logits_for(predicted, count), right, names)

    expected = {"accuracy": accuracy_score(right, predicted)}
    for average in ("macro", "micro"):
        options = {"labels": range(count), "average": average, "zero_division": 0}
        values = precision_recall_fscore_support(right, predicted, **options)
        expected |= {f"{name}_{average}": value for name, value in zip(NAMES, values, strict=False)}
    each = precision_recall_fscore_support(right, predicted, labels=range(count), average=None, zero_division=0)
    for name, values in zip(NAMES, each, strict=False):
        expected |= {f"{name}/{label}": value for label, value in zip(names, values, strict=True)}
    assert ours.keys() == expected.keys()
    assert ours == pytest.approx(expected, abs=1e-6)
    for name in NAMES:
        of_labels = [ours[f"{name}/{label}"] for label in names]
        assert ours[f"{name}_macro"] == pytest.approx(np.mean(of_labels), abs=1e-6)


def test_a_pass_leaves_nothing_behind_for_the_next(metrics_of):
    all_wrong = measured(metrics_of(2), logits_for([0, 0], 2), [1, 1], ["a", "b"])
    all_right = measured(metrics_of(2), logits_for([0, 1], 2), [0, 1], ["a", "b"])
    assert (all_wrong["accuracy"], all_right["accuracy"]) == (0.0, 1.0)


floats = st.floats(allow_nan=False)


@given(floats, floats)
def test_better_is_the_order_of_the_mode(one, other):
    assert better("max", one, other) == (one > other)
    assert better("min", one, other) == (one < other)


@pytest.mark.parametrize("mode", ["max", "min"])
def test_nan_is_never_better_and_anything_else_beats_nothing(mode):
    assert not better(mode, math.nan, None)
    assert not better(mode, math.nan, 0.0)
    assert better(mode, 0.0, None)
