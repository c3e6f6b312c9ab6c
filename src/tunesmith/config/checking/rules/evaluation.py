"""Rules for metrics, and for what monitors them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from tunesmith.config.checking.directions import direction_problem, is_per_label, is_table, task_and_name
from tunesmith.config.checking.rules.registry import rule
from tunesmith.config.data_files import HUB
from tunesmith.config.tasks import MEASURES, traits_of
from tunesmith.errors import Problem
from tunesmith.suggest import did_you_mean, nearest

NAME: Final = re.compile(r"[\w-]+")
TAKEN: Final = ("train", "val", "test", "all", "baseline", "best", "sweep")
"""Words that name something else before the slash of a metric."""


def monitored(metrics: Mapping[str, Any], labels: Sequence[str] = ("<label>",)) -> list[str]:
    """The names of the numbers that a run reports on validation data; a metric per label has one name per label."""
    names = ["val/loss"]
    for name, metric in metrics.items():
        if not is_table(metric):
            names += [f"val/{name}/{label}" for label in labels] if is_per_label(metric) else [f"val/{name}"]
    return names


def monitor_problem(
    where: str, monitor: str, metrics: Mapping[str, Any], labels: Sequence[str] | None = None
) -> Problem | None:
    """The problem of a monitor that the run does not produce; None if it does.

    Args:
        where: The key that names it.
        monitor: The monitor.
        metrics: The `evaluation.metrics` node.
        labels: The labels in the data; None if it has not been read, so that any label is accepted.
    """
    names = monitored(metrics) if labels is None else monitored(metrics, labels)
    per_label = [name.removesuffix("<label>") for name in names if name.endswith("<label>")]
    if monitor in names or any(monitor.startswith(prefix) and monitor != prefix for prefix in per_label):
        return None
    if monitor.startswith(tuple(f"val/{name}/" for name, metric in metrics.items() if _has_parts(metric))):
        return None  # its parts are known when the metric is tried, before training
    if monitor.startswith("test/"):
        return Problem(where, "may not use test data", monitor, f"Use one of {', '.join(names)}")
    close = next((name for name in names if name == f"{monitor}/<label>"), None) or nearest(monitor, names)
    hint = " ".join(part for part in (did_you_mean(close), f"This run has {', '.join(names)}") if part)
    return Problem(where, "is not a number that the run produces", monitor, hint)


@rule("evaluation.metrics")
def _names(metrics: Mapping[str, Any]) -> Problem | None:
    for name, metric in metrics.items():
        if name == "loss" or "/" in name:
            rule = "would take the place of the loss" if name == "loss" else "must be a name without /"
            hint = "Call it otherwise: +evaluation.metrics.NAME._target_=..."
            return Problem(f"evaluation.metrics.{name}", rule, str(metric.get("_target_")), hint)
    return None


@rule("evaluation.monitor", "evaluation.metrics")
def _monitor(monitor: str, metrics: Mapping[str, Any]) -> Problem | None:
    return monitor_problem("evaluation.monitor", monitor, metrics)


@rule("evaluation.monitor", "evaluation.mode", "evaluation.metrics")
def _direction(monitor: str, mode: str, metrics: Mapping[str, Any]) -> Problem | None:
    known = monitor_problem("evaluation.monitor", monitor, metrics) is None
    return direction_problem(monitor, metrics, "evaluation.mode") if known and mode == "auto" else None


@rule("evaluation.sets", "data.format")
def _sets(sets: Mapping[str, str], form: Any) -> Problem | None:
    name = next((name for name in sets if not NAME.fullmatch(name) or name in TAKEN), None)
    if name is not None:
        hint = f"Other names than {', '.join(TAKEN)}, of letters, digits, - and _"
        return Problem("evaluation.sets", "cannot have this name", name, hint)
    if sets and form == HUB:
        hint = "Measure the finished run on other data: tunesmith evaluate RUN data=csv data.path=FILE"
        return Problem("evaluation.sets", "takes files in the format of data, which are none of the Hub's", None, hint)
    return None


@rule("task", "evaluation.probe")
def _probe(task: Mapping[str, Any], probe: bool) -> Problem | None:
    traits = traits_of(task)
    if not probe or traits.pools:
        return None
    hint = "It is for labels and numbers of texts: leave it out"
    return Problem("evaluation.probe", f"has no effect with task={traits.name}", "true", hint)


@rule("callbacks", "evaluation.monitor", "evaluation.metrics")
def _callback_monitors(callbacks: Mapping[str, Any], main: str, metrics: Mapping[str, Any]) -> Problem | None:
    for where, monitor in callback_monitors(callbacks):
        problem = monitor_problem(where, monitor, metrics)
        name = where.split(".")[1]
        if problem is None and monitor != main and "mode" not in callbacks[name]:
            problem = direction_problem(monitor, metrics, f"callbacks.{name}.mode")
        if problem is not None:
            return problem
    return None


def callback_monitors(callbacks: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The key and the value of every monitor that is set in a callback."""
    for name, callback in callbacks.items():
        monitor = callback.get("monitor") if callback else None
        if isinstance(monitor, str):
            yield f"callbacks.{name}.monitor", monitor


def _has_parts(metric: Mapping[str, Any]) -> bool:
    """Whether it is a text metric from torchmetrics; the values of some have several parts."""
    return str(metric.get("_target_")).startswith("torchmetrics.text.")


@rule("task", "evaluation.metrics")
def _metrics_of_the_task(task: Mapping[str, Any], metrics: Mapping[str, Any]) -> Problem | None:
    traits = traits_of(task)
    for name, metric in metrics.items():
        where, target = f"evaluation.metrics.{name}", str(metric.get("_target_", ""))
        kind, of_labels = task_and_name(metric) or ("", "")
        if kind == "Binary":
            rule = "cannot be used for labels: none of them is marked as positive"
            return Problem(where, rule, target, f"Multiclass{of_labels} with average: none has a value for each label")
        measured = kind or next((prefix for prefix in MEASURES if target.startswith(prefix)), None)
        if measured is not None and measured not in traits.metrics:
            hint = f"Choosing the group task={traits.option} also chooses evaluation={traits.option}"
            return Problem(where, f"cannot be used with task={traits.option}", target, hint)
    return None
