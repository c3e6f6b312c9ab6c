"""Check monitors of single labels against the labels in the data."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from tunesmith.config.checking.directions import direction_of
from tunesmith.config.checking.rules.evaluation import callback_monitors, monitor_problem
from tunesmith.config.schema import RunConfig
from tunesmith.data.prepared import read_prepared
from tunesmith.data.splits import learned_labels
from tunesmith.errors import ConfigError
from tunesmith.tasks.registry import task_of

log = logging.getLogger("tunesmith")


def check_monitors(
    config: RunConfig, labels: Sequence[str] | None = None, others: Sequence[tuple[str, str]] = ()
) -> None:
    """Check monitors of single labels, `val/f1/<label>`, against the labels in the data.

    Args:
        config: The run's config.
        labels: Names of the labels; if None, the data is read when there is such a monitor.
        others: Further monitors, each with the key that names it.

    Raises:
        ConfigError: A label is not in the data.
        DataError: The data cannot be used as configured.
    """
    plain = config.model_dump(by_alias=True)
    _tell_opposed(plain)
    own = [("evaluation.monitor", config.evaluation.monitor), *callback_monitors(plain["callbacks"])]
    monitors = [(where, monitor) for where, monitor in (*own, *others) if monitor.count("/") > 1]
    if not monitors:
        return
    if labels is None:
        task = task_of(config.task)
        labels = learned_labels(read_prepared(config.data, task).splits, config.data, task)
    metrics = plain["evaluation"]["metrics"]
    faults = [monitor_problem(where, monitor, metrics, labels) for where, monitor in monitors]
    problems = [problem for problem in faults if problem is not None]
    if problems:
        raise ConfigError(problems)


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
