"""Rows from files: CSV, JSON lines, words with tags, and a Python file that holds a dict."""

from __future__ import annotations

import ast
import csv
import hashlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TextIO

from tunesmith.config.folders import expand
from tunesmith.config.schema import Data, Task
from tunesmith.data.examples import Example, Label, as_text, columns, reader
from tunesmith.data.malformed import MalformedError
from tunesmith.data.messages import Message, Options
from tunesmith.errors import DataError

csv.field_size_limit(sys.maxsize)  # the default refuses a text of more than 128 KiB

CLASSIFICATION = Task(name="classification")
MISSING = {
    "classification": "text or no label",
    "regression": "text or no number",
    "token_classification": "words",
    "language_modeling": "text",
    "text_to_text": "text or no target",
}
"""What an empty row lacks, by task."""

Record = tuple[int, dict[str, Any]]
"""Line number in the file (from 1) and the row's values by column."""


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
    """Read the rows that the config asks for.

    Raises:
        DataError: The file is missing or malformed, a column is absent, nothing is left, a row lacks its text or what
            is to be answered, or has it in a form that the task cannot take.
    """
    path = expand(data.path)
    keys = columns(task, data)
    needed = _needed(data, keys)
    read = reader(task, data)
    rows: dict[str, tuple[Example, str, int]] = {}
    empty: list[int] = []
    for position, (line, record) in enumerate(read_records(path, data.format, data.delimiter)):
        _require(needed, record, path, line)
        if any(as_text(record[column]) != as_text(value) for column, value in data.where.items()):
            continue
        try:
            example = read(record, data)
        except MalformedError as error:
            raise DataError(f"{path}:{line}: {error}") from None
        if example is None:
            empty.append(line)
            continue
        row_id = as_text(record[data.id_column]) if data.id_column else str(position)
        if row_id in rows:
            raise DataError(f"{path}:{line}: the id {row_id!r} in column {data.id_column!r} is not unique")
        rows[row_id] = (example, as_text(record[data.split.column]) if data.split.column else "", line)
    if empty and data.on_empty == "error":
        raise DataError(
            f"{path}: {len(empty)} rows have no {MISSING[task.name]} (line {', '.join(map(str, empty[:5]))}"
            f"{', ...' if len(empty) > 5 else ''}). Mend them, or leave them out with data.on_empty=drop"
        )
    if not rows:
        raise DataError(f"{path}: {_nothing_left(data, len(empty))}")
    examples, splits, lines = map(list, zip(*rows.values(), strict=True))
    return rows_of(list(rows), examples, splits if data.split.column else None, lines)


def _nothing_left(data: Data, num_empty: int) -> str:
    if data.where:
        return f"no rows with {data.where}. Change data.where"
    if num_empty:
        return f"no rows but {num_empty} empty ones, which data.on_empty=drop leaves out. Mend them"
    return "no rows. Add some, or take another file: data.path=FILE"


def read_records(
    path: Path, file_format: str, delimiter: str = ",", remedy: str = "Name another: data.path=FILE"
) -> Iterator[Record]:
    """The records of a file, one at a time.

    Args:
        path: The file.
        file_format: As in `data.format`.
        delimiter: Field separator of a CSV file.
        remedy: The next step where there is no such file.

    Raises:
        DataError: The file is missing, not UTF-8, or a line is malformed; the message names file and line.
    """
    if not path.is_file():
        raise DataError(f"{path}: {'a folder, not a file' if path.is_dir() else 'no such file'}. {remedy}")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            if file_format == "csv":
                yield from _read_csv(file, path, delimiter)
            else:
                yield from {"jsonl": _read_jsonl, "conll": _read_conll, "python": _read_python}[file_format](file, path)
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 text ({error.reason} at byte {error.start}). Convert it to UTF-8") from None
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from None


def _read_csv(file: TextIO, path: Path, delimiter: str) -> Iterator[Record]:
    reader = csv.reader(file, delimiter=delimiter, strict=True)
    try:
        header = next(reader, None)
        if header is None:
            raise DataError(f"{path}: the file is empty. Its first line has to name the columns")
        twice = {name for name in header if header.count(name) > 1}
        if twice:
            raise DataError(f"{path}:1: the column {sorted(twice)[0]!r} stands twice in the header")
        for values in reader:
            if not values:
                continue
            if len(values) != len(header):
                raise DataError(
                    f"{path}:{reader.line_num}: {len(values)} fields where the header has {len(header)}. "
                    "Quote texts that hold the delimiter, or set data.delimiter"
                )
            yield reader.line_num, dict(zip(header, values, strict=True))
    except csv.Error as error:
        raise DataError(f"{path}:{reader.line_num}: not valid CSV: {error}") from None


def _read_jsonl(file: TextIO, path: Path) -> Iterator[Record]:
    for line, text in enumerate(file, 1):
        if not text.strip():
            continue
        try:
            record = json.loads(text)
            json.dumps(record, ensure_ascii=False).encode()  # the escape \ud83d alone is half a character
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path}:{line}: not valid JSON: {error}") from None
        if not isinstance(record, dict):
            raise DataError(f"{path}:{line}: not a JSON object but a {type(record).__name__}")
        yield line, record


def _read_conll(file: TextIO, path: Path) -> Iterator[Record]:
    """Sentences as lists of words and tags: the first and the last field of each line."""
    words: list[str] = []
    tags: list[str] = []
    start = 1
    for line, text in enumerate([*file, ""], 1):
        parts = text.split()
        if parts and not parts[0].startswith("-DOCSTART-"):
            if len(parts) < 2:
                raise DataError(f"{path}:{line}: a word without a tag: write `{parts[0]} O`, or leave the line empty")
            start = start if words else line
            words.append(parts[0])
            tags.append(parts[-1])
        elif words:
            yield start, {"text": words, "label": tags}
            words, tags = [], []


def _read_python(file: TextIO, path: Path) -> Iterator[Record]:
    """The entries of the one literal dict that a Python file assigns; nothing of it is run."""
    try:
        assigned = [node for node in ast.parse(file.read()).body if isinstance(node, ast.Assign)]
        literals = [(node.lineno, ast.literal_eval(node.value)) for node in assigned]
    except (SyntaxError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: not a Python file that assigns one literal dict: {error}") from None
    if len(literals) != 1 or not isinstance(literals[0][1], dict):
        raise DataError(f"{path}: not a Python file that assigns one literal dict of name to text")
    line, entries = literals[0]
    for name, text in entries.items():
        yield line, {"name": name, "text": text}


def _needed(data: Data, keys: Sequence[str]) -> dict[str, str]:
    """Every column that a record must have, with what to do where it is missing."""
    named = {"data.id_column": data.id_column, "data.split.column": data.split.column}
    hints = {column: f"Name the right one: {key}=..." for key, column in named.items() if column is not None}
    hints |= dict.fromkeys(data.where, "data.where asks for it: put the name of one of these columns there")
    together = f"Name the right ones: {', '.join(f'data.{key}=...' for key in keys)}"
    of_the_task: dict[str, str] = {getattr(data, key): together for key in keys}
    return of_the_task | {column: hint for column, hint in hints.items() if column not in of_the_task}


def _require(needed: Mapping[str, str], record: dict[str, Any], path: Path, line: int) -> None:
    for column, hint in needed.items():
        if column not in record:
            there = ", ".join(map(repr, record)) or "none"
            raise DataError(f"{path}:{line}: no column {column!r}; the columns are {there}. {hint}")
