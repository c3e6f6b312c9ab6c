"""Puts the classes of named metrics into a composed config, so that a saved one says what was measured."""

from __future__ import annotations

from typing import Any

from omegaconf import Container, DictConfig, OmegaConf

from tunesmith.config.composing.mappings import node_at
from tunesmith.config.metrics import METRICS, by_name, is_name, with_entries
from tunesmith.config.omegaconf_inside import content_of
from tunesmith.config.tasks import option_of
from tunesmith.errors import Problem


def set_metrics(config: DictConfig, names: list[Any]) -> list[Problem]:
    """Replace all metrics by those in a list of names.

    Args:
        config: Any config with the key; each name then stands under itself, so that others can be added.
        names: As written.

    Returns:
        The problems of the list.
    """
    listed, problems = by_name(names)
    OmegaConf.update(config, METRICS, listed, merge=False, force_add=True)
    return problems


def listed_metrics(config: DictConfig) -> list[Any] | None:
    """The list of names in place of a mapping of metrics; None if there is none."""
    metrics = _plain(config, METRICS)
    return metrics if isinstance(metrics, list) else None


def expand_metrics(config: DictConfig) -> list[Problem]:
    """Replace the names in `evaluation.metrics` by their entries, in place.

    Returns:
        The problems of names that the task does not have; the config then lacks these metrics.
    """
    names, task = listed_metrics(config), _plain(config, "task")
    problems = set_metrics(config, names) if names is not None else []
    metrics = _plain(config, METRICS)
    option = option_of(task) if isinstance(task, dict) else None
    if option is None or not isinstance(metrics, dict) or not any(map(is_name, metrics.values())):
        return problems
    entries, unknown = with_entries(metrics, option)
    OmegaConf.update(config, METRICS, entries, merge=False, force_add=True)
    return [*problems, *unknown]


def follows_from(problem: Problem, misnamed: list[Problem]) -> bool:
    """Whether a problem is due to a metric that is missing because its name is unknown."""
    return bool(misnamed) and problem.where in ("evaluation.monitor", "evaluation.mode")


def _plain(config: DictConfig, path: str) -> Any:
    node = node_at(config, path)
    composite = isinstance(node, Container) and isinstance(content_of(node), dict | list)
    return OmegaConf.to_container(node, resolve=False) if composite else None
