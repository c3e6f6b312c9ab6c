"""Values that torchmetrics gives where there are none, or that flatter where a label is absent, put right.

What cannot be computed has no value (NaN). A mean over labels is the mean of their values, as in scikit-learn with all
labels named and `zero_division=0`: a label without a row counts as 0 where its value is 0, and where it has no value,
neither has the mean.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics import classification as of_labels
from torchmetrics import regression as of_numbers

COUNTING = (of_labels.MulticlassStatScores, of_labels.MulticlassJaccardIndex)
"""Scores of single labels from counts; torchmetrics leaves labels that do not occur out of their mean."""
RANKING = tuple(
    getattr(of_labels, f"{kind}{name}")
    for kind in ("Multiclass", "Multilabel")
    for name in ("AUROC", "AveragePrecision", "LogAUC", "EER")
)
"""Scores of an order of rows, which there is only where some rows have the label and others do not."""
ASSOCIATING = (of_labels.MulticlassMatthewsCorrCoef, of_labels.MultilabelMatthewsCorrCoef)
CORRELATING = (of_numbers.PearsonCorrCoef, of_numbers.SpearmanCorrCoef, of_numbers.KendallRankCorrCoef)
"""Without a value where one side is all the same."""
OF_NUMBERS = tuple(getattr(of_numbers, name) for name in of_numbers.__all__)
"""Sums of squares of numbers far from zero leave no digit of their variance in fp32."""
EXPLAINING = (of_numbers.R2Score, of_numbers.ExplainedVariance, of_numbers.RelativeSquaredError)
"""Without a value where the truth is all the same."""


def value_of(metric: Metric, answers: Any, truths: Any) -> Any:
    """The metric's value on all rows at once.

    Args:
        metric: Reset before use.
        answers: What it takes first.
        truths: What it takes second.

    Returns:
        What its `compute` gives, with NaN where there is no such value.
    """
    if isinstance(metric, OF_NUMBERS):
        metric.set_dtype(torch.float64)
    metric.reset()
    metric.update(answers, truths)
    if isinstance(metric, RANKING):
        return _of_rankings(metric, truths)
    if isinstance(metric, COUNTING) and metric.average == "macro" and type(metric) is not COUNTING[0]:
        return _without(_per_label(metric), metric.ignore_index).mean()
    if isinstance(metric, ASSOCIATING) and (_constant(truths) or _constant(_decided(metric, answers))):
        return torch.tensor(torch.nan)
    if isinstance(metric, CORRELATING) and (_constant(truths) or _constant(answers)):
        return torch.tensor(torch.nan)
    if isinstance(metric, EXPLAINING) and _constant(truths):
        return torch.tensor(torch.nan)
    return metric.compute()


def _of_rankings(metric: Any, truths: Tensor) -> Tensor:
    """Per label, or their mean, or over all decisions; labels that all rows have, or none, have no value."""
    key = "average2" if hasattr(metric, "average2") else "average"  # of LogAUC
    average, num_labels = getattr(metric, key, None), getattr(metric, "num_labels", None) or metric.num_classes
    has = truths if truths.ndim == 2 else torch.nn.functional.one_hot(truths, num_labels)  # (rows, labels)
    support, rows = has.sum(dim=0), len(has)
    if average == "micro":
        alike = has.sum() in (0, has.numel())
        return torch.tensor(torch.nan) if alike else torch.as_tensor(metric.compute())
    each = torch.as_tensor(_per_label(metric, key)).double()
    each = torch.where((support > 0) & (support < rows), each, torch.nan)
    if average == "weighted":
        there = support > 0
        return (each[there] * support[there]).sum() / support.sum()
    return each.mean() if average == "macro" else each


def _per_label(metric: Any, key: str = "average") -> Tensor:
    """The value of each label, whichever mean of them was asked for."""
    asked = getattr(metric, key, None)
    setattr(metric, key, "none")
    try:
        each: Tensor = metric.compute()
    finally:
        setattr(metric, key, asked)
    return each


def _without(each: Tensor, ignored: int | None) -> Tensor:
    """Less the label that the user told the metric to ignore."""
    kept = [label for label in range(len(each)) if label != ignored]
    return each[kept]


def _decided(metric: Any, answers: Tensor) -> Tensor:
    """The label of each row, or a yes or no for each."""
    return answers > metric.threshold if hasattr(metric, "threshold") else answers.argmax(dim=1)


def _constant(values: Tensor) -> bool:
    return bool((values == values.flatten()[0]).all())
