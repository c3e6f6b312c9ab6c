"""Check monitors of single labels against the labels in the data."""

from __future__ import annotations

from collections.abc import Sequence

from tunesmith.config.checking.rules.evaluation import callback_monitors, monitor_problem
from tunesmith.config.schema import RunConfig
from tunesmith.data.prepared import read_prepared
from tunesmith.data.splits import learned_labels
from tunesmith.errors import ConfigError
from tunesmith.tasks.registry import task_of


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
