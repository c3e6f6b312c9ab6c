"""Keys by which a config can name code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

MARKERS = ("_target_", "_partial_", "_args_", "_recursive_", "_convert_")
"""Keys with a meaning for `hydra.utils.instantiate`."""


def nodes(value: Any, path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every mapping in a config at any depth, also inside lists, with its dotted path."""
    if isinstance(value, Mapping):
        yield path, value
        for key, item in value.items():
            yield from nodes(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from nodes(item, f"{path}[{position}]")
