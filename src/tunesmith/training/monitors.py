"""Check what is measured against the labels in the data: monitors of single labels, and the best k of them."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from tunesmith.config.checking.directions import direction_of
from tunesmith.config.checking.rules.evaluation import callback_monitors, monitor_problem
from tunesmith.config.schema import RunConfig
from tunesmith.data.prepared import read_prepared
from tunesmith.data.splits import learned_labels
from tunesmith.errors import ConfigError, Problem
from tunesmith.tasks.registry import task_of

log = logging.getLogger("tunesmith")


def check_monitors(
    config: RunConfig, labels: Sequence[str] | None = None, others: Sequence[tuple[str, str]] = ()
) -> None:
    """Check monitors of single labels, `val/f1/<label>`, and accuracies of the best k, against the labels in the data.

    Args:
        config: The run's config.
        labels: Names of the labels; if None, the data is read when there is such a monitor or metric.
        others: Further monitors, each with the key that names it.

    Raises:
        ConfigError: A label is not in the data, or an accuracy counts every answer as right.
        DataError: The data cannot be used as configured.
    """
    plain = config.model_dump(by_alias=True)
    _tell_opposed(plain)
    own = [("evaluation.monitor", config.evaluation.monitor), *callback_monitors(plain["callbacks"])]
    monitors = [(where, monitor) for where, monitor in (*own, *others) if monitor.count("/") > 1]
    metrics = plain["evaluation"]["metrics"]
    best_of = {name: node["top_k"] for name, node in metrics.items() if (node or {}).get("top_k", 1) != 1}
    if not monitors and not best_of:
        return
    if labels is None:
        task = task_of(config.task)
        labels = learned_labels(read_prepared(config.data, task).splits, config.data, task)
    faults = [monitor_problem(where, monitor, metrics, labels) for where, monitor in monitors]
    faults += [_best_of_all(name, k, labels) for name, k in best_of.items()]
    problems = [problem for problem in faults if problem is not None]
    if problems:
        raise ConfigError(problems)


def _best_of_all(name: str, k: Any, labels: Sequence[str]) -> Problem | None:
    """The problem of a metric for which it is enough that the label is among all of them; None if it is none."""
    if not isinstance(k, int) or k < len(labels):
        return None
    rule = f"counts every answer as right: the data has {len(labels)} labels"
    hint = f"Take fewer, such as top_{len(labels) - 1}_accuracy" if len(labels) > 2 else "Take accuracy"
    return Problem(f"evaluation.metrics.{name}", rule, f"top_k={k}", hint)


def _tell_opposed(config: Mapping[str, Any]) -> None:
    """Warn of a direction that is set against the one that the metric states: the worst weights would be kept."""
    evaluation = config["evaluation"]
    callbacks = {f"callbacks.{name}": node for name, node in config["callbacks"].items() if node}
    for where, node in {"evaluation": evaluation, **callbacks}.items():
        monitor, mode = node.get("monitor"), node.get("mode")
        better = direction_of(monitor, evaluation["metrics"]) if isinstance(monitor, str) else None
        if better is not None and mode in ("max", "min") and not better.startswith(mode):
            which = "higher" if mode == "max" else "lower"
            rule = "%s.mode=%s: a %s %s counts as better, against what it means. To turn it round: %s.mode=%s"
            log.warning(rule, where, mode, which, monitor, where, better[:3], extra={"once": True})
