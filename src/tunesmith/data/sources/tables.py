"""Rows of typed columns, as Arrow holds them, as records of plain values."""

from __future__ import annotations

import datetime
import logging
import shlex
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from tunesmith.data.sources.class_names import Naming, features_of, namings
from tunesmith.data.sources.packed import packing_of
from tunesmith.data.sources.source import Record
from tunesmith.errors import DataError

ROWS_AT_ONCE = 1024
log = logging.getLogger("tunesmith")


def records_of_table(
    batches: Callable[[], tuple[Any, Iterator[Any]]], path: Path, kind: str, *, class_names: bool = False
) -> Iterator[Record]:
    """Each row with its number, from 1.

    Args:
        batches: Opens the file: its schema, and its rows in batches.
        path: Where it is, for messages.
        kind: The format, for messages.
        class_names: Whether the names of classes take the place of their numbers, where datasets wrote the file.

    Raises:
        DataError: The file is cut off or damaged, or has two columns of one name.
    """
    import pyarrow

    try:
        schema, parts = batches()
        names = _readable(schema, path)
        named = namings(features_of(schema)) if class_names else {}
        number = 0
        for batch in parts:
            for record in batch.select(names).to_pylist():
                number += 1
                values = {column: plain(value) for column, value in record.items()}
                yield number, _with_names(values, named, path, number) if named else values
    except (pyarrow.ArrowException, OSError) as error:
        first = str(error).splitlines()[0].rstrip(".")
        raise DataError(f"{path}: {kind}, and cut off or damaged: {first}. Write, copy or download it again") from None


def _with_names(values: dict[str, Any], named: Mapping[str, Naming], path: Path, number: int) -> dict[str, Any]:
    """A record with the names of classes in place of their numbers."""
    for column in values.keys() & named.keys():
        try:
            values[column] = named[column](values[column])
        except DataError as error:
            raise DataError(f"{path}, row {number}: column {column!r} has {error}") from None
    return values


def refuse_unless(file: BinaryIO, magic: bytes, path: Path, kind: str) -> None:
    """Refuse a file that does not begin as its format does.

    Raises:
        DataError: It does not.
    """
    head = file.read(len(magic))
    file.seek(0)
    if not head:
        raise DataError(f"{path}: the file is empty, and not {kind}. Write, copy or download it again")
    packing = packing_of(path)
    if packing is not None:
        target = shlex.quote(str(path.with_suffix("")))
        command = f"{packing.name} -dc {shlex.quote(str(path))} > {target}"
        raise DataError(f"{path}: packed with {packing.name}. Unpack it: {command}, and take data.path={target}")
    if head != magic:
        text = "Text is read with data=csv, data=jsonl or data=json"
        raise DataError(f"{path}: not {kind}, by its first bytes. {text}")


def plain(value: Any) -> Any:
    """A value as JSON has it: dates and numbers of fixed precision are texts, in the form in which they are written."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return str(value)


def _readable(schema: Any, path: Path) -> list[str]:
    """The columns that are no bytes; what is left out is said."""
    twice = sorted({name for name in schema.names if schema.names.count(name) > 1})
    if twice:
        raise DataError(f"{path}: two columns are called {twice[0]!r}. Rename one of the two")
    raw = [field.name for field in schema if _holds_bytes(field.type)]
    if raw:
        log.info("%s: columns of bytes are not read: %s", path, ", ".join(map(repr, raw)), extra={"once": True})
    return [name for name in schema.names if name not in raw]


def _holds_bytes(kind: Any) -> bool:
    """Whether a type is, or has in it, bytes that are no text."""
    from pyarrow import types

    if types.is_dictionary(kind):
        return _holds_bytes(kind.value_type)
    if types.is_nested(kind):
        return any(_holds_bytes(kind.field(i).type) for i in range(kind.num_fields))
    return bool(
        types.is_binary(kind)
        or types.is_large_binary(kind)
        or types.is_fixed_size_binary(kind)
        or types.is_binary_view(kind)
    )
