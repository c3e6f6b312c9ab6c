"""What kind of value a metric has and which direction is better, read from source before any metric is imported."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from tunesmith.config.checking.signatures import Definition, ancestors, read_signature, resolve_target
from tunesmith.errors import ConfigError, Problem
from tunesmith.suggest import did_you_mean, nearest

if TYPE_CHECKING:
    from tunesmith.config.schema import Evaluation

COSTS = ("num_trainable_parameters", "peak_memory_mb", "duration_s")
"""Numbers of a run besides its metrics; lower is better."""

HIGHER = {
    **dict.fromkeys(("PearsonCorrCoef", "SpearmanCorrCoef", "KendallRankCorrCoef"), True),
    **dict.fromkeys(("Specificity", "NegativePredictiveValue"), True),
    "EER": False,
}
"""Whether higher is better, for torchmetrics classes that do not state the obvious; named without their task."""
MISSTATED = {"WordInfoPreserved": True}
"""The same for classes whose own attribute is wrong."""
TABLES = (
    *("ConfusionMatrix", "PrecisionRecallCurve", "ROC", "StatScores"),
    *("PrecisionAtFixedRecall", "RecallAtFixedPrecision", "SensitivityAtSpecificity", "SpecificityAtSensitivity"),
)
"""Torchmetrics classes, named without their task, whose value is a matrix or several vectors."""
TASKS = ("Binary", "Multiclass", "Multilabel")
"""Prefixes of the names of torchmetrics classes for labels."""

Direction = Literal["maximize", "minimize"]
Metrics = Mapping[str, Mapping[str, Any]]
"""The `evaluation.metrics` node."""


def direction_of(objective: str, metrics: Metrics) -> Direction | None:
    """Which direction is better; None if the metric's source does not state it.

    Args:
        objective: `val/loss`, `val/<metric>`, `val/<metric>/<label>` or one of `COSTS`.
        metrics: The `evaluation.metrics` node.
    """
    name = objective.partition("/")[2].partition("/")[0]
    if objective in COSTS or name not in metrics:
        return "minimize"
    higher = higher_is_better(metrics[name])
    return None if higher is None else "maximize" if higher else "minimize"


def direction_problem(objective: str, metrics: Metrics, where: str) -> Problem | None:
    """The problem of a number for which neither direction is known to be better; None if one is.

    Args:
        objective: As in `direction_of`.
        metrics: The `evaluation.metrics` node.
        where: The key that can state it.
    """
    if direction_of(objective, metrics) is not None:
        return None
    target = metrics[objective.split("/")[1]].get("_target_")
    rule = f"is unknown for {objective}: {target} does not state whether higher or lower is better"
    return Problem(where, rule, None, f"Set {where}=max or {where}=min")


def mode_of(monitor: str, evaluation: Evaluation) -> str:
    """`max` or `min`: the better direction of a number, set in the config for the run's monitor, else by its class.

    Raises:
        ConfigError: Neither states it.
    """
    if monitor == evaluation.monitor and evaluation.mode != "auto":
        return evaluation.mode
    metrics = {name: node.model_dump(by_alias=True) for name, node in evaluation.metrics.items()}
    problem = direction_problem(monitor, metrics, "evaluation.mode")
    if problem is not None:
        raise ConfigError([problem])
    return "max" if direction_of(monitor, metrics) == "maximize" else "min"


def objective_problem(objective: str, metrics: Metrics, where: str) -> Problem | None:
    """Why something cannot be an objective; None if it can.

    Args:
        objective: As the user named it.
        metrics: The `evaluation.metrics` node.
        where: The key that names it.
    """
    split, _, rest = objective.partition("/")
    if split == "test":
        hint = "A search uses validation data; the winner is tested once, at the end"
        return Problem(where, "a search never looks at the test split", objective, hint)
    numbers = [name for name, metric in metrics.items() if not is_table(metric)]
    known = [*COSTS, "val/loss", *(f"val/{name}" for name in numbers)]
    if objective in known or (split == "val" and rest.partition("/")[0] in numbers):
        return None
    return Problem(where, "is not a number that a run reports", objective, did_you_mean(nearest(objective, known)))


def definition_of(metric: Mapping[str, Any]) -> Definition | None:
    """The class of the object that a metric's node creates; torchmetrics' `Accuracy` creates a `MulticlassAccuracy`."""
    definition = resolve_target(str(metric.get("_target_")))
    task = metric.get("task")
    if definition is None or not isinstance(task, str) or not definition.module.startswith("torchmetrics."):
        return definition
    return resolve_target(f"{definition.module}.{task.capitalize()}{definition.node.name}") or definition


def task_and_name(metric: Mapping[str, Any]) -> tuple[str, str] | None:
    """The two parts of a torchmetrics class name: its task (empty if it has none) and the rest; None for others."""
    definition = definition_of(metric)
    if definition is None or not definition.module.startswith("torchmetrics."):
        return None
    name = definition.node.name
    task = next((task for task in TASKS if name.startswith(task)), "")
    return task, name.removeprefix(task)


def is_table(metric: Mapping[str, Any]) -> bool:
    """Whether a metric's value is a matrix or a curve, not a number."""
    parts = task_and_name(metric)
    return parts is not None and parts[1] in TABLES


def is_per_label(metric: Mapping[str, Any]) -> bool:
    """Whether a metric has a value for each label: its `average` is none, as set or by default."""
    if "average" in metric:
        return metric["average"] in (None, "none")
    definition = definition_of(metric) if task_and_name(metric) is not None else None
    signature = read_signature(definition.name) if definition is not None else None
    average = signature.by_name.get("average") if signature is not None else None
    return average is not None and average.default in ("None", "'none'")


def higher_is_better(metric: Mapping[str, Any]) -> bool | None:
    """Whether higher is better: from `MISSTATED`, the attribute in the class's source, or `HIGHER`; None if unknown."""
    definition = definition_of(metric)
    if definition is None:
        return None
    parts = task_and_name(metric)
    if parts is not None and parts[1] in MISSTATED:
        return MISSTATED[parts[1]]
    for place in ancestors(definition):
        if not isinstance(place.node, ast.ClassDef):
            continue
        for line in place.node.body:
            name, value = _assigned(line)
            if name == "higher_is_better" and isinstance(value, ast.Constant) and isinstance(value.value, bool):
                return value.value
            if name == "higher_is_better":
                return HIGHER.get(parts[1]) if parts is not None else None
    return None


def _assigned(line: ast.stmt) -> tuple[str | None, ast.expr | None]:
    if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
        return line.target.id, line.value
    if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name):
        return line.targets[0].id, line.value
    return None, None
