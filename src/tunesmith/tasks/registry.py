"""The task that a config asks for."""

from __future__ import annotations

from importlib import import_module

from tunesmith.config.construct import construct_node
from tunesmith.config.schema import Task as TaskConfig
from tunesmith.config.tasks import TASKS, traits_of
from tunesmith.tasks.task import Task


def task_of(config: TaskConfig) -> Task:
    """The task of a `task` node: of the class that it names, else of the one in the file called like its option.

    Raises:
        ConfigError: The class that it names may not be used here, or refuses its arguments.
    """
    if config.target is not None:
        own: Task = construct_node("task", config, config)
        return own
    option = traits_of(config).option
    kind = getattr(import_module(f"tunesmith.tasks.{option}"), option.title().replace("_", ""))
    task: Task = kind(config)
    return task


def task_named(option: str) -> Task:
    """The task of an option of the group `task`, with everything else at its default."""
    traits = TASKS[option]
    return task_of(TaskConfig(name=traits.name, multi_label=traits.several))
