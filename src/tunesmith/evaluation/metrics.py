"""Computes metrics over a whole split (docs/decisions.md, 2026-11-22: metrics over all rows at once)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torchmetrics import Metric

from tunesmith.evaluation.definedness import value_of
from tunesmith.evaluation.inputs import MetricInputs
from tunesmith.evaluation.tables import Table, recorded


@dataclass(frozen=True)
class Measured:
    """The metrics of a split."""

    values: dict[str, float | Table] = field(default_factory=dict)
    """Name to number, NaN if undefined; a matrix or curve is a table."""
    remarks: dict[str, str] = field(default_factory=dict)
    """Name to a caveat on the number, which completes a sentence that starts with the name."""
    failures: dict[str, str] = field(default_factory=dict)
    """Name to the reason why a metric could not be computed."""


def compute_metrics(metrics: Mapping[str, Metric], inputs: MetricInputs) -> Measured:
    """Compute each metric over all rows at once.

    Args:
        metrics: Name to torchmetrics object; reset before and after use.
        inputs: The predictions and references.

    Returns:
        The values; a metric with a value per label has one under `<name>/<label>`, one that fails has NaN.
    """
    measured = Measured()
    for name, metric in metrics.items():
        try:
            value = value_of(metric, *inputs.of(metric))
        except Exception as error:  # a metric that fails on some rows must not cost the training
            message = next((line for line in str(error).splitlines() if line.strip()), "")
            measured.failures[name] = f"{type(error).__name__}: {message}"
            value = torch.nan
        measured.values.update(recorded(name, value, inputs.labels))
        remark = getattr(metric, "remark", None)
        if isinstance(remark, str):
            measured.remarks[name] = remark
        metric.reset()
    return measured


def better(mode: str, value: float, best: float | None) -> bool:
    """Whether `value` improves on `best`; NaN never does, anything else improves on None."""
    if value != value:
        return False
    return best is None or (value > best if mode == "max" else value < best)
