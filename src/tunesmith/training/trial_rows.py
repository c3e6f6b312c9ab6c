"""Every metric tried on made-up answers before anything is trained: does it take them, and what is its value?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from tunesmith.config.checking.rules.evaluation import callback_monitors
from tunesmith.config.schema import RunConfig, Task
from tunesmith.errors import ConfigError, Problem
from tunesmith.evaluation.inputs import Inputs
from tunesmith.evaluation.metrics import Measured, compute_metrics
from tunesmith.suggest import did_you_mean, nearest
from tunesmith.training.instantiate import build_metrics

MOST_ROWS = 64
TEXTS = ["the plot is slow and the actors are good", "one more film of that kind", "a story that is told with care"]


def check_metrics(config: RunConfig, labels: Sequence[str]) -> None:
    """Refuse metrics that cannot take the task's answers, and monitors that turn out to be no number.

    Args:
        config: The run's config.
        labels: Names of the labels in the data.

    Raises:
        ConfigError: A metric fails on made-up answers, or does not report what is monitored.
    """
    measured = try_metrics(config, labels)
    numbers = ["val/loss", *(f"val/{name}" for name, value in measured.values.items() if isinstance(value, float))]
    callbacks = {name: node and node.model_dump() for name, node in config.callbacks.items()}
    monitors = [("evaluation.monitor", config.evaluation.monitor), *callback_monitors(callbacks)]
    problems = []
    for where, monitor in monitors:
        if monitor not in numbers:
            hint = f"{did_you_mean(nearest(monitor, numbers)) or ''} This run has {', '.join(numbers[:20])}".strip()
            problems.append(Problem(where, "names no number that the run produces", monitor, hint))
    if problems:
        raise ConfigError(problems)


def try_metrics(config: RunConfig, labels: Sequence[str]) -> Measured:
    """What the configured metrics say of made-up answers.

    Raises:
        ConfigError: A metric fails on them.
    """
    metrics = build_metrics(config.evaluation, num_labels=len(labels))
    measured = compute_metrics(metrics, Inputs(*made_up(config.task, labels), labels, config.task))
    problems = [
        Problem(
            f"evaluation.metrics.{name}",
            f"cannot take the answers of task={config.task.name}: {why}",
            config.evaluation.metrics[name].target,
            "docs/tasks.md says what metrics are given",
        )
        for name, why in measured.failures.items()
    ]
    if problems:
        raise ConfigError(problems)
    return measured


def made_up(task: Task, labels: Sequence[str]) -> tuple[Any, Any]:
    """Answers and truths of a few rows, as an evaluation pass of the task gives them; both are as good as random.

    Args:
        task: The task.
        labels: Names of the labels.
    """
    draw = torch.Generator().manual_seed(0)
    rows = min(MOST_ROWS, 2 * max(len(labels), 2))
    if task.name == "text_to_text":
        return [*TEXTS[1:], TEXTS[0]], list(TEXTS)
    if task.name in ("language_modeling", "regression"):  # losses and counts, or numbers: none of them negative
        return torch.rand(rows, generator=draw) + 0.5, torch.randint(1, 9, (rows,), generator=draw).float()
    logits, places = torch.randn(rows, len(labels), generator=draw), torch.arange(rows)
    if task.name == "token_classification":
        return [row[None] for row in logits], [(labels[i % len(labels)],) for i in range(rows)]
    if task.multi_label:
        return logits, (places[:, None] // (1 + torch.arange(len(labels)))) % 2
    return logits, places % len(labels)
