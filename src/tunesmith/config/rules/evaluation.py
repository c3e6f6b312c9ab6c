"""Rules on what is measured, and on what looks at it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tunesmith.config.rules.registry import rule
from tunesmith.config.suggest import did_you_mean, nearest
from tunesmith.errors import Problem

METRICS = {
    "torchmetrics.classification.Multiclass": ("classification",),
    "torchmetrics.classification.Multilabel": ("multi_label",),
    "torchmetrics.regression.": ("regression",),
    "tunesmith.evaluation.entities.": ("token_classification",),
    "tunesmith.evaluation.texts.Perplexity": ("language_modeling",),
    "tunesmith.evaluation.texts.": ("text_to_text",),
}
"""How the metrics begin that only some tasks can use."""


def monitored(metrics: Mapping[str, Any], labels: Sequence[str] = ("<label>",)) -> list[str]:
    """What a run reports on validation data; a metric per label has a name for each of them."""
    names = ["val/loss"]
    for name, metric in metrics.items():
        per_label = "average" in metric and metric["average"] in (None, "none")
        names += [f"val/{name}/{label}" for label in labels] if per_label else [f"val/{name}"]
    return names


def monitor_problem(
    where: str, monitor: str, metrics: Mapping[str, Any], labels: Sequence[str] | None = None
) -> Problem | None:
    """The fault of a monitor that the run does not produce.

    Args:
        where: The key that names it.
        monitor: The monitor.
        metrics: The `evaluation.metrics` node.
        labels: Those of the data; None where it has not been read, and any label will do.
    """
    names = monitored(metrics) if labels is None else monitored(metrics, labels)
    per_label = [name.removesuffix("<label>") for name in names if name.endswith("<label>")]
    if monitor in names or any(monitor.startswith(prefix) and monitor != prefix for prefix in per_label):
        return None
    if monitor.startswith("test/"):
        return Problem(where, "may not look at test data", monitor, f"One of {', '.join(names)}")
    close = next((name for name in names if name == f"{monitor}/<label>"), None) or nearest(monitor, names)
    hint = " ".join(part for part in (did_you_mean(close), f"This run has {', '.join(names)}") if part)
    return Problem(where, "names something that the run does not produce", monitor, hint)


@rule("evaluation.monitor", "evaluation.metrics")
def _monitor(monitor: str, metrics: Mapping[str, Any]) -> Problem | None:
    return monitor_problem("evaluation.monitor", monitor, metrics)


@rule("callbacks", "evaluation.metrics")
def _callback_monitors(callbacks: Mapping[str, Any], metrics: Mapping[str, Any]) -> Problem | None:
    problems = (monitor_problem(where, monitor, metrics) for where, monitor in callback_monitors(callbacks))
    return next((problem for problem in problems if problem is not None), None)


def callback_monitors(callbacks: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The key and the value of every monitor that a callback has of its own."""
    for name, callback in callbacks.items():
        monitor = callback.get("monitor") if callback else None
        if isinstance(monitor, str):
            yield f"callbacks.{name}.monitor", monitor


@rule("task", "evaluation.metrics")
def _metrics_of_the_task(task: Mapping[str, Any], metrics: Mapping[str, Any]) -> Problem | None:
    option = "multi_label" if task.get("multi_label") else task["name"]
    for name, metric in metrics.items():
        target = metric.get("_target_", "")
        fitting = next((tasks for prefix, tasks in METRICS.items() if target.startswith(prefix)), None)
        if fitting is not None and option not in fitting:
            hint = f"task={option}, chosen as a group, brings evaluation={option}"
            return Problem(f"evaluation.metrics.{name}", f"cannot measure task={option}", target, hint)
    return None
