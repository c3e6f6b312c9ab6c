"""Constructs the task that a config names."""

from __future__ import annotations

from importlib import import_module

from tunesmith.config.construct import construct_node
from tunesmith.config.schema import Task as TaskConfig
from tunesmith.config.tasks import TASKS, traits_of
from tunesmith.tasks.task import Task


def task_of(config: TaskConfig) -> Task:
    """Construct the task of a `task` node: of the class that it names, or else of its option's own class.

    Raises:
        ConfigError: The named class may not be used here, or refuses its arguments.
    """
    if config.target is not None:
        own: Task = construct_node("task", config, config)
        return own
    option = traits_of(config).option
    kind = getattr(import_module(f"tunesmith.tasks.{option}"), option.title().replace("_", ""))
    task: Task = kind(config)
    return task


def task_named(option: str) -> Task:
    """Construct the task of an option of the group `task`, with all defaults."""
    traits = TASKS[option]
    return task_of(TaskConfig(name=traits.name, multi_label=traits.several))
