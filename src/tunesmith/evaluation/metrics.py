"""Metrics of a whole split from its answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torchmetrics import Metric


def compute_metrics(
    metrics: Mapping[str, Metric], answers: Any, truths: Any, label_names: Sequence[str]
) -> dict[str, float]:
    """The value of each metric over all rows at once.

    Args:
        metrics: Name to torchmetrics object; reset before and after use.
        answers: What the metrics take first: logits of shape (rows, labels), numbers, tags or texts.
        truths: What they take second: indices of the right labels, shape (rows,), numbers, tags or texts.
        label_names: Names in the order of the logits.

    Returns:
        Name to value; a metric with a value per label becomes `<name>/<label>`.
    """
    values: dict[str, float] = {}
    for name, metric in metrics.items():
        metric.reset()
        metric.update(answers, truths)
        value = torch.as_tensor(metric.compute())
        metric.reset()
        if value.ndim == 0:
            values[name] = value.item()
        else:
            values |= {f"{name}/{label}": item for label, item in zip(label_names, value.tolist(), strict=True)}
    return values


def better(mode: str, value: float, best: float | None) -> bool:
    """Whether `value` improves on `best`; NaN never does, anything else improves on None."""
    if value != value:
        return False
    return best is None or (value > best if mode == "max" else value < best)


def direction(monitor: str, metrics: Mapping[str, Metric]) -> str:
    """`max` or `min`: the better direction of `<split>/<name>`; losses are to be small, metrics know for themselves."""
    name = monitor.split("/")[1]
    metric = metrics.get(name)
    return "min" if metric is None or metric.higher_is_better is False else "max"
