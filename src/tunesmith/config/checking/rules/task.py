"""Rules on what goes with a task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tunesmith.config.checking.rules.registry import rule
from tunesmith.config.families import TAKEN, refused
from tunesmith.errors import Problem

COLUMNS = {
    "text_pair_column": ("classification", "regression"),
    "target_column": ("text_to_text", "language_modeling"),
    "messages_column": ("language_modeling",),
    "packing": ("language_modeling",),
}
"""Keys of `data` that only some tasks read."""


@rule("task", "data")
def _columns_of_the_task(task: Mapping[str, Any], data: Mapping[str, Any]) -> Problem | None:
    name = task["name"]
    if name == "text_to_text" and data.get("target_column") is None:
        hint = "Set it: data.target_column=NAME"
        return Problem("data.target_column", "is required with task=text_to_text", "null", hint)
    for key, tasks in COLUMNS.items():
        if data.get(key) not in (None, False) and name not in tasks:
            hint = f"It goes with task={' or task='.join(tasks)}"
            return Problem(f"data.{key}", f"has no effect with task={name}", str(data[key]), hint)
    if data.get("messages_column") is not None and data.get("target_column") is not None:
        hint = "Set one of the two to null"
        received = str(data["messages_column"])
        return Problem("data.messages_column", "holds whole conversations, so target_column has no use", received, hint)
    return None


@rule("task")
def _options_of_the_loss(task: Mapping[str, Any]) -> Problem | None:
    name = task["name"]
    if task.get("multi_label") and name != "classification":
        return Problem("task.multi_label", f"has no effect with task={name}", "true", "Use task=multi_label")
    for key in ("label_smoothing", "class_weights"):
        if task.get(key) and (name not in ("classification", "token_classification") or task.get("multi_label")):
            kind = "several labels per text" if task.get("multi_label") else f"task={name}"
            hint = "It goes with one label per text or word"
            return Problem(f"task.{key}", f"has no effect with {kind}", str(task[key]), hint)
    return None


@rule("task.name", "model.family")
def _family_of_the_model(task: str, family: str) -> Problem | None:
    if family == "auto" or family in TAKEN[task]:
        return None
    rule_text, hint = refused(task, f"this one is of family {family}")
    return Problem("model", rule_text, None, hint)
