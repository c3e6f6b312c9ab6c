"""What the trackers that come as extras have in common: the package that they need, and a config in single values."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from typing import Any

from tunesmith.errors import ConfigError, Problem

NOT_CURVES = frozenset({"epoch", "step", "hp_metric"})
"""What Lightning adds to every set of metrics; `metrics.jsonl` has no curve of them either."""


def require_package(package: str, extra: str) -> None:
    """End if a package is not installed.

    Args:
        package: Its name at import.
        extra: The extra of ours that brings it.

    Raises:
        ConfigError: It is not installed.
    """
    if importlib.util.find_spec(package) is None:
        rule, hint = f"needs the package {package}", f"Install it: pip install 'tunesmith[{extra}]'"
        raise ConfigError([Problem(f"logger={extra}", rule, None, hint)])


def single_values(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, bool | int | float | str]]:
    """A nested config as dotted keys with one value each; a list, or null, is shown as text."""
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            yield from single_values(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value if isinstance(value, bool | int | float | str) else str(value)


def numbers_of(metrics: Mapping[str, Any]) -> dict[str, float]:
    """The metrics that are numbers."""
    return {name: float(value) for name, value in metrics.items() if isinstance(value, int | float)}
