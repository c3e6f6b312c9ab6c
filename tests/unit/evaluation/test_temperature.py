"""The temperature against an independent optimiser, and what it does to probabilities and answers."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.special import expit, log_expit, log_softmax, softmax

from tunesmith.evaluation.confidence import answer_confidences, row_confidence, when_withheld
from tunesmith.evaluation.label_scores import LabelScores, label_scores
from tunesmith.evaluation.reliability import measure_calibration
from tunesmith.evaluation.temperature import FLATTER, SHARPER, fit_temperature, why_none

LABELS = ["a", "b", "c"]


def one_label(rows, too_sure, seed=0, labels=3):
    """Labels drawn from the softmax of logits, which a model then gives `too_sure` times as large."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 2, (rows, labels))
    targets = np.array([random.choice(labels, p=p) for p in softmax(logits, axis=1)])
    return LabelScores(logits * too_sure, targets)


def several_labels(rows, too_sure, seed=0):
    random = np.random.default_rng(seed)
    logits = random.normal(-1, 2, (rows, 3))
    return LabelScores(logits * too_sure, (random.random((rows, 3)) < expit(logits)).astype(int))


def nll(scores, temperature):
    scaled = scores.logits / temperature
    if scores.several:
        return -np.where(scores.targets == 1, log_expit(scaled), log_expit(-scaled)).mean()
    return -log_softmax(scaled, axis=1)[np.arange(len(scaled)), scores.targets].mean()


@pytest.mark.parametrize("make", [one_label, several_labels])
@pytest.mark.parametrize("too_sure", [0.3, 1.0, 4.0])
@pytest.mark.parametrize("rows", [10, 900])
def test_the_temperature_is_that_of_an_independent_optimiser(make, too_sure, rows):
    scores = make(rows, too_sure)
    best = minimize(lambda power: nll(scores, np.exp(power[0])), [0.0], method="Nelder-Mead", tol=1e-12)
    temperature = fit_temperature(scores)
    assert temperature == pytest.approx(np.exp(best.x[0]), rel=1e-5)
    assert scores.loss(temperature) == pytest.approx(best.fun, abs=1e-12)
    if rows == 900:
        assert temperature == pytest.approx(too_sure, rel=0.15), "the factor that was put in"


def test_where_the_likelihood_has_no_optimum_there_is_no_temperature_and_it_is_said_why():
    logits = np.array([[2.0, -1.0], [-1.0, 3.0], [1.0, 0.5]])
    for scores, reason in [
        (LabelScores(logits, logits.argmax(axis=1)), SHARPER),
        (LabelScores(logits, logits.argmin(axis=1)), FLATTER),
        (LabelScores(np.zeros((5, 2)), np.array([0, 1, 0, 1, 1])), FLATTER),
        (LabelScores(logits, (logits > 0).astype(int)), SHARPER),
        (LabelScores(logits, (logits < 0).astype(int)), FLATTER),
    ]:
        assert (fit_temperature(scores), why_none(scores)) == (None, reason)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_no_answer_changes_even_where_logits_nearly_tie(dtype):
    """Neighbouring fp32 numbers stay apart when they are divided in fp64, and equal ones stay equal."""
    tops = torch.linspace(-30, 30, 400, dtype=dtype).float()
    logits = torch.stack([tops, tops.nextafter(torch.tensor(torch.inf)), tops], dim=1).double()
    for temperature in (0.013, 0.7, 1.7, 93.0):
        assert (logits / temperature).argmax(dim=1).tolist() == logits.argmax(dim=1).tolist()
        assert torch.equal((logits / temperature) > 0, logits > 0)


def rows_of(scores, split, labels=LABELS):
    rows = []
    for logits, target in zip(scores.logits.tolist(), scores.targets.tolist(), strict=True):
        given = [name for name, logit in zip(labels, logits, strict=True) if logit > 0]
        there = [name for name, yes in zip(labels, np.atleast_1d(target), strict=False) if yes]
        one = (labels[target], labels[int(np.argmax(logits))]) if np.ndim(target) == 0 else (there, given)
        rows.append({"split": split, "label": one[0], "prediction": one[1], "logits": logits})
    return rows


@pytest.mark.parametrize("make", [one_label, several_labels])
def test_rows_of_predictions_are_measured_before_and_after(make):
    val, test = make(400, 3.0, seed=1), make(400, 3.0, seed=2)
    rows = rows_of(val, "val") + rows_of(test, "test")
    read = label_scores(rows[:400], LABELS)
    assert np.array_equal(read.logits, val.logits)
    assert np.array_equal(read.targets, val.targets)
    measured = measure_calibration(rows, LABELS)
    assert measured["temperature"] == fit_temperature(val)
    for split, scores in (("val", val), ("test", test)):
        part = measured["splits"][split]
        assert part["num_answers"] == scores.targets.size
        assert part["nll"] == pytest.approx(nll(scores, 1))
        assert part["calibrated_nll"] == pytest.approx(nll(scores, measured["temperature"]))
        assert part["calibrated_nll"] < part["nll"]
        assert part["calibrated_ece"] < part["ece"] / 2
        assert sum(each["num_answers"] for each in part["calibrated_bins"]) == scores.targets.size
    known = measure_calibration(rows, LABELS, temperature=2.0)
    assert known["splits"]["test"]["calibrated_nll"] == pytest.approx(nll(test, 2.0))


def test_tags_are_calibrated_over_the_words_that_the_model_saw():
    words = one_label(300, 2.0)
    rows = []
    for start in range(0, 300, 10):
        part = slice(start, start + 10)
        logits, tags = words.logits[part].tolist(), [LABELS[i] for i in words.targets[part]]
        best = [LABELS[i] for i in words.logits[part].argmax(axis=1)]
        rows.append({"split": "val", "label": [*tags, "a"], "prediction": [*best, None], "logits": [*logits, None]})
    measured = measure_calibration(rows, LABELS)
    assert measured["temperature"] == pytest.approx(fit_temperature(words), rel=1e-9)
    assert measured["splits"]["val"]["num_answers"] == 300


def test_rows_without_probabilities_of_labels_are_not_measured_and_few_say_so():
    number = {"split": "val", "label": 2.0, "prediction": 1.5, "logits": [1.5]}
    text = {"split": "val", "label": "a", "prediction": "b", "loss": 1.0, "num_tokens": 3}
    stranger = {"split": "val", "label": "z", "prediction": "a", "logits": [1.0, 0.0, 0.0]}
    for row in (number, text, stranger):
        assert measure_calibration([row] * 20, LABELS) is None
    few = measure_calibration(rows_of(one_label(9, 1.0), "val"), LABELS)
    assert (few["temperature"], few["splits"]) == (None, {})
    assert "at least 10 validation rows, and there are 9" in few["reason"]
    sure = one_label(40, 1.0)
    perfect = measure_calibration(rows_of(LabelScores(sure.logits, sure.logits.argmax(axis=1)), "val"), LABELS)
    assert (perfect["temperature"], SHARPER in perfect["reason"]) == (None, True)
    assert "calibrated_ece" not in perfect["splits"]["val"]


def test_a_row_is_as_sure_as_its_least_sure_decision():
    logits = np.array([2.0, -1.0, 0.5])
    shares = softmax(logits / 2)
    assert answer_confidences(logits, "c", LABELS, 2.0) == pytest.approx([shares[2]])
    each = answer_confidences(logits, ["a"], LABELS, 2.0)
    assert each == pytest.approx([expit(1.0), expit(0.5), expit(-0.25)])
    assert row_confidence(each) == pytest.approx(expit(-0.25))
    words = np.array([logits, -logits, [np.nan] * 3])
    tags = answer_confidences(words, ["a", "b", None], LABELS)
    assert tags[:2] == pytest.approx([softmax(logits)[0], softmax(-logits)[1]])
    assert tags[2] is None
    assert row_confidence(tags) == min(tags[:2])
    assert row_confidence([None]) is None
    assert when_withheld([0.9, 0.5, None, 0.8], [True, False, True, False], 0.8) == (0.5, 0.5)
    assert when_withheld([0.5], [True], 0.8) == (0.0, None)
