"""Scores of labels and of numbers against scikit-learn and scipy: no metric guesses what it was given."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau, pearsonr, spearmanr
from sklearn import metrics as sk
from torchmetrics import classification as of_labels
from torchmetrics import regression as of_numbers

from tunesmith.evaluation.metrics import compute_metrics
from tunesmith.tasks.registry import task_named

SINGLE, SEVERAL = task_named("classification"), task_named("multi_label")
REGRESSION = task_named("regression")
SCALES = [1e-3, 0.1, 1.0, 30.0]
"""From logits that all lie between 0 and 1 to probabilities of exactly 1."""


def value(metric, answers, truths, labels=("a", "b", "c"), task=SINGLE):
    """What a run would record of one metric."""
    measured = compute_metrics({"m": metric}, task.metric_inputs(answers, truths, labels))
    assert not measured.failures
    return measured.values if len(measured.values) > 1 else measured.values["m"]


def drawn(rows, labels, scale, seed=0, low=0.0):
    """Logits, unbalanced, of the given scale; with `low`, moved so that all are above it."""
    random = np.random.default_rng(seed)
    right = np.concatenate([np.arange(labels), random.choice(labels, size=rows - labels, p=[0.7, 0.2, 0.1][:labels])])
    logits = (random.normal(size=(rows, labels)) + 1.5 * np.eye(labels)[right]) * scale
    logits += low - logits.min()
    return torch.from_numpy(logits.astype(np.float32)), torch.from_numpy(right)


def softmax(logits):
    shifted = np.exp(logits.double().numpy() - logits.double().numpy().max(1, keepdims=True))
    return shifted / shifted.sum(1, keepdims=True)


def calibration_error(p, right, bins=15):
    top, hit = p.max(1), p.argmax(1) == right
    place = np.clip(np.ceil(top * bins).astype(int) - 1, 0, bins - 1)
    return sum(abs(hit[place == i].mean() - top[place == i].mean()) * (place == i).mean() for i in set(place))


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("low", [0.0, -5.0])
def test_scores_of_one_label_per_text_are_of_probabilities(scale, low):
    logits, right = drawn(120, 3, scale, low=low)
    p, truth, hot = softmax(logits), right.numpy(), np.eye(3)[right.numpy()]
    each = sk.roc_auc_score(hot, p, average=None)
    expected = {
        of_labels.MulticlassAUROC(num_classes=3): each.mean(),
        of_labels.MulticlassAUROC(num_classes=3, average="weighted"): sk.roc_auc_score(hot, p, average="weighted"),
        of_labels.MulticlassAveragePrecision(num_classes=3): sk.average_precision_score(hot, p, average="macro"),
        of_labels.MulticlassCalibrationError(num_classes=3): calibration_error(p, truth),
        of_labels.MulticlassAccuracy(num_classes=3, average="micro"): sk.accuracy_score(truth, logits.argmax(1)),
        of_labels.MulticlassAccuracy(num_classes=3, average="micro", top_k=2): sk.top_k_accuracy_score(truth, logits),
        of_labels.MulticlassCohenKappa(num_classes=3): sk.cohen_kappa_score(truth, logits.argmax(1)),
        of_labels.MulticlassMatthewsCorrCoef(num_classes=3): sk.matthews_corrcoef(truth, logits.argmax(1)),
        of_labels.MulticlassJaccardIndex(num_classes=3): sk.jaccard_score(truth, logits.argmax(1), average="macro"),
    }
    for metric, reference in expected.items():
        assert value(metric, logits, right) == pytest.approx(reference, abs=1e-5), type(metric).__name__
    per_label = value(of_labels.MulticlassAUROC(num_classes=3, average="none"), logits, right)
    assert per_label == pytest.approx({f"m/{name}": item for name, item in zip("abc", each, strict=True)}, abs=1e-6)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("low", [0.0, -2.0])
def test_scores_of_several_labels_per_text_are_of_probabilities(scale, low):
    random = np.random.default_rng(1)
    truth = (random.random((90, 3)) < [0.6, 0.3, 0.1]).astype(int)
    truth[:2], truth[2:12] = [[1, 1, 1], [0, 0, 0]], 0  # some texts have no label at all
    logits = torch.from_numpy(((random.normal(size=(90, 3)) + truth) * scale + low).astype(np.float32))
    p, right = 1 / (1 + np.exp(-logits.double().numpy())), torch.from_numpy(truth)
    said = p > 0.5
    expected = {
        of_labels.MultilabelAUROC(num_labels=3): sk.roc_auc_score(truth, p, average="macro"),
        of_labels.MultilabelAUROC(num_labels=3, average="micro"): sk.roc_auc_score(truth, p, average="micro"),
        of_labels.MultilabelAveragePrecision(num_labels=3): sk.average_precision_score(truth, p, average="macro"),
        of_labels.MultilabelF1Score(num_labels=3, average="macro"): sk.f1_score(
            truth, said, average="macro", zero_division=0
        ),
        of_labels.MultilabelF1Score(num_labels=3, average="micro"): sk.f1_score(
            truth, said, average="micro", zero_division=0
        ),
        of_labels.MultilabelPrecision(num_labels=3, average="micro"): sk.precision_score(
            truth, said, average="micro", zero_division=0
        ),
        of_labels.MultilabelExactMatch(num_labels=3): sk.accuracy_score(truth, said),
        of_labels.MultilabelRankingLoss(num_labels=3): sk.label_ranking_loss(truth, logits),
        of_labels.MultilabelCoverageError(num_labels=3): sk.coverage_error(truth, logits),
    }
    for metric, reference in expected.items():
        found = value(metric, logits, right, task=SEVERAL)
        assert found == pytest.approx(reference, abs=1e-5), type(metric).__name__


def test_a_probability_of_exactly_one_half_is_no_label_for_the_metric_as_for_the_prediction():

    logits = torch.zeros(4, 2)
    assert SEVERAL.meanings(logits, ["a", "b"]) == [[]] * 4
    exact = value(of_labels.MultilabelExactMatch(num_labels=2), logits, torch.zeros(4, 2).long(), ("a", "b"), SEVERAL)
    assert exact == 1.0


def test_the_largest_of_logits_that_no_probability_tells_apart():
    logits = torch.tensor([[1e-17, 0.0, 2e-17], [900.0, 0.0, 100.0]])
    assert value(of_labels.MulticlassAccuracy(num_classes=3, average="micro"), logits, torch.tensor([2, 0])) == 1.0
    second = of_labels.MulticlassAccuracy(num_classes=3, average="micro", top_k=2)
    assert value(second, logits, torch.tensor([0, 2])) == 1.0


def test_the_mean_over_labels_is_that_of_the_values_beside_it_in_rows_of_one_label():
    """As in scikit-learn with `labels` of the model and `zero_division=0`; torchmetrics says 1.0."""
    logits, right = torch.tensor([[2.0, 1.0]] * 4), torch.zeros(4).long()
    for name, reference in (("Precision", sk.precision_score), ("Recall", sk.recall_score), ("F1Score", sk.f1_score)):
        make = getattr(of_labels, f"Multiclass{name}")
        expected = reference([0] * 4, [0] * 4, labels=[0, 1], average="macro", zero_division=0)
        assert value(make(num_classes=2, average="macro"), logits, right, ("a", "b")) == expected == 0.5
        assert value(make(num_classes=2, average="none"), logits, right, ("a", "b")) == {"m/a": 1.0, "m/b": 0.0}
    ignoring = of_labels.MulticlassF1Score(num_classes=2, average="macro", ignore_index=1)
    assert value(ignoring, logits, right, ("a", "b")) == 1.0


@pytest.mark.parametrize("name", ["AUROC", "AveragePrecision", "EER", "MatthewsCorrCoef", "CohenKappa"])
def test_what_needs_rows_of_two_labels_has_no_value_without_them(name):
    logits, right = torch.tensor([[2.0, 1.0], [0.4, 0.3], [0.1, -3.0]]), torch.zeros(3).long()
    found = value(getattr(of_labels, f"Multiclass{name}")(num_classes=2), logits, right, ("a", "b"))
    assert all(math.isnan(item) for item in (found.values() if isinstance(found, dict) else [found]))


def test_a_label_that_no_row_or_every_row_has_takes_the_value_of_the_mean_with_it():
    logits, right = torch.randn(8, 3), torch.tensor([[1, 0, 1]] * 4 + [[0, 0, 1]] * 4)
    found = value(of_labels.MultilabelAUROC(num_labels=3, average="none"), logits, right, task=SEVERAL)
    assert math.isnan(found["m/b"])
    assert math.isnan(found["m/c"])
    assert found["m/a"] == pytest.approx(sk.roc_auc_score(right[:, 0], logits[:, 0]))
    assert math.isnan(value(of_labels.MultilabelAUROC(num_labels=3), logits, right, task=SEVERAL))


numbers = st.lists(st.integers(-50, 50).map(lambda n: n / 10), min_size=2, max_size=30)


@given(data=st.data())
def test_numbers_are_measured_as_scipy_and_scikit_learn_do(data):
    """Correlations of numbers that are all the same have no value, as in scipy, and not 0."""
    wanted = data.draw(numbers)
    said = data.draw(st.lists(st.integers(-50, 50).map(lambda n: n / 7), min_size=len(wanted), max_size=len(wanted)))
    answers, truths = torch.tensor(said), torch.tensor(wanted)
    exact = [float(number) for number in answers], [float(number) for number in truths]
    constant = len(set(said)) == 1 or len(set(wanted)) == 1
    references = {
        of_numbers.PearsonCorrCoef(): lambda: pearsonr(*exact).statistic,
        of_numbers.SpearmanCorrCoef(): lambda: spearmanr(*exact).statistic,
        of_numbers.KendallRankCorrCoef(): lambda: kendalltau(*exact).statistic,
    }
    for metric, reference in references.items():
        found = value(metric.set_dtype(torch.float64), answers, truths, ("score",), REGRESSION)
        if constant:
            assert math.isnan(found), type(metric).__name__
        else:
            assert found == pytest.approx(reference(), abs=1e-4), type(metric).__name__
    for metric, reference in (
        (of_numbers.MeanSquaredError(), sk.mean_squared_error),
        (of_numbers.MeanAbsoluteError(), sk.mean_absolute_error),
    ):
        found = value(metric.set_dtype(torch.float64), answers, truths, ("score",), REGRESSION)
        assert found == pytest.approx(reference(exact[1], exact[0]), rel=1e-6, abs=1e-12)


def test_numbers_far_from_zero_keep_their_variance():
    """As years or prices are: sums of their squares in fp32 gave a relative squared error of 3e10 for 0.09."""
    draw = torch.Generator().manual_seed(0)
    truths = 1e6 + 10 * torch.randn(200, generator=draw)
    answers = truths + 3 * torch.randn(200, generator=draw)
    said, right = answers.double().numpy(), truths.double().numpy()
    error = ((said - right) ** 2).sum() / ((right - right.mean()) ** 2).sum()
    for metric, reference in (
        (of_numbers.RelativeSquaredError(), error),
        (of_numbers.R2Score(), sk.r2_score(right, said)),
        (of_numbers.ExplainedVariance(), sk.explained_variance_score(right, said)),
    ):
        assert value(metric, answers, truths, ("score",), REGRESSION) == pytest.approx(reference, rel=1e-4)


def test_explained_variance_of_numbers_without_any_has_no_value():
    for metric in (of_numbers.R2Score(), of_numbers.ExplainedVariance()):
        assert math.isnan(value(metric, torch.tensor([2.0, 2, 2]), torch.tensor([2.0, 2, 2]), ("score",), REGRESSION))


def test_a_matrix_is_a_table_with_its_labels_and_curves_are_lists():
    logits, right = drawn(60, 3, 1.0)
    found = compute_metrics(
        {
            "cm": of_labels.MulticlassConfusionMatrix(num_classes=3),
            "roc": of_labels.MulticlassROC(num_classes=3, thresholds=4),
            "counts": of_labels.MulticlassStatScores(num_classes=3, average="micro"),
        },
        SINGLE.metric_inputs(logits, right, ["a", "b", "c"]),
    ).values
    expected = sk.confusion_matrix(right, logits.argmax(1)).tolist()
    assert found["cm"] == {"labels": ["a", "b", "c"], "values": expected}
    assert np.shape(found["roc"]["values"][0]) == (3, 4)
    assert sum(found["counts"]["values"][:4]) == 3 * 60


def test_a_metric_that_fails_on_these_rows_has_no_value_and_the_reason_is_kept():
    made = compute_metrics(
        {"dev": of_numbers.TweedieDevianceScore(power=1.0)},
        REGRESSION.metric_inputs(torch.tensor([-1.0, 1.0]), torch.tensor([1.0, 1.0]), ["score"]),
    )
    assert math.isnan(made.values["dev"])
    assert made.failures["dev"].startswith("ValueError: ")
