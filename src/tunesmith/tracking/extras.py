"""Shared parts of the optional trackers: the package check, and flattening a config to single values."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from typing import Any

from tunesmith.errors import ConfigError, Problem

NOT_CURVES = frozenset({"epoch", "step", "hp_metric"})
"""Added by Lightning to every set of metrics; `metrics.jsonl` has no such curve either."""


def require_package(package: str, extra: str) -> None:
    """Raise if a package is not installed.

    Args:
        package: Its import name.
        extra: The extra of our package that installs it.

    Raises:
        ConfigError: The package is not installed.
    """
    if importlib.util.find_spec(package) is None:
        rule, hint = f"requires the package {package}", f"Install it: pip install 'tunesmith[{extra}]'"
        raise ConfigError([Problem(f"logger={extra}", rule, None, hint)])


def single_values(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, bool | int | float | str]]:
    """Flatten a nested config to dotted keys with one value each; lists and null are shown as text."""
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            yield from single_values(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value if isinstance(value, bool | int | float | str) else str(value)


def numbers_of(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Select the metrics that are numbers."""
    return {name: float(value) for name, value in metrics.items() if isinstance(value, int | float)}
