"""Values written in Hydra's override grammar."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hydra.core.override_parser.types import Quote, QuotedString


def overrides(point: Mapping[str, Any]) -> list[str]:
    """The point as overrides of a command line."""
    return [f"{key}={text_of_space(value)}" for key, value in point.items()]


def text_of_space(value: Any) -> str:
    """A value in Hydra's grammar."""
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
    """Whether the grammar would read a number, a truth value or null from a text."""
    if text.lower() in ("null", "true", "false", "inf", "nan"):
        return True
    try:
        float(text.replace("_", ""))
    except ValueError:
        return False
    return True


def quoted_value(text: str) -> str:
    """A text in quotes, as Hydra's grammar takes it."""
    quoted: str = QuotedString(text=text, quote=Quote.single).with_quotes()
    return quoted
