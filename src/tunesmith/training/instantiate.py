"""Instantiate config nodes: metrics, callbacks, optimizer, schedule, adapter, Trainer."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import pytorch_lightning as pl
from hydra.utils import get_object
from torchmetrics import Metric

from tunesmith.config.checking.directions import mode_of
from tunesmith.config.construct import construct, refused_arguments
from tunesmith.config.methods import BUILT_IN, is_prompt, keywords
from tunesmith.config.schema import Evaluation, Method, Optimizer, RunConfig, Scheduler
from tunesmith.evaluation.words import know_all_words


def takes_keyword(target: str, keyword: str) -> bool:
    """Whether a `_target_` accepts a keyword by name."""
    return keyword in inspect.signature(get_object(target)).parameters


def build_metrics(evaluation: Evaluation, num_labels: int) -> dict[str, Metric]:
    """Build the configured metrics for a number of labels."""
    metrics = {}
    for name, node in evaluation.metrics.items():
        supplied = {key: num_labels for key in ("num_classes", "num_labels") if key in _keywords(node.target)}
        metrics[name] = construct(f"evaluation.metrics.{name}", node.target, supplied | node.kwargs())
        know_all_words(metrics[name])
    return metrics


def build_callbacks(config: RunConfig) -> list[pl.Callback]:
    """Build the configured callbacks; one that needs a monitor gets the run's, and one without a mode its monitor's."""
    callbacks = []
    for name, node in config.callbacks.items():
        if node is None:
            continue
        parameters = inspect.signature(get_object(node.target)).parameters
        supplied: dict[str, Any] = {}
        monitor = parameters.get("monitor")
        if monitor is not None and monitor.default is inspect.Parameter.empty and "monitor" not in node.kwargs():
            supplied = {"monitor": config.evaluation.monitor, "mode": config.evaluation.mode}
            if "check_on_train_epoch_end" in parameters:  # max_steps may end an epoch before its validation
                supplied["check_on_train_epoch_end"] = False
        elif isinstance(node.kwargs().get("monitor"), str) and "mode" in parameters:
            supplied = {"mode": mode_of(node.kwargs()["monitor"], config.evaluation)}
        callbacks.append(construct(f"callbacks.{name}", node.target, supplied | node.kwargs()))
    return callbacks


def optimizer_factory(node: Optimizer) -> Callable[..., Any]:
    """Return a function from parameter groups to the optimizer."""
    keywords = {key: value for key, value in node.kwargs().items() if key != "weight_decay"}
    return functools.partial(_call, "optimizer", node.target, keywords)


def scheduler_factory(node: Scheduler) -> Callable[..., Any]:
    """The schedule's class or function with the configured keywords bound."""
    return functools.partial(get_object(node.target), **node.kwargs())


def build_method(method: Method) -> Any:
    """Build what changes the weights: a `PartialMethod`, or a peft configuration.

    Raises:
        ConfigError: The class rejects its arguments.
    """
    if method.target is not None:
        return construct("method", method.target, method.kwargs())
    assert method.name is not None  # validation requires a name or a class
    return construct("method", BUILT_IN[method.name].target, keywords(method.model_dump()))


def prompt_length(method: Method) -> int:
    """Number of positions that a prompt occupies before the text; 0 for methods without one."""
    return int(build_method(method).num_virtual_tokens or 0) if is_prompt(method.target) else 0


def instantiate_trainer(config: RunConfig, **supplied: Any) -> pl.Trainer:
    """Create the Trainer from the configured arguments and the run's own."""
    trainer = construct("trainer", config.trainer.target, config.trainer.kwargs() | supplied)
    assert isinstance(trainer, pl.Trainer)
    return trainer


def _call(where: str, target: str, keywords: dict[str, Any], *args: Any) -> Any:
    try:
        return get_object(target)(*args, **keywords)
    except (TypeError, ValueError) as error:
        raise refused_arguments(where, target, error) from error


@functools.cache
def _keywords(target: str) -> frozenset[str]:
    cls = get_object(target)
    signatures = [inspect.signature(cls), inspect.signature(cls.__init__)]
    return frozenset(name for signature in signatures for name in signature.parameters)
