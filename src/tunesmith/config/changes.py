"""What of a config can change a result, as each key says of itself in the schema."""

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
"""Callbacks that only look on: what the schema cannot say of a class that a config names."""


@cache
def matters(key: str) -> bool:
    """Whether a key, or the node that it belongs to, can change a result; so do keys that the schema does not name."""
    parts = key.split(".")
    effects = [effect for end in range(1, len(parts) + 1) for effect in _said(".".join(parts[:end]), Effect)]
    return not effects


@cache
def fixed_keys() -> dict[str, str]:
    """Keys that a search may not vary, each with the reason or what to do instead."""
    return {key: fixed.reason for key in leaves() for fixed in _said(key, Fixed)}


def relevant(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """A saved config, or a node of it, less everything that cannot change a result and later keys' defaults."""
    kept = {}
    for key, value in config.items():
        path = f"{prefix}{key}"
        if matters(path) and not (prefix == "callbacks." and observes(value)) and not _as_before(path, value):
            kept[key] = relevant(value, f"{path}.") if isinstance(value, dict) else value
    return kept


def differing(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Dotted keys of two saved configs that differ in a way that can change the result, with both values."""
    yield from _differing(relevant(then), relevant(now), "")


def observes(node: Any) -> bool:
    """Whether a callback's node names one that only looks on, or none."""
    return node is None or (isinstance(node, Mapping) and node.get("_target_") in OBSERVERS)


def _as_before(key: str, value: Any) -> bool:
    """Whether a key that older configs do not have says what they mean without it."""
    field = field_at(key)
    return field is not None and bool(_said(key, Later)) and bool(field.default == value)


def _differing(then: Mapping[str, Any], now: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any, Any]]:
    for key in sorted(then.keys() | now.keys()):
        first, second = then.get(key), now.get(key)
        if isinstance(first, dict) and isinstance(second, dict):
            yield from _differing(first, second, f"{prefix}{key}.")
        elif first != second:
            yield f"{prefix}{key}", first, second


def _said(key: str, kind: type[Any]) -> list[Any]:
    field = field_at(key)
    return [mark for mark in field.metadata if isinstance(mark, kind)] if field is not None else []
