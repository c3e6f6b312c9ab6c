"""Metrics by a short name, for each task: what `evaluation.metrics` takes in place of a class."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tunesmith.config.tasks import TASKS
from tunesmith.errors import Problem
from tunesmith.suggest import did_you_mean, nearest

METRICS: Final = "evaluation.metrics"
Entry = dict[str, Any]
"""A node of `evaluation.metrics`: `_target_` and its keyword arguments."""

K: Final = "<k>"
"""Stands for a number, in a name and in a keyword."""
LABELS, NUMBERS, OURS = "torchmetrics.classification", "torchmetrics.regression", "tunesmith.evaluation"


def _entry(target: str, **keywords: Any) -> Entry:
    return {"_target_": target, **keywords}


def _averages(kind: str, averages: Mapping[str, str]) -> dict[str, Entry]:
    """Precision, recall and F1 of labels with each average; averages by the suffix of their names."""
    classes = {"precision": "Precision", "recall": "Recall", "f1": "F1Score"}
    return {
        f"{name}{suffix}": _entry(f"{LABELS}.{kind}{cls}", average=average)
        for name, cls in classes.items()
        for suffix, average in averages.items()
    }


AVERAGES = {"_macro": "macro", "_micro": "micro", "_weighted": "weighted", "": "none"}
PROBABILITIES = {
    "log_loss": _entry(f"{OURS}.probabilities.LogLoss"),
    "brier": _entry(f"{OURS}.probabilities.BrierScore"),
    "ece": _entry(f"{OURS}.probabilities.CalibrationError"),
}
NAMED: Final[Mapping[str, Mapping[str, Entry]]] = {
    "classification": {
        "accuracy": _entry(f"{LABELS}.MulticlassAccuracy", average="micro"),
        "balanced_accuracy": _entry(f"{OURS}.labels.BalancedAccuracy"),
        **_averages("Multiclass", AVERAGES),
        "mcc": _entry(f"{LABELS}.MulticlassMatthewsCorrCoef"),
        f"top_{K}_accuracy": _entry(f"{LABELS}.MulticlassAccuracy", average="micro", top_k=K),
        "roc_auc": _entry(f"{LABELS}.MulticlassAUROC"),
        "pr_auc": _entry(f"{LABELS}.MulticlassAveragePrecision"),
        **PROBABILITIES,
    },
    "multi_label": {
        "exact_match": _entry(f"{LABELS}.MultilabelExactMatch"),
        **_averages("Multilabel", AVERAGES),
        "roc_auc": _entry(f"{LABELS}.MultilabelAUROC"),
        "pr_auc": _entry(f"{LABELS}.MultilabelAveragePrecision"),
        **PROBABILITIES,
    },
    "regression": {
        "mse": _entry(f"{NUMBERS}.MeanSquaredError"),
        "rmse": _entry(f"{NUMBERS}.MeanSquaredError", squared=False),
        "mae": _entry(f"{NUMBERS}.MeanAbsoluteError"),
        "r2": _entry(f"{NUMBERS}.R2Score"),
        "pearson": _entry(f"{NUMBERS}.PearsonCorrCoef"),
        "spearman": _entry(f"{NUMBERS}.SpearmanCorrCoef"),
    },
    "token_classification": {
        "precision": _entry(f"{OURS}.entities.EntityPrecision"),
        "recall": _entry(f"{OURS}.entities.EntityRecall"),
        "f1": _entry(f"{OURS}.entities.EntityF1"),
        "accuracy": _entry(f"{OURS}.entities.WordAccuracy"),
    },
    "language_modeling": {
        "perplexity": _entry(f"{OURS}.texts.Perplexity"),
        "bits_per_byte": _entry(f"{OURS}.texts.BitsPerByte"),
    },
    "text_to_text": {
        "exact_match": _entry(f"{OURS}.texts.ExactMatch"),
        "token_f1": _entry(f"{OURS}.texts.TokenF1"),
        "rouge_1": _entry(f"{OURS}.texts.Rouge1"),
        "rouge_2": _entry(f"{OURS}.texts.Rouge2"),
        "rouge_l": _entry(f"{OURS}.texts.RougeL"),
        "bleu": _entry(f"{OURS}.texts.Bleu"),
        "chrf": _entry(f"{OURS}.texts.ChrF"),
        "chrf2": _entry(f"{OURS}.texts.ChrF2"),
    },
}
"""Option of `task` to its metrics by name. Those that `conf/evaluation` names have the same entries there."""
ELSEWHERE: Final = {
    **dict.fromkeys(("auroc", "auc"), "roc_auc"),
    **dict.fromkeys(("auprc", "average_precision"), "pr_auc"),
    **dict.fromkeys(("matthews_corrcoef", "matthews_correlation"), "mcc"),
    **dict.fromkeys(("cross_entropy", "nll"), "log_loss"),
    "bpb": "bits_per_byte",
    **dict.fromkeys(("calibration_error", "expected_calibration_error"), "ece"),
    **dict.fromkeys(("micro_f1", "f1_score"), "f1_micro"),
    **{"macro_f1": "f1_macro", "weighted_f1": "f1_weighted", "sacrebleu": "bleu", "chrf++": "chrf"},
    **{"root_mean_squared_error": "rmse", "mean_squared_error": "mse", "mean_absolute_error": "mae"},
}
"""Names of metrics in other libraries, where they are not similar, to ours."""
NUMBER = re.compile(r"(?<=_)[1-9]\d*(?=_)")
"""A number inside a name, such as that of `top_5_accuracy`, which the table has as `top_<k>_accuracy`."""


def named_metric(name: str, option: str) -> Entry | None:
    """Return the entry of a named metric of a task; None if the task has no metric of this name.

    Args:
        name: E.g. `mcc` or `top_5_accuracy`.
        option: The task's option.
    """
    number = NUMBER.search(name)
    entry = NAMED[option].get(NUMBER.sub(K, name))
    if entry is None or (number is None and K in name):
        return None
    return {key: int(number[0]) if value == K and number else value for key, value in entry.items()}


def by_name(names: Sequence[Any]) -> tuple[dict[str, str], list[Problem]]:
    """Turn a list of names into the mapping that it stands for, in which each has its own name.

    Returns:
        The mapping, and the problems of entries that are no names or stand there twice.
    """
    listed: dict[str, str] = {}
    problems = []
    for name in names:
        if not isinstance(name, str):
            hint = "A class has a name of your own: +evaluation.metrics.NAME._target_=CLASS"
            problems.append(Problem(METRICS, "is a list of names", str(name), hint))
        elif name in listed:
            problems.append(Problem(METRICS, "has a name twice", name, "Leave one of the two out"))
        else:
            listed[name] = name
    return listed, problems


def with_entries(metrics: Mapping[str, Any], option: str) -> tuple[dict[str, Any], list[Problem]]:
    """Replace the names in `evaluation.metrics` by the entries that they stand for.

    Args:
        metrics: The node, whose values may be names.
        option: The task's option.

    Returns:
        Name to entry, with other values as they are; and the problems of names that the task does not have.
    """
    entries: dict[str, Any] = {}
    problems = []
    for key, value in metrics.items():
        entry = named_metric(value, option) if is_name(value) else value
        if is_name(value) and entry is None:
            problems.append(_unknown(f"{METRICS}.{key}", value, option))
        else:
            entries[key] = entry
    return entries, problems


def is_name(value: Any) -> bool:
    """Whether a value is a name, and not a reference to another key."""
    return isinstance(value, str) and "${" not in value


def _unknown(where: str, name: str, option: str) -> Problem:
    own = list(NAMED[option])
    listed = f"The metrics of task={option} are {', '.join(own)}"
    if any(named_metric(name, other) for other in TASKS):
        return Problem(where, f"cannot be used with task={option}", name, listed)
    numbered = re.sub(r"\d+", K, name)
    other = ELSEWHERE.get(name.lower())
    close = other if other in own else nearest(numbered, own) or nearest(name, own)
    hint = " ".join(part for part in (did_you_mean(_typed(close, name)), listed) if part)
    return Problem(where, "there is no metric of this name", name, f"{hint}; a class is named in {where}._target_")


def _typed(close: str | None, name: str) -> str | None:
    """The nearest name with the number that was typed."""
    number = re.search(r"[1-9]\d*", name)
    return close.replace(K, number[0] if number else "5") if close is not None else None
