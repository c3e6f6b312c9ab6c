"""Rules on what is measured, and on what looks at it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tunesmith.config.checking.directions import is_per_label, is_table, task_and_name, undirected
from tunesmith.config.checking.rules.registry import rule
from tunesmith.config.tasks import MEASURES, traits_of
from tunesmith.errors import Problem
from tunesmith.suggest import did_you_mean, nearest


def monitored(metrics: Mapping[str, Any], labels: Sequence[str] = ("<label>",)) -> list[str]:
    """The numbers that a run reports on validation data; a metric per label has a name for each of them."""
    names = ["val/loss"]
    for name, metric in metrics.items():
        if not is_table(metric):
            names += [f"val/{name}/{label}" for label in labels] if is_per_label(metric) else [f"val/{name}"]
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
    if monitor.startswith(tuple(f"val/{name}/" for name, metric in metrics.items() if _has_parts(metric))):
        return None  # which parts there are is seen when the metric is tried, before anything is trained
    if monitor.startswith("test/"):
        return Problem(where, "may not look at test data", monitor, f"One of {', '.join(names)}")
    close = next((name for name in names if name == f"{monitor}/<label>"), None) or nearest(monitor, names)
    hint = " ".join(part for part in (did_you_mean(close), f"This run has {', '.join(names)}") if part)
    return Problem(where, "names something that the run does not produce", monitor, hint)


@rule("evaluation.monitor", "evaluation.metrics")
def _monitor(monitor: str, metrics: Mapping[str, Any]) -> Problem | None:
    return monitor_problem("evaluation.monitor", monitor, metrics)


@rule("evaluation.monitor", "evaluation.mode", "evaluation.metrics")
def _direction(monitor: str, mode: str, metrics: Mapping[str, Any]) -> Problem | None:
    known = monitor_problem("evaluation.monitor", monitor, metrics) is None
    return undirected(monitor, metrics, "evaluation.mode") if known and mode == "auto" else None


@rule("callbacks", "evaluation.monitor", "evaluation.metrics")
def _callback_monitors(callbacks: Mapping[str, Any], main: str, metrics: Mapping[str, Any]) -> Problem | None:
    for where, monitor in callback_monitors(callbacks):
        problem = monitor_problem(where, monitor, metrics)
        name = where.split(".")[1]
        if problem is None and monitor != main and "mode" not in callbacks[name]:
            problem = undirected(monitor, metrics, f"callbacks.{name}.mode")
        if problem is not None:
            return problem
    return None


def callback_monitors(callbacks: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The key and the value of every monitor that a callback has of its own."""
    for name, callback in callbacks.items():
        monitor = callback.get("monitor") if callback else None
        if isinstance(monitor, str):
            yield f"callbacks.{name}.monitor", monitor


def _has_parts(metric: Mapping[str, Any]) -> bool:
    """Whether the class is one of texts by torchmetrics, of which some have a value of several parts."""
    return str(metric.get("_target_")).startswith("torchmetrics.text.")


@rule("task", "evaluation.metrics")
def _metrics_of_the_task(task: Mapping[str, Any], metrics: Mapping[str, Any]) -> Problem | None:
    traits = traits_of(task)
    for name, metric in metrics.items():
        where, target = f"evaluation.metrics.{name}", str(metric.get("_target_", ""))
        kind, of_labels = task_and_name(metric) or ("", "")
        if kind == "Binary":
            rule = "cannot measure labels: nothing says which of them is the positive one"
            return Problem(where, rule, target, f"Multiclass{of_labels} with average: none has a value for each label")
        measured = kind or next((prefix for prefix in MEASURES if target.startswith(prefix)), None)
        if measured is not None and measured not in traits.metrics:
            hint = f"task={traits.option}, chosen as a group, brings evaluation={traits.option}"
            return Problem(where, f"cannot measure task={traits.option}", target, hint)
    return None
