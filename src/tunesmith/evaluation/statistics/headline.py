"""Intervals of the metric that decides, from the predictions of a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from tunesmith.config.schema import Evaluation
from tunesmith.evaluation.statistics.additive import AdditiveMetric
from tunesmith.evaluation.statistics.intervals import Interval, interval
from tunesmith.evaluation.statistics.of_labels import Rows
from tunesmith.evaluation.statistics.of_rankings import ranking_interval, ranking_metric
from tunesmith.evaluation.statistics.of_rows import additive_metrics, agrees


def headline_intervals(
    evaluation: Evaluation, rows: Rows, labels: Sequence[str], metrics: Mapping[str, float]
) -> dict[str, list[float]]:
    """Return the interval of the monitored metric in each split, over rows, or over groups if rows have one.

    Args:
        evaluation: The evaluation config.
        rows: The rows of `predictions.jsonl`, of all splits.
        labels: Label names in the order of the logits.
        metrics: The recorded metrics.

    Returns:
        `<split>/<name>` to low and high; without those that have no interval.
    """
    name = evaluation.monitor.partition("/")[2]
    node_name, _, label = name.partition("/")
    nodes = {name: node.model_dump(by_alias=True) for name, node in evaluation.metrics.items()}
    result = {}
    for split in dict.fromkeys(row["split"] for row in rows):
        own = [row for row in rows if row["split"] == split]
        full = f"{split}/{name}"
        if full not in metrics or (node_name not in nodes and node_name != "loss"):
            continue
        bounds = interval_of(nodes.get(node_name), own, labels, label, metrics[full])
        if bounds is not None:
            result[full] = [bounds.low, bounds.high]
    return result


def interval_of(
    node: Mapping[str, Any] | None, rows: Rows, labels: Sequence[str], label: str, value: float
) -> Interval | None:
    """Return the interval of one number of a metric over rows, or over groups if rows have one.

    Args:
        node: Its node in `evaluation.metrics`; None for the loss.
        rows: The rows that it was measured on, as in `predictions.jsonl`.
        labels: Label names in the order of the logits.
        label: The label whose value it is; empty for a single value.
        value: The recorded value.
    """
    groups = group_numbers(rows)
    forms = additive_metrics(node, rows, labels, {label: value})
    if label in forms:
        return interval(forms[label].by_group(groups))
    ranking = ranking_metric(node, rows, labels, label) if node is not None else None
    if ranking is None or not agrees(float(ranking.value(np.ones((1, len(rows))))[0]), value):
        return None
    return ranking_interval(ranking, groups)


def group_numbers(rows: Iterable[Mapping[str, Any]]) -> list[int]:
    """Number what is drawn together: the rows of a group, or each row by itself."""
    numbers: dict[Any, int] = {}
    return [numbers.setdefault(row.get("group") or position, len(numbers)) for position, row in enumerate(rows)]


def additive_forms(
    evaluation: Evaluation, rows: Rows, labels: Sequence[str], recorded: Mapping[str, float]
) -> dict[str, AdditiveMetric]:
    """Return every metric that depends on rows through sums, by its name without split, with groups as units.

    Args:
        evaluation: The evaluation config.
        rows: Rows of `predictions.jsonl`, of one split.
        labels: Label names in the order of the logits.
        recorded: The metrics of these rows, by name without split.
    """
    if not rows:
        return {}
    groups = group_numbers(rows)
    nodes = {"loss": None} | {name: node.model_dump(by_alias=True) for name, node in evaluation.metrics.items()}
    found = {}
    for name, node in nodes.items():
        own = {key: value for key, value in recorded.items() if key.partition("/")[0] == name}
        parts = {key.partition("/")[2]: value for key, value in own.items()}
        for part, form in additive_metrics(node, rows, labels, parts).items():
            found[f"{name}/{part}" if part else name] = form.by_group(groups)
    return found
