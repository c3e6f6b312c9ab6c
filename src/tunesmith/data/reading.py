"""Rows read from a file, as the task wants them."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tunesmith.config.data_files import named_files, parts_of
from tunesmith.config.folders import expand
from tunesmith.config.schema import Data
from tunesmith.data.collected import Collected, Unstorable
from tunesmith.data.columns import Empty, Unused, Where, bit_columns, refuse_sources_of_lists
from tunesmith.data.content import content_ids
from tunesmith.data.examples import Example
from tunesmith.data.files import data_files
from tunesmith.data.forms.choice import form_of
from tunesmith.data.forms.form import Form
from tunesmith.data.kept_rows import kept_rows
from tunesmith.data.label_check import oddities_between
from tunesmith.data.lines import Line, place_of
from tunesmith.data.malformed import MalformedError
from tunesmith.data.messages import holds_messages
from tunesmith.data.mixture import labels_by_source, of_source, read_sources
from tunesmith.data.nested import with_nested
from tunesmith.data.repeated import first_repeated
from tunesmith.data.rows import Rows
from tunesmith.data.sources.hub import with_files
from tunesmith.data.sources.records import records_in, source_of
from tunesmith.data.sources.separated import Dialect, dialect_of, suggestion
from tunesmith.data.sources.source import Source
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


def read_rows(data: Data, task: RowTask, left_out: list[int] | None = None, *, mixed: bool = False) -> Rows:
    """Read the rows that the config asks for; what is odd about them, and what is left out, is said in the log.

    Args:
        data: The data config.
        task: The task.
        left_out: Takes the lines of the rows that are left out because something in them is empty, which is then not
            said in the log.
        mixed: Whether they are put beside rows of other files, so that their lines name theirs.

    Raises:
        DataError: The file is missing or malformed, a column is absent, nothing is left, a row lacks its text or what
            is to be answered, or has it in a form that the task cannot take.
    """
    if data.sources:
        rows = read_sources(data, lambda own: read_rows(own, task, left_out, mixed=True))
        if left_out is None and task.traits.output == "labels":
            for sentence in oddities_between(labels_by_source(rows), data):
                log.warning("%s", sentence)
        return rows
    data = with_files(data)
    source = source_of(data.format, dialect_of(data))
    files = data_files(data, source)
    if left_out is not None:
        return _rows_in(data, task, source, files, left_out, mixed)
    return kept_rows(data, task, files, mixed, lambda: _rows_in(data, task, source, files, None, mixed))


def refuse_unreadable(data: Data, task: RowTask, most: int) -> None:
    """Refuse files whose first records cannot be read.

    Args:
        data: The data config.
        task: The task.
        most: Records of each source that are read.

    Raises:
        DataError: As of `read_rows`, except for what is said of all the rows.
    """
    for name, part in parts_of(data).items():
        with of_source(name):
            part = with_files(part)
            source = source_of(part.format, dialect_of(part))
            files = data_files(part, source)
            first = Collected(None, grouped=False)
            gathered = _Gathered(part, task, source, files, name is not None, [], first)
            for position, (line, record) in enumerate(itertools.islice(records_in(source, files), most)):
                gathered.take(position, line, record)
            if first:
                gathered.rows()


def _rows_in(
    data: Data, task: RowTask, source: Source, files: Mapping[Path, str | None], left_out: list[int] | None, mixed: bool
) -> Rows:
    """The rows in files; the arguments are those of `read_rows`."""
    grouped, before = data.split.group_column is not None, len(left_out or ())
    try:
        with Collected(expand(data.cache_dir), grouped=grouped) as collected:
            return _read(data, _Gathered(data, task, source, files, mixed, left_out, collected), source, files)
    except Unstorable:  # seldom: half a surrogate pair, or a full disk
        if left_out is not None:
            del left_out[before:]
        in_memory = Collected(None, grouped=grouped)
        return _read(data, _Gathered(data, task, source, files, mixed, left_out, in_memory), source, files)


def _read(data: Data, gathered: _Gathered, source: Source, files: Mapping[Path, str | None]) -> Rows:
    task = gathered.task
    for position, (line, record) in enumerate(records_in(source, files)):
        gathered.take(position, line, record)
    gathered.refuse_none()
    as_read = gathered.rows()
    refuse_sources_of_lists(as_read.texts, as_read.pairs, task, gathered.form.data)
    rows = replace(as_read, labels=task.rename(as_read.labels, as_read.lines or (), data))
    if gathered.tells:
        gathered.empty.tell(gathered.path)
    gathered.unused.tell(gathered.path)
    for sentence in (*gathered.form.oddities(), *task.oddities(rows.labels, as_read.labels, data)):
        log.warning("%s: %s", gathered.path, sentence)
    return rows


class _Gathered:
    """The rows of some files, taken record by record; the arguments are those of `read_rows`, and where they go."""

    def __init__(
        self,
        data: Data,
        task: RowTask,
        source: Source,
        files: Mapping[Path, str | None],
        mixed: bool,
        left_out: list[int] | None,
        collected: Collected,
    ) -> None:
        self._data, self.task, self.tells = data, task, left_out is None
        self._split_of_file = {str(file): split for file, split in files.items()}
        self._collected = collected
        self.path, self.form = named_files(data.path), form_of(data, task.traits)
        self._several = mixed or list(map(str, files)) != [data.path] or source.takes == "bytes"
        self._dialect = dialect_of(data) if data.format == "csv" else None
        self._needed = _needed(data, self.form, task.columns(self.form.data))
        self._where, self.empty = Where(data.where), Empty(task, self.form.data, left_out)
        named = source.columns | {column.partition(".")[0] for column in self._needed if "." in column}
        self.unused = Unused(task, self.form.data, {*named, *self.form.columns, *self.form.beside})

    def take(self, position: int, line: Line, record: dict[str, Any]) -> None:
        """Read a record, and keep the row that it is, unless it is filtered or empty.

        Raises:
            DataError: A column is absent, or a value is none that the task can take.
            Unstorable: It cannot be put down where rows are put down.
        """
        data = self._data
        record = _with_nested(record, self._needed, self.path, line)
        _require(self._needed, record, line, self._dialect)
        if not self._where.keeps(record):
            return
        self.unused.see(record)
        made, example = _example(record, self.form, self.task, place_of(self.path, line))
        if example is None:
            self.empty.see(line, made)
            return
        row_id = as_text(record[data.id_column]) if data.id_column else str(position)
        split, group = data.split.column, data.split.group_column
        own_split = self._split_of_file[line.file] or (as_text(record[split]) if split else "")
        own_group = as_text(record[group]) if group else ""
        self._collected.add(row_id, example, own_split, own_group, line if self._several else int(line))

    def refuse_none(self) -> None:
        """Refuse empty rows, where `data.on_empty` says so, and files in which there are no others.

        Raises:
            DataError: There are such.
        """
        self.empty.refuse(self.path)
        if not self._collected:
            raise DataError(f"{self.path}: {self._where.miss() or self.empty.nothing_left()}")

    def rows(self) -> Rows:
        """The rows with the labels as they stand in the files; at least one was taken.

        Raises:
            DataError: An id is not unique.
            Unstorable: The last of them cannot be put down.
        """
        rows = self._collected.rows()
        if self._data.id_column is not None and (row := first_repeated(rows.ids)) is not None:
            place = place_of(self.path, rows.lines[row] if rows.lines else row)
            raise DataError(f"{place}: the id {rows.ids[row]!r} in column {self._data.id_column!r} is not unique")
        return replace(rows, content_ids=content_ids(rows))


def _example(record: dict[str, Any], form: Form, task: RowTask, place: str) -> tuple[dict[str, Any], Example | None]:
    """The record as the task reads it, and the example that it is; None for one that is empty."""
    try:
        made = form.made(record)
        return made, task.read(made, form.data)
    except MalformedError as error:
        raise DataError(f"{place}: {error}") from None


def _needed(data: Data, form: Form, keys: Sequence[str]) -> dict[str, str]:
    """Every column that a record must have, with what to do where it is missing."""
    named = {"data.id_column": data.id_column, "data.split.column": data.split.column}
    named |= {"data.split.group_column": data.split.group_column}
    hints = {column: f"Name the right one: {key}=..." for key, column in named.items() if column is not None}
    hints |= dict.fromkeys(data.where, ASKED_FOR)
    together = f"Name the right ones: {', '.join(f'data.{key}=...' for key in keys)}"
    if keys == ["text_column"]:
        together = "Name the right one: data.text_column=..., with data.target_column=... if an answer is to be learned"
    of_the_task: dict[str, str] = {getattr(data, key): together for key in keys if key not in form.made_keys}
    of_the_task |= dict.fromkeys(form.columns, f"{form.key} names it: name one of these there")
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
            conversation = conversation_in(record) or alpaca_in(record)
            hint = lines or other or conversation or bit_columns(record) or headless or hint
            raise DataError(f"{place_of(line.file, line)}: no column {column!r}; the columns are {there}. {hint}")


def conversation_in(record: Mapping[str, Any]) -> str | None:
    """The key that takes a record's conversation; None where it holds none."""
    column = next((column for column, value in record.items() if holds_messages(value)), None)
    if column is None:
        return None
    if "'from'" in str(record[column]) or '"from"' in str(record[column]):
        keys = f"data.convert=sharegpt data.columns.conversations={column}"
    else:
        keys = f"data.messages_column={column}"
    return f"{column!r} holds a conversation: task=language_modeling {keys}"


def alpaca_in(record: Mapping[str, Any]) -> str | None:
    """The key that takes a record of the Alpaca format; None for another."""
    if not {"instruction", "output"} <= record.keys():
        return None
    return "This looks like the Alpaca format: task=language_modeling data.convert=alpaca"
