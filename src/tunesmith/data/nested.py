"""Fields of objects within a record, named by a dotted path such as `summary.challenge` or `answers.text.0`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tunesmith.data.malformed import MalformedError


def with_nested(record: dict[str, Any], columns: Iterable[str]) -> dict[str, Any]:
    """The record with the fields that dotted names stand for; a column of exactly that name is taken first.

    Args:
        record: As it was read.
        columns: Names that are asked for.

    Raises:
        MalformedError: The path leads through a list.
    """
    dotted = [name for name in columns if "." in name and name not in record]
    fields = {name: _field(record, name) for name in dotted}
    return record | {name: values[0] for name, values in fields.items() if values} if dotted else record


def _field(record: Mapping[str, Any], name: str) -> list[Any]:
    """The value at a dotted path, alone in a list; nothing where the path ends before it."""
    value: Any = record
    for part in name.split("."):
        if isinstance(value, list):
            if not part.isdecimal():
                example = name.replace(f".{part}", f".0.{part}", 1)
                raise MalformedError(
                    f"{name!r} leads through a list: name one of its items by its position, as {example}"
                )
            if int(part) >= len(value):
                return [None]
            value = value[int(part)]
            continue
        if value is None:
            return [None]
        if not isinstance(value, Mapping) or part not in value:
            return []
        value = value[part]
    return [value]
