"""What a number of a run is worth: which direction is better, told from source, before any metric is imported."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any, Literal

from tunesmith.config.signatures import ancestors, resolve
from tunesmith.config.suggest import did_you_mean, nearest
from tunesmith.errors import Problem

COSTS = ("num_trainable_parameters", "peak_memory_mb", "duration_s")
"""Numbers of a run beside its metrics; less is better."""

Direction = Literal["maximize", "minimize"]


def direction_of(objective: str, metrics: Mapping[str, Mapping[str, Any]]) -> Direction | None:
    """Which direction is better; None where the source of the metric does not say.

    Args:
        objective: `val/loss`, `val/<metric>`, `val/<metric>/<label>` or one of `COSTS`.
        metrics: The `evaluation.metrics` node.
    """
    name = objective.partition("/")[2].partition("/")[0]
    if objective in COSTS or name not in metrics:
        return "minimize"
    higher = higher_is_better(str(metrics[name].get("_target_")))
    return None if higher is None else "maximize" if higher else "minimize"


def fault_of(objective: str, metrics: Mapping[str, Mapping[str, Any]], where: str) -> Problem | None:
    """Why something cannot be an objective; None where it can.

    Args:
        objective: As the user named it.
        metrics: The `evaluation.metrics` node.
        where: The key that names it.
    """
    split, _, rest = objective.partition("/")
    if split == "test":
        hint = "A search decides by validation data; the winner is tested once, at the end"
        return Problem(where, "a search never looks at the test split", objective, hint)
    known = [*COSTS, "val/loss", *(f"val/{name}" for name in metrics)]
    if objective in known or (split == "val" and rest.partition("/")[0] in metrics):
        return None
    return Problem(where, "no such number of a run", objective, did_you_mean(nearest(objective, known)))


def higher_is_better(target: str) -> bool | None:
    """The attribute of that name of a torchmetrics class, read from source; None where it says nothing."""
    definition = resolve(target)
    if definition is None:
        return None
    for place in ancestors(definition):
        if not isinstance(place.node, ast.ClassDef):
            continue
        for line in place.node.body:
            name, value = _assigned(line)
            if name == "higher_is_better" and isinstance(value, ast.Constant):
                return value.value if isinstance(value.value, bool) else None
    return None


def _assigned(line: ast.stmt) -> tuple[str | None, ast.expr | None]:
    if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
        return line.target.id, line.value
    if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name):
        return line.targets[0].id, line.value
    return None, None
