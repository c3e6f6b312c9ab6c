"""What a record becomes before the task reads it; by itself, what it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from tunesmith.config.schema import Data
from tunesmith.data.malformed import MalformedError


class Form(Protocol):
    """How records of a file become what the task reads."""

    data: Data
    """What the task reads a record by once it is made."""
    key: str | None
    """The key of the config that says so; None where records are read as they are."""
    columns: Sequence[str]
    """Columns that every record must have for it."""
    beside: Sequence[str]
    """Columns that it reads where they are there."""
    made_keys: frozenset[str]
    """Keys of `data` whose columns it makes, so that the file need not have them."""

    def made(self, record: Mapping[str, Any], *, asking: bool = False) -> dict[str, Any]:
        """Return a record with what is made of it.

        Args:
            record: As it was read.
            asking: Whether it is to be answered, and need not have an answer.

        Raises:
            MalformedError: Its values do not fit.
        """
        ...

    def alone(self, text: str) -> dict[str, Any]:
        """Return the record that a text to be answered stands for.

        Raises:
            MalformedError: More is needed than a text.
        """
        ...

    def oddities(self) -> list[str]:
        """Return a sentence for each peculiarity of the records that were made."""
        ...


class AsRead:
    """Records are read as they are.

    Args:
        data: The data config.
    """

    key: str | None = None
    columns: Sequence[str] = ()
    beside: Sequence[str] = ()
    made_keys: frozenset[str] = frozenset()

    def __init__(self, data: Data) -> None:
        self.data = data

    def made(self, record: Mapping[str, Any], *, asking: bool = False) -> dict[str, Any]:
        """Return the record."""
        return dict(record)

    def alone(self, text: str) -> dict[str, Any]:
        """Return a record with the text."""
        return {self.data.text_column: text}

    def oddities(self) -> list[str]:
        """Return nothing."""
        return []


def refuse_without(record: Mapping[str, Any], columns: Sequence[str], key: str) -> None:
    """Refuse a record that lacks a column.

    Args:
        record: As it was read.
        columns: Those that are needed.
        key: The key of the config that names them.

    Raises:
        MalformedError: One is missing.
    """
    missing = [name for name in columns if name not in record]
    if missing:
        there = ", ".join(map(repr, record)) or "none"
        raise MalformedError(f"no column {missing[0]!r}, which {key} reads; the columns are {there}")
