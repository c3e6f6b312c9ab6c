"""Try every metric on made-up answers before training: whether it accepts them, and what its value looks like."""

from __future__ import annotations

from collections.abc import Sequence

from tunesmith.config.checking.rules.evaluation import callback_monitors
from tunesmith.config.schema import RunConfig
from tunesmith.errors import ConfigError, Problem
from tunesmith.evaluation.metrics import Measured, compute_metrics
from tunesmith.suggest import did_you_mean, nearest
from tunesmith.tasks.registry import task_of
from tunesmith.training.instantiate import build_metrics


def check_metrics(config: RunConfig, labels: Sequence[str]) -> None:
    """Refuse metrics that cannot take the task's answers, and monitors that are not numbers.

    Args:
        config: The run's config.
        labels: Names of the labels in the data.

    Raises:
        ConfigError: A metric fails on made-up answers, or does not report the monitored value.
    """
    measured = try_metrics(config, labels)
    numbers = ["val/loss", *(f"val/{name}" for name, value in measured.values.items() if isinstance(value, float))]
    callbacks = {name: node and node.model_dump() for name, node in config.callbacks.items()}
    monitors = [("evaluation.monitor", config.evaluation.monitor), *callback_monitors(callbacks)]
    problems = []
    for where, monitor in monitors:
        if monitor not in numbers:
            hint = f"{did_you_mean(nearest(monitor, numbers)) or ''} This run has {', '.join(numbers[:20])}".strip()
            problems.append(Problem(where, "is not a number that the run produces", monitor, hint))
    if problems:
        raise ConfigError(problems)


def try_metrics(config: RunConfig, labels: Sequence[str]) -> Measured:
    """Compute the configured metrics on made-up answers.

    Raises:
        ConfigError: A metric fails on them.
    """
    metrics = build_metrics(config.evaluation, num_labels=len(labels))
    task = task_of(config.task)
    measured = compute_metrics(metrics, task.metric_inputs(*task.made_up(labels), labels))
    problems = [
        Problem(
            f"evaluation.metrics.{name}",
            f"cannot take the answers of task={task.traits.name}: {why}",
            config.evaluation.metrics[name].target,
            "docs/tasks.md describes what metrics receive",
        )
        for name, why in measured.failures.items()
    ]
    if problems:
        raise ConfigError(problems)
    return measured
