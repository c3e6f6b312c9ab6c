"""Additive forms of the metrics that a run measures, from its saved predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tunesmith.evaluation import corpus_scores
from tunesmith.evaluation.spans import entities
from tunesmith.evaluation.statistics.additive import AdditiveMetric, Numbers, mean, ratio
from tunesmith.evaluation.statistics.of_labels import (
    Form,
    Rows,
    all_labels_right,
    balanced_accuracy,
    matthews,
    multiclass,
    multilabel,
)
from tunesmith.evaluation.statistics.of_probabilities import brier, calibration_error, log_losses, top_k
from tunesmith.evaluation.statistics.of_texts import chrf, mean_of_texts, of_corpus
from tunesmith.evaluation.text_scores import bleu_counts, chrf2_counts, exact_match, rouge_1, rouge_2, rouge_l, token_f1

AGREES = 1e-4
"""Relative gap up to which a metric from saved predictions is the recorded one; torchmetrics counts in fp32."""


def additive_metrics(
    node: Mapping[str, Any] | None, rows: Rows, labels: Sequence[str], recorded: Mapping[str, float] | None
) -> dict[str, AdditiveMetric]:
    """Return a metric in additive form, under the name of each of its values.

    Args:
        node: Its node in `evaluation.metrics`; None for the loss.
        rows: The split's rows in `predictions.jsonl`.
        labels: Label names in the order of the logits.
        recorded: The values in `results.json` by what follows the metric's name: "" for a single one, else the label.
            None for rows whose metrics are not recorded.

    Returns:
        Those of which the saved predictions give the recorded value; empty for metrics that are no function of sums.
    """
    if not rows:
        return {}
    try:
        forms = _loss(rows, labels) if node is None else _form(node)(rows, labels, _keywords(node))
    except (KeyError, TypeError, ValueError):  # rows of another shape than this metric's: another task's, or edited
        return {}
    return {name: form for name, form in forms.items() if recorded is None or agrees(form.of_all(), recorded.get(name))}


def agrees(value: float, recorded: float | None) -> bool:
    """Whether a metric of saved predictions is the recorded one."""
    return recorded is not None and bool(np.isclose(value, recorded, rtol=AGREES, atol=AGREES / 10))


def _form(node: Mapping[str, Any]) -> Form:
    return FORMS.get(str(node.get("_target_")).rpartition(".")[2], _none)


def _keywords(node: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in node.items() if key != "_target_"}


def _none(rows: Rows, labels: Sequence[str], keywords: Mapping[str, Any]) -> dict[str, AdditiveMetric]:
    return {}


def _loss(rows: Rows, labels: Sequence[str]) -> dict[str, AdditiveMetric]:
    """Return the mean loss over rows, or over tokens where rows are texts."""
    if "num_tokens" in rows[0]:
        weights = np.array([row["num_tokens"] for row in rows], dtype=float)
        return {"": mean(np.array([row["loss"] or 0.0 for row in rows]), weights)}
    if not labels or isinstance(rows[0]["label"], int | float):
        logits = np.array([row["logits"] for row in rows], dtype=float)
        return {"": mean((logits.reshape(len(rows)) - np.array([row["label"] for row in rows], dtype=float)) ** 2)}
    return log_losses(rows, labels, {})


def _perplexity(rows: Rows, labels: Sequence[str], keywords: Mapping[str, Any]) -> dict[str, AdditiveMetric]:
    losses = _loss(rows, labels)[""]
    return {"": AdditiveMetric(losses.columns, lambda sums: np.exp(losses.value(sums)))}


def _bits_per_byte(rows: Rows, labels: Sequence[str], keywords: Mapping[str, Any]) -> dict[str, AdditiveMetric]:
    bits = [(row["loss"] or 0.0) * row["num_tokens"] / np.log(2) for row in rows]
    sizes = [float(row["num_bytes"]) for row in rows]
    return {"": AdditiveMetric(np.stack([bits, sizes], axis=1), lambda sums: ratio(sums[..., 0], sums[..., 1]))}


def _numbers(rows: Rows) -> tuple[Numbers, Numbers]:
    """Return predictions and references around the references' mean, so that squares keep their digits."""
    truths = np.array([row["label"] for row in rows], dtype=float)
    answers = np.array([row["prediction"] for row in rows], dtype=float)
    return answers - truths.mean(), truths - truths.mean()


def _squared_error(rows: Rows, labels: Sequence[str], keywords: Mapping[str, Any]) -> dict[str, AdditiveMetric]:
    if set(keywords) - {"squared"}:
        return {}
    answers, truths = _numbers(rows)
    squares = mean((answers - truths) ** 2)
    if keywords.get("squared", True):
        return {"": squares}
    return {"": AdditiveMetric(squares.columns, lambda sums: np.sqrt(squares.value(sums)))}


def _absolute_error(rows: Rows, labels: Sequence[str], keywords: Mapping[str, Any]) -> dict[str, AdditiveMetric]:
    answers, truths = _numbers(rows)
    return {} if keywords else {"": mean(np.abs(answers - truths))}


def _moments(answers: Numbers, truths: Numbers) -> Numbers:
    parts = [np.ones(len(truths)), answers, truths, answers**2, truths**2, answers * truths, (answers - truths) ** 2]
    return np.stack(parts, axis=1)


def _pearson(rows: Rows, labels: Sequence[str], keywords: Mapping[str, Any]) -> dict[str, AdditiveMetric]:
    def value(sums: Numbers) -> Numbers:
        n, answers, truths, squares, true_squares, products = (sums[..., i] for i in range(6))
        spread = (n * squares - answers**2) * (n * true_squares - truths**2)
        return ratio(n * products - answers * truths, np.sqrt(np.maximum(spread, 0.0)))

    return {} if keywords else {"": AdditiveMetric(_moments(*_numbers(rows)), value)}


def _r2(rows: Rows, labels: Sequence[str], keywords: Mapping[str, Any]) -> dict[str, AdditiveMetric]:
    def value(sums: Numbers) -> Numbers:
        n, truths, true_squares, errors = (sums[..., i] for i in (0, 2, 4, 6))
        return 1 - ratio(errors, true_squares - ratio(truths**2, n))

    return {} if keywords else {"": AdditiveMetric(_moments(*_numbers(rows)), value)}


def _entities(score: str) -> Form:
    def form(rows: Rows, labels: Sequence[str], keywords: Mapping[str, Any]) -> dict[str, AdditiveMetric]:
        sets = [(set(entities(row["prediction"])), set(entities(row["label"]))) for row in rows]
        columns = np.array([[len(given & there), len(given), len(there)] for given, there in sets], dtype=float)
        ends = {"precision": (1.0, 1.0, 0.0), "recall": (1.0, 0.0, 1.0), "f1": (2.0, 1.0, 1.0)}[score]

        def value(sums: Numbers) -> Numbers:
            return ratio(ends[0] * sums[..., 0], ends[1] * sums[..., 1] + ends[2] * sums[..., 2], 0.0)

        return {"": AdditiveMetric(columns, value)}

    return form


def _word_accuracy(rows: Rows, labels: Sequence[str], keywords: Mapping[str, Any]) -> dict[str, AdditiveMetric]:
    right = [sum(map(lambda one, other: one == other, row["prediction"], row["label"])) for row in rows]
    lengths = np.array([len(row["label"]) for row in rows], dtype=float)
    return {"": mean(ratio(np.array(right, dtype=float), lengths, 0.0), lengths)}


FORMS: dict[str, Form] = {
    **{f"Multiclass{score}": multiclass(score) for score in ("Precision", "Recall", "F1Score")},
    **{f"Multilabel{score}": multilabel(score) for score in ("Precision", "Recall", "F1Score")},
    "MulticlassMatthewsCorrCoef": matthews,
    "MulticlassAccuracy": top_k(multiclass("Accuracy")),
    "BalancedAccuracy": balanced_accuracy,
    "BrierScore": brier,
    "LogLoss": log_losses,
    "CalibrationError": calibration_error,
    "MultilabelExactMatch": all_labels_right,
    "MeanSquaredError": _squared_error,
    "MeanAbsoluteError": _absolute_error,
    "PearsonCorrCoef": _pearson,
    "R2Score": _r2,
    "EntityPrecision": _entities("precision"),
    "EntityRecall": _entities("recall"),
    "EntityF1": _entities("f1"),
    "WordAccuracy": _word_accuracy,
    "ExactMatch": mean_of_texts(exact_match),
    "TokenF1": mean_of_texts(token_f1),
    "Rouge1": mean_of_texts(rouge_1),
    "Rouge2": mean_of_texts(rouge_2),
    "RougeL": mean_of_texts(rouge_l),
    "Bleu": of_corpus(bleu_counts, corpus_scores.bleu),
    "ChrF": chrf,
    "ChrF2": of_corpus(chrf2_counts, corpus_scores.chrf2),
    "Perplexity": _perplexity,
    "BitsPerByte": _bits_per_byte,
}
"""Class of a metric to its additive form. A user's own class of the same name has an interval only if it agrees."""
