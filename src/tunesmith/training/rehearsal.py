"""Build everything once before a run starts, to catch early what a library rejects.

Optimizer and schedule are tried on one-element parameters with the real names, groups and numbers of dimensions
(see docs/decisions.md, 2026-11-26: a run is rehearsed before it has a directory).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from lightning_fabric.plugins.environments.lightning import LightningEnvironment

from tunesmith.config.methods import method_label
from tunesmith.config.schema import RunConfig
from tunesmith.data.datamodule import TextDataModule
from tunesmith.errors import ConfigError, Problem
from tunesmith.models.freezing import check_schedule
from tunesmith.models.method import PartialMethod
from tunesmith.training import build, instantiate

MOST_STEPS = 200
"""Steps to try; of a longer schedule, the first ones."""


def rehearse(config: RunConfig, skeleton: torch.nn.Module, labels: Sequence[str], steps: int) -> None:
    """Build metrics, callbacks, Trainer, optimizer and schedule, and take a few steps.

    Args:
        config: The run's config, with its decisions made.
        skeleton: The network as it will be trained, on the meta device.
        labels: The labels' names.
        steps: Optimizer steps of the run.

    Raises:
        ConfigError: A library rejects the config; it lists every such problem.
    """
    metrics = _problems(lambda: instantiate.build_metrics(config.evaluation, len(labels)))
    trainer = _problems(lambda: _trainer(config))
    schedule = _problems(lambda: _ask_method(config, skeleton, steps))
    problems = [*metrics, *trainer, *schedule, *_of_steps(config, skeleton, steps)]
    if problems:
        raise ConfigError(problems)


def rehearse_on(config: RunConfig, skeleton: torch.nn.Module, data: TextDataModule) -> None:
    """Do the same with data that has been read; see `rehearse`."""
    from tunesmith.training.course import course

    steps_per_epoch = -(-len(data.training_dataset) // config.data.batch_size)
    rehearse(config, skeleton, data.labels, course(config, steps_per_epoch))


def _problems(make: Callable[[], object]) -> list[Problem]:
    try:
        make()
    except ConfigError as error:
        return error.problems
    return []


def _trainer(config: RunConfig) -> object:
    callbacks, plugins = instantiate.build_callbacks(config), [LightningEnvironment()]
    return instantiate.instantiate_trainer(config, logger=False, callbacks=callbacks, plugins=plugins, **build.OURS)


def _ask_method(config: RunConfig, skeleton: torch.nn.Module, steps: int) -> None:
    method = instantiate.build_method(config.method)
    if isinstance(method, PartialMethod):
        check_schedule(skeleton, method, steps, MOST_STEPS)


def _of_steps(config: RunConfig, skeleton: torch.nn.Module, steps: int) -> Iterator[Problem]:
    groups = [_small(group) for group in build.groups_of(config, skeleton)]
    if not groups:
        hint = "Freeze less, or start from method=lora"
        received = method_label(config.method.name, config.method.target)
        yield Problem("method", "leaves no parameter to train", received, hint)
        return
    where, target = "optimizer", config.optimizer.target
    try:
        optimizer = instantiate.optimizer_factory(config.optimizer)(groups)
        _step(optimizer)
        where, target = "scheduler", config.scheduler.target
        entry = build.schedule_factory(config)(optimizer, steps)
        for _ in range(min(steps, MOST_STEPS)):
            _move(entry)
    except ConfigError as error:
        yield from error.problems
    except Exception as error:  # libraries raise any kind of error
        message = str(error).splitlines()[0] if str(error) else ""
        yield Problem(where, f"{target} cannot be used as configured: {type(error).__name__}: {message}")


def _small(group: dict[str, Any]) -> dict[str, Any]:
    """A group with one-element parameters that have as many dimensions as its own."""
    params = [torch.nn.Parameter(torch.ones((1,) * max(1, item.ndim))) for item in group["params"]]
    return group | {"params": params}


def _step(optimizer: torch.optim.Optimizer) -> None:
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            parameter.grad = torch.ones_like(parameter)
    optimizer.step(lambda: 1.0)


def _move(entry: dict[str, Any]) -> None:
    if "monitor" in entry:
        entry["scheduler"].step(0.0)
    else:
        entry["scheduler"].step()
