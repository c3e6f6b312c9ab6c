"""Rows read from a file, as the task wants them."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tunesmith.config.data_files import named_files
from tunesmith.config.schema import Data
from tunesmith.data.columns import Empty, Unused, Where, bit_columns, refuse_sources_of_lists
from tunesmith.data.content import content_ids
from tunesmith.data.examples import Example
from tunesmith.data.files import data_files
from tunesmith.data.lines import Line, place_of
from tunesmith.data.malformed import MalformedError
from tunesmith.data.messages import holds_messages
from tunesmith.data.nested import with_nested
from tunesmith.data.rows import Rows, rows_of
from tunesmith.data.sources.hub import with_files
from tunesmith.data.sources.records import records_in, source_of
from tunesmith.data.sources.separated import Dialect, dialect_of, suggestion
from tunesmith.data.task import RowTask
from tunesmith.data.values import as_text
from tunesmith.errors import DataError

ASKED_FOR = (
    "data.where asks for it: put the name of one of these columns there. A file of your own goes with data=csv or "
    "data=jsonl, which ask for none"
)
MOST_WORDS = 4
"""Words of a column's name; more look like a text."""
HEADLESS = "If the first line is a row like the others, put a line with the names of the columns above it"
log = logging.getLogger("tunesmith")


def read_rows(data: Data, task: RowTask, left_out: list[int] | None = None) -> Rows:
    """Read the rows that the config asks for; what is odd about them, and what is left out, is said in the log.

    Args:
        data: The data config.
        task: The task.
        left_out: Takes the lines of the rows that are left out because something in them is empty, which is then not
            said in the log.

    Raises:
        DataError: The file is missing or malformed, a column is absent, nothing is left, a row lacks its text or what
            is to be answered, or has it in a form that the task cannot take.
    """
    data = with_files(data)
    path = named_files(data.path)
    dialect = dialect_of(data)
    source = source_of(data.format, dialect)
    files = data_files(data, source)
    several = list(map(str, files)) != [data.path] or source.takes == "bytes"
    needed = _needed(data, task.columns(data))
    named = source.columns | {column.partition(".")[0] for column in needed if "." in column}
    where, unused, empty = Where(data.where), Unused(task, data, named), Empty(task, data, left_out)
    rows: dict[str, tuple[Example, str, str, int]] = {}
    split, group = data.split.column, data.split.group_column
    for position, (line, record) in enumerate(records_in(source, files)):
        record = _with_nested(record, needed, path, line)
        _require(needed, record, line, dialect if data.format == "csv" else None)
        if not where.keeps(record):
            continue
        unused.see(record)
        example = _example(record, data, task, place_of(path, line))
        if example is None:
            empty.see(line, record)
            continue
        row_id = as_text(record[data.id_column]) if data.id_column else str(position)
        if row_id in rows:
            raise DataError(f"{place_of(path, line)}: the id {row_id!r} in column {data.id_column!r} is not unique")
        own_split = files[Path(line.file)] or (as_text(record[split]) if split else "")
        own_group = as_text(record[group]) if group else ""
        rows[row_id] = (example, own_split, own_group, line if several else int(line))
    empty.refuse(path)
    if not rows:
        raise DataError(f"{path}: {where.miss() or empty.nothing_left()}")
    examples, splits, groups, lines = map(list, zip(*rows.values(), strict=True))
    as_read = rows_of(list(rows), examples, splits if any(splits) else None, lines)
    as_read = replace(as_read, groups=groups if group else None, content_ids=content_ids(as_read))
    refuse_sources_of_lists(as_read.texts, as_read.pairs, task, data)
    named_rows = replace(as_read, labels=task.rename(as_read.labels, lines, data))
    if left_out is None:
        empty.tell(path)
    unused.tell(path)
    for sentence in task.oddities(named_rows.labels, as_read.labels, data):
        log.warning("%s: %s", path, sentence)
    return named_rows


def _example(record: dict[str, Any], data: Data, task: RowTask, place: str) -> Example | None:
    try:
        return task.read(record, data)
    except MalformedError as error:
        raise DataError(f"{place}: {error}") from None


def _needed(data: Data, keys: Sequence[str]) -> dict[str, str]:
    """Every column that a record must have, with what to do where it is missing."""
    named = {"data.id_column": data.id_column, "data.split.column": data.split.column}
    named |= {"data.split.group_column": data.split.group_column}
    hints = {column: f"Name the right one: {key}=..." for key, column in named.items() if column is not None}
    hints |= dict.fromkeys(data.where, ASKED_FOR)
    together = f"Name the right ones: {', '.join(f'data.{key}=...' for key in keys)}"
    if keys == ["text_column"]:
        together = "Name the right one: data.text_column=..., with data.target_column=... if an answer is to be learned"
    of_the_task: dict[str, str] = {getattr(data, key): together for key in keys}
    return of_the_task | {column: hint for column, hint in hints.items() if column not in of_the_task}


def _with_nested(record: dict[str, Any], needed: Mapping[str, str], path: str, line: Line) -> dict[str, Any]:
    try:
        return with_nested(record, needed)
    except MalformedError as error:
        raise DataError(f"{place_of(path, line)}: {error}") from None


def _require(needed: Mapping[str, str], record: dict[str, Any], line: Line, dialect: Dialect | None) -> None:
    for column, hint in needed.items():
        if column not in record:
            there = ", ".join(map(repr, record)) or "none"
            other = suggestion(Path(line.file), dialect, list(needed)) if dialect is not None else None
            lines = "These are JSON lines: data=jsonl" if dialect and next(iter(record), "").startswith("{") else None
            headless = HEADLESS if dialect and any(len(name.split()) > MOST_WORDS for name in record) else None
            hint = lines or other or conversation_in(record) or bit_columns(record) or headless or hint
            raise DataError(f"{place_of(line.file, line)}: no column {column!r}; the columns are {there}. {hint}")


def conversation_in(record: Mapping[str, Any]) -> str | None:
    """The key that takes a record's conversation; None where it holds none."""
    column = next((column for column, value in record.items() if holds_messages(value)), None)
    return f"{column!r} holds a conversation: task=language_modeling data.messages_column={column}" if column else None
