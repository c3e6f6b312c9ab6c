"""Corrects values of torchmetrics that are undefined, or too high when a label is absent.

What cannot be computed is NaN. A mean over labels is the mean of their values, as in scikit-learn with all labels named
and `zero_division=0`: a label without rows counts as 0 if its value is 0, and makes the mean NaN if it has no value.
See docs/decisions.md, 2026-11-26: what a metric receives.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics import classification as of_labels
from torchmetrics import regression as of_numbers

COUNTING = (of_labels.MulticlassStatScores, of_labels.MulticlassJaccardIndex)
"""Scores per label from counts; torchmetrics leaves labels that do not occur out of their mean."""
RANKING = tuple(
    getattr(of_labels, f"{kind}{name}")
    for kind in ("Multiclass", "Multilabel")
    for name in ("AUROC", "AveragePrecision", "LogAUC", "EER")
)
"""Scores of a ranking of rows, defined only if some rows have the label and others do not."""
ASSOCIATING = (of_labels.MulticlassMatthewsCorrCoef, of_labels.MultilabelMatthewsCorrCoef)
CORRELATING = (of_numbers.PearsonCorrCoef, of_numbers.SpearmanCorrCoef, of_numbers.KendallRankCorrCoef)
"""Undefined if either side is constant."""
OF_NUMBERS = tuple(getattr(of_numbers, name) for name in of_numbers.__all__)
"""Computed in fp64: in fp32, sums of squares of numbers far from zero lose every digit of their variance."""
EXPLAINING = (of_numbers.R2Score, of_numbers.ExplainedVariance, of_numbers.RelativeSquaredError)
"""Undefined if the references are constant."""


def value_of(metric: Metric, answers: Any, truths: Any) -> Any:
    """Compute a metric on all rows at once.

    Args:
        metric: Reset before use.
        answers: Its first argument, the predictions.
        truths: Its second argument, the references.

    Returns:
        The result of its `compute`, with NaN for undefined values.
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
    """Compute a ranking score per label, averaged, or over all decisions; NaN for labels of all rows or of none."""
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
    """Return the value of each label, whatever average is configured."""
    asked = getattr(metric, key, None)
    setattr(metric, key, "none")
    try:
        each: Tensor = metric.compute()
    finally:
        setattr(metric, key, asked)
    return each


def _without(each: Tensor, ignored: int | None) -> Tensor:
    """Leave out the label that the metric is configured to ignore."""
    kept = [label for label in range(len(each)) if label != ignored]
    return each[kept]


def _decided(metric: Any, answers: Tensor) -> Tensor:
    """Return each row's label, or a yes or no for each label."""
    return answers > metric.threshold if hasattr(metric, "threshold") else answers.argmax(dim=1)


def _constant(values: Tensor) -> bool:
    return bool((values == values.flatten()[0]).all())
