"""Measures rows slice by slice: by the values of the columns in `evaluation.slices`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torchmetrics import Metric

from tunesmith.config.schema import RunConfig
from tunesmith.evaluation.metrics import compute_metrics
from tunesmith.evaluation.statistics.headline import interval_of
from tunesmith.models.module import Outputs
from tunesmith.tasks.task import Task
from tunesmith.training.build import metrics_of

MOST_SLICES = 50
"""Values of a column that are measured in a split, those with the most rows."""


def measure_slices(
    config: RunConfig, task: Task, labels: Sequence[str], outputs: Outputs, rows: Sequence[Mapping[str, Any]]
) -> tuple[list[dict[str, Any]], list[str]]:
    """Measure the rows of a split for each value of each column.

    Args:
        config: The run's config.
        task: Its task.
        labels: Label names in the order of the logits.
        outputs: The evaluation pass over the split.
        rows: The split's rows as in `predictions.jsonl`, in the same order.

    Returns:
        For `results.json`, a mapping per slice with `split`, `column`, `value`, `rows`, `metrics` (name to number), and
        `interval`, that of the metric that decides, if it has one; and what is left out, as sentences.
    """
    metrics = metrics_of(config, labels)
    measured, sentences = [], []
    for column in config.evaluation.slices:
        places: dict[str, list[int]] = {}
        for place, row in enumerate(rows):
            places.setdefault(row["slices"][column], []).append(place)
        most = sorted(places, key=lambda value: (-len(places[value]), value))
        if len(most) > MOST_SLICES:
            known = f"{column} has {len(most):,} values in {outputs.split}"
            sentences.append(f"evaluation.slices: {known}; the {MOST_SLICES} with the most rows are measured")
        for value in most[:MOST_SLICES]:
            own = [rows[place] for place in places[value]]
            numbers = dict(_numbers(metrics, task, labels, outputs, places[value]))
            entry = {"split": outputs.split, "column": column, "value": value, "rows": len(own), "metrics": numbers}
            measured.append(entry | _interval(config, labels, own, numbers))
    return measured, sentences


def _numbers(
    metrics: Mapping[str, Metric], task: Task, labels: Sequence[str], outputs: Outputs, places: Sequence[int]
) -> Iterator[tuple[str, float]]:
    """The loss and the defined metrics of some rows."""
    losses, counts = outputs.losses[places], outputs.counts[places]
    if counts.sum() > 0:
        yield "loss", (losses.sum() / counts.sum()).item()
    answers, truths = (_some(part, places) for part in outputs.measured)
    measured = compute_metrics(metrics, task.metric_inputs(answers, truths, labels))
    yield from ((name, value) for name, value in measured.values.items() if isinstance(value, float) and value == value)


def _some(values: Any, places: Sequence[int]) -> Any:
    return values[places] if isinstance(values, torch.Tensor) else [values[place] for place in places]


def _interval(
    config: RunConfig, labels: Sequence[str], rows: Sequence[Mapping[str, Any]], numbers: Mapping[str, float]
) -> dict[str, list[float]]:
    name = config.evaluation.monitor.partition("/")[2]
    node_name, _, label = name.partition("/")
    node = config.evaluation.metrics.get(node_name)
    if name not in numbers or (node is None and node_name != "loss"):
        return {}
    plain = None if node is None else node.model_dump(by_alias=True)
    bounds = interval_of(plain, rows, labels, label, numbers[name])
    return {} if bounds is None else {"interval": [bounds.low, bounds.high]}
