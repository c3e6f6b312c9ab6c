"""Turns a metric's value into numbers by name, or tables, for the run's record."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch

Table = dict[str, Any]
"""`values` in nested lists, and `labels` if there is one value per label."""


def recorded(name: str, value: Any, labels: Sequence[str]) -> dict[str, float | Table]:
    """Split a value into named parts.

    Args:
        name: The metric's name.
        value: A number, a value per label, a mapping of names to either, a matrix, or a tuple of curves.
        labels: Label names in the order of the logits.

    Returns:
        Numbers as `<name>`, `<name>/<label>` or `<name>/<part>`; anything else as a table under `<name>`.
    """
    if isinstance(value, Mapping):
        parts = (recorded(f"{name}/{part}", item, labels) for part, item in value.items())
        return {key: item for part in parts for key, item in part.items()}
    try:
        numbers = torch.as_tensor(value)
    except (TypeError, ValueError, RuntimeError):
        numbers = None
    if numbers is not None and numbers.ndim == 1 and len(numbers) == len(labels) > 0:
        return {f"{name}/{label}": float(number) for label, number in zip(labels, numbers, strict=True)}
    if numbers is not None and numbers.numel() == 1:
        return {name: float(numbers)}
    plain = _plain(value)
    of_labels = isinstance(plain, list) and len(plain) == len(labels) > 0
    return {name: ({"labels": list(labels)} if of_labels else {}) | {"values": plain}}


def _plain(value: Any) -> Any:
    """Convert to nested lists of finite numbers for JSON; null for other numbers."""
    if isinstance(value, torch.Tensor):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, int | float | str | None) else str(value)
