"""The rows of a data set: read from its file, as each task wants them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from tunesmith.config.folders import expand
from tunesmith.config.schema import Data, Task
from tunesmith.data.columns import Empty, Unused, Where, bit_columns, refuse_sources_of_lists
from tunesmith.data.examples import Example, Label, columns, reader
from tunesmith.data.label_check import tell_oddities
from tunesmith.data.labels import named
from tunesmith.data.malformed import MalformedError
from tunesmith.data.messages import Message, Options, holds_messages
from tunesmith.data.records import read_records
from tunesmith.data.separated import Dialect, dialect_of, suggestion
from tunesmith.data.values import as_text
from tunesmith.errors import DataError

CLASSIFICATION = Task(name="classification")
ASKED_FOR = (
    "data.where asks for it: put the name of one of these columns there. A file of your own goes with data=csv or "
    "data=jsonl, which ask for none"
)
MOST_WORDS = 4
"""Words of a column's name; more look like a text."""
HEADLESS = "If the first line is a row like the others, put a line with the names of the columns above it"


@dataclass(frozen=True)
class Rows:
    """The rows of a data set, column by column; all lists have the same length."""

    ids: list[str]
    texts: list[str]
    """The inputs as people read them."""
    labels: Sequence[Label]
    """What is to be answered: a label, labels, a number, tags or a text, as the task asks; None for nothing."""
    splits: list[str] | None = None
    """The split that the file itself assigns, where `data.split.method=column`."""
    pairs: list[str] | None = None
    """The second texts, where there are two."""
    words: list[tuple[str, ...]] | None = None
    """The words of each text, for token classification."""
    messages: list[tuple[Message, ...]] | None = None
    """The turns of each conversation, for language modeling on answers."""
    lines: list[int] | None = None
    """The line of the file that each row was read from, from 1; no part of what the rows are."""
    options: list[Options] | None = None
    """What the chat template is handed beside each conversation."""

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, indices: Any) -> Rows:
        """The rows at the given positions, in that order."""
        pick = [int(index) for index in indices]
        columns = (getattr(self, field.name) for field in fields(self))
        return Rows(*(None if column is None else [column[i] for i in pick] for column in columns))  # type: ignore[arg-type]

    def sha256(self) -> str:
        """Hash of ids, texts and labels in order, as the identity of these rows."""
        digest = hashlib.sha256()
        options = self.options if any(self.options or ()) else None
        columns = [self.ids, self.texts, self.labels, *filter(None, (self.pairs, self.words, self.messages, options))]
        for row in zip(*columns, strict=True):
            digest.update(json.dumps(row, ensure_ascii=False).encode())
        return digest.hexdigest()


def join(parts: Sequence[Rows]) -> Rows:
    """The rows of several parts of one data set, one after the other; what the file said about splits is dropped."""
    columns: dict[str, Any] = {}
    for field in fields(Rows):
        values = [getattr(part, field.name) for part in parts]
        columns[field.name] = None if None in values else [item for value in values for item in value]
    return Rows(**(columns | {"splits": None}))


def rows_of(
    ids: Sequence[str],
    examples: Sequence[Example],
    splits: list[str] | None = None,
    lines: list[int] | None = None,
) -> Rows:
    """Examples as columns."""
    pairs = [example.pair for example in examples if example.pair is not None]
    words = [example.words for example in examples if example.words is not None]
    messages = [example.messages for example in examples if example.messages is not None]
    texts, labels = [example.text for example in examples], [example.label for example in examples]
    options = [example.options or {} for example in examples] if messages else None
    return Rows(list(ids), texts, labels, splits, pairs or None, words or None, messages or None, lines, options)


def read_rows(data: Data, task: Task = CLASSIFICATION) -> Rows:
    """Read the rows that the config asks for; what is odd about them, and what is left out, is said in the log.

    Raises:
        DataError: The file is missing or malformed, a column is absent, nothing is left, a row lacks its text or what
            is to be answered, or has it in a form that the task cannot take.
    """
    path = expand(data.path)
    dialect = dialect_of(data)
    needed = _needed(data, columns(task, data))
    read = reader(task, data)
    wanted, unused, empty = Where(data.where), Unused(task, data), Empty(task, data)
    rows: dict[str, tuple[Example, str, int]] = {}
    for position, (line, record) in enumerate(read_records(path, data.format, dialect)):
        _require(needed, record, path, line, dialect if data.format == "csv" else None)
        if not wanted.keeps(record):
            continue
        unused.see(record)
        try:
            example = read(record, data)
        except MalformedError as error:
            raise DataError(f"{path}:{line}: {error}") from None
        if example is None:
            empty.see(line, record)
            continue
        row_id = as_text(record[data.id_column]) if data.id_column else str(position)
        if row_id in rows:
            raise DataError(f"{path}:{line}: the id {row_id!r} in column {data.id_column!r} is not unique")
        rows[row_id] = (example, as_text(record[data.split.column]) if data.split.column else "", line)
    empty.refuse(path)
    if not rows:
        raise DataError(f"{path}: {wanted.miss() or empty.nothing_left()}")
    examples, splits, lines = map(list, zip(*rows.values(), strict=True))
    found = rows_of(list(rows), examples, splits if data.split.column else None, lines)
    refuse_sources_of_lists(found.texts, found.pairs, task, data)
    named_rows = replace(found, labels=named(found.labels, lines, task, data))
    empty.tell(path)
    unused.tell(path)
    tell_oddities(named_rows.labels, found.labels, task, data)
    return named_rows


def _needed(data: Data, keys: Sequence[str]) -> dict[str, str]:
    """Every column that a record must have, with what to do where it is missing."""
    named = {"data.id_column": data.id_column, "data.split.column": data.split.column}
    hints = {column: f"Name the right one: {key}=..." for key, column in named.items() if column is not None}
    hints |= dict.fromkeys(data.where, ASKED_FOR)
    together = f"Name the right ones: {', '.join(f'data.{key}=...' for key in keys)}"
    if keys == ["text_column"]:
        together = "Name the right one: data.text_column=..., with data.target_column=... if an answer is to be learned"
    of_the_task: dict[str, str] = {getattr(data, key): together for key in keys}
    return of_the_task | {column: hint for column, hint in hints.items() if column not in of_the_task}


def _require(needed: Mapping[str, str], record: dict[str, Any], path: Path, line: int, dialect: Dialect | None) -> None:
    for column, hint in needed.items():
        if column not in record:
            there = ", ".join(map(repr, record)) or "none"
            other = suggestion(path, dialect, list(needed)) if dialect is not None else None
            lines = "These are JSON lines: data=jsonl" if dialect and next(iter(record), "").startswith("{") else None
            headless = HEADLESS if dialect and any(len(name.split()) > MOST_WORDS for name in record) else None
            hint = lines or other or conversation_in(record) or bit_columns(record) or headless or hint
            raise DataError(f"{path}:{line}: no column {column!r}; the columns are {there}. {hint}")


def conversation_in(record: Mapping[str, Any]) -> str | None:
    """The key that takes a record's conversation; None where it holds none."""
    column = next((column for column, value in record.items() if holds_messages(value)), None)
    return f"{column!r} holds a conversation: task=language_modeling data.messages_column={column}" if column else None
