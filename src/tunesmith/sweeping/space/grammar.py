"""Write values in Hydra's override grammar."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hydra.core.override_parser.types import Quote, QuotedString


def overrides(point: Mapping[str, Any]) -> list[str]:
    """Format a point as command-line overrides."""
    return [f"{key}={text_of_space(value)}" for key, value in point.items()]


def text_of_space(value: Any) -> str:
    """Format a value in Hydra's grammar."""
    if isinstance(value, str):
        plain = value.replace("_", "").replace("-", "").replace(".", "").replace("/", "").isalnum()
        return value if plain and value.isascii() and not _looks_typed(value) else quoted_value(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{text_of_space(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(text_of_space, value)) + "]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return repr(value)


def _looks_typed(text: str) -> bool:
    """Whether the grammar would read a text as a number, a boolean or null."""
    if text.lower() in ("null", "true", "false", "inf", "nan"):
        return True
    try:
        float(text.replace("_", ""))
    except ValueError:
        return False
    return True


def quoted_value(text: str) -> str:
    """Quote a text as Hydra's grammar expects it."""
    quoted: str = QuotedString(text=text, quote=Quote.single).with_quotes()
    return quoted
