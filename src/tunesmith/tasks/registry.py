"""The task that a config asks for."""

from __future__ import annotations

from importlib import import_module

from tunesmith.config.schema import Task as TaskConfig
from tunesmith.config.tasks import TASKS, traits_of
from tunesmith.tasks.task import Task


def task_of(config: TaskConfig) -> Task:
    """The task of a `task` node: the class in the file of `tasks/` that is called like its option."""
    option = traits_of(config).option
    kind = getattr(import_module(f"tunesmith.tasks.{option}"), option.title().replace("_", ""))
    task: Task = kind(config)
    return task


def task_named(option: str) -> Task:
    """The task of an option of the group `task`, with everything else at its default."""
    traits = TASKS[option]
    return task_of(TaskConfig(name=traits.name, multi_label=traits.several))
