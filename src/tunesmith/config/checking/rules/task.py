"""Rules for what a task can be combined with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tunesmith.config.checking.rules.registry import rule
from tunesmith.config.checking.signatures import read_signature
from tunesmith.config.families import family_mismatch
from tunesmith.config.tasks import TASKS, names, names_reading, traits_of
from tunesmith.errors import Problem

COLUMNS = ("text_pair_column", "target_column", "messages_column")
"""Keys of `data` that name columns that only some tasks read."""


@rule("task", "data")
def _columns_of_the_task(task: Mapping[str, Any], data: Mapping[str, Any]) -> Problem | None:
    traits = traits_of(task)
    for key in traits.required:
        if data.get(key) is None and data.get("convert") is None:
            return Problem(f"data.{key}", f"is required with task={traits.name}", "null", f"Set it: data.{key}=NAME")
    readers = {key: names_reading(key) for key in COLUMNS} | {"packing": names(divides=True)}
    for key, tasks in readers.items():
        if data.get(key) not in (None, False) and traits.name not in tasks:
            hint = f"It goes with task={' or task='.join(tasks)}"
            return Problem(f"data.{key}", f"has no effect with task={traits.name}", str(data[key]), hint)
    if data.get("messages_column") is not None and data.get("target_column") is not None:
        hint = "Set one of the two to null"
        received = str(data["messages_column"])
        return Problem(
            "data.messages_column", "has whole conversations, so target_column has no effect", received, hint
        )
    return None


@rule("task")
def _options_of_the_loss(task: Mapping[str, Any]) -> Problem | None:
    traits = traits_of(task)
    if task.get("multi_label") and not traits.several:
        return Problem("task.multi_label", f"has no effect with task={traits.name}", "true", "Use task=multi_label")
    for key in ("label_smoothing", "class_weights"):
        if task.get(key) and not traits.weighs_labels:
            kind = "several labels per text" if traits.several else f"task={traits.name}"
            hint = "It goes with one label per text or word"
            return Problem(f"task.{key}", f"has no effect with {kind}", str(task[key]), hint)
    return None


@rule("task")
def _kind_of_the_class(task: Mapping[str, Any]) -> Problem | None:
    target = task.get("_target_")
    signature = read_signature(target) if target else None
    if signature is None:
        return None
    lineage = [
        name.removeprefix("tunesmith.tasks.").partition(".")[0] for name in (signature.name, *signature.ancestors)
    ]
    kind = next((TASKS[name] for name in lineage if name in TASKS), None)
    if kind is None or kind.option == traits_of(task).option:
        return None
    hint = f"Set task.name={kind.name} task.multi_label={str(kind.several).lower()}"
    return Problem(
        "task._target_", f"is a {kind.option} task, but task.name makes it {traits_of(task).option}", target, hint
    )


@rule("task.name", "model.family")
def _family_of_the_model(task: str, family: str) -> Problem | None:
    if family == "auto" or family in TASKS[task].heads:
        return None
    rule_text, hint = family_mismatch(task, f"this one is of family {family}")
    return Problem("model", rule_text, None, hint)
