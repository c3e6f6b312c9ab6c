"""Which parts of a config can change a result, according to the marks of its keys in the schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from tunesmith.config.effects import Effect, Fixed, Later
from tunesmith.config.keys import field_at
from tunesmith.config.outline import leaves

OBSERVERS = tuple(
    f"pytorch_lightning.callbacks.{name}"
    for name in ("LearningRateMonitor", "DeviceStatsMonitor", "ModelSummary", "RichModelSummary")
)
"""Callbacks that only observe; the schema cannot mark classes that a config names."""


@cache
def matters(key: str) -> bool:
    """Whether a key can change a result: neither it nor its node is marked otherwise; True for unknown keys."""
    parts = key.split(".")
    effects = [effect for end in range(1, len(parts) + 1) for effect in _marks(".".join(parts[:end]), Effect)]
    return not effects


@cache
def fixed_keys() -> dict[str, str]:
    """Keys that a search may not vary, each with the reason or what to do instead."""
    return {key: fixed.reason for key in leaves() for fixed in _marks(key, Fixed)}


def relevant(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """A saved config, or a node of it, without keys that cannot change a result and later keys with their default."""
    kept = {}
    for key, value in config.items():
        path = f"{prefix}{key}"
        if matters(path) and not (prefix == "callbacks." and observes(value)) and not _is_implied(path, value):
            kept[key] = relevant(value, f"{path}.") if isinstance(value, dict) else value
    return kept


def differing(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Dotted keys with both values where two saved configs differ in a way that can change the result."""
    yield from _differing(relevant(then), relevant(now), "")


def observes(node: Any) -> bool:
    """Whether a callback's node is null or names a callback that only observes."""
    return node is None or (isinstance(node, Mapping) and node.get("_target_") in OBSERVERS)


def _is_implied(key: str, value: Any) -> bool:
    """Whether a key is newer than some configs and has the value that they imply."""
    field = field_at(key)
    return field is not None and bool(_marks(key, Later)) and bool(field.default == value)


def _differing(then: Mapping[str, Any], now: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any, Any]]:
    for key in sorted(then.keys() | now.keys()):
        first, second = then.get(key), now.get(key)
        if isinstance(first, dict) and isinstance(second, dict):
            yield from _differing(first, second, f"{prefix}{key}.")
        elif first != second:
            yield f"{prefix}{key}", first, second


def _marks(key: str, kind: type[Any]) -> list[Any]:
    field = field_at(key)
    return [mark for mark in field.metadata if isinstance(mark, kind)] if field is not None else []
