"""Rows of text and label from files: CSV and JSON lines."""

from __future__ import annotations

import csv
import hashlib
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from tunesmith.config.schema import Data
from tunesmith.errors import DataError

csv.field_size_limit(sys.maxsize)  # the default refuses a text of more than 128 KiB

Record = tuple[int, dict[str, Any]]
"""Line number in the file (from 1) and the row's values by column."""


@dataclass(frozen=True)
class Rows:
    """The rows of a data set, column by column; all lists have the same length."""

    ids: list[str]
    texts: list[str]
    labels: list[str]
    splits: list[str] | None = None
    """The split that the file itself assigns, where `data.split.method=column`."""

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, indices: Any) -> Rows:
        """The rows at the given positions, in that order."""
        pick = [int(index) for index in indices]
        return Rows(
            [self.ids[i] for i in pick],
            [self.texts[i] for i in pick],
            [self.labels[i] for i in pick],
            None if self.splits is None else [self.splits[i] for i in pick],
        )

    def sha256(self) -> str:
        """Hash of ids, texts and labels in order, as the identity of these rows."""
        digest = hashlib.sha256()
        for row in zip(self.ids, self.texts, self.labels, strict=True):
            digest.update(json.dumps(row, ensure_ascii=False).encode())
        return digest.hexdigest()


def read_rows(data: Data) -> Rows:
    """Read the rows that the config asks for.

    Raises:
        DataError: The file is missing or malformed, a column is absent, nothing is left, or rows lack text or label.
    """
    path = Path(data.path).expanduser()
    columns = [data.text_column, data.label_column, *data.where]
    columns += [column for column in (data.id_column, data.split.column) if column is not None]
    rows: dict[str, tuple[str, str, str]] = {}
    empty: list[int] = []
    for position, (line, record) in enumerate(read_records(path, data.format, data.delimiter)):
        _require(columns, record, path, line)
        if any(_text(record[column]) != _text(value) for column, value in data.where.items()):
            continue
        text, label = _text(record[data.text_column]), _text(record[data.label_column])
        if not text.strip() or not label.strip():
            empty.append(line)
            continue
        label = data.label_names.get(label, label)
        row_id = _text(record[data.id_column]) if data.id_column else str(position)
        if row_id in rows:
            raise DataError(f"{path}:{line}: the id {row_id!r} in column {data.id_column!r} is not unique")
        rows[row_id] = (text, label, _text(record[data.split.column]) if data.split.column else "")
    if empty and data.on_empty == "error":
        raise DataError(
            f"{path}: {len(empty)} rows have no text or no label (line {', '.join(map(str, empty[:5]))}"
            f"{', ...' if len(empty) > 5 else ''}). Mend them, or leave them out with data.on_empty=drop"
        )
    if not rows:
        kept = f" with {data.where}" if data.where else ""
        raise DataError(f"{path}: no rows{kept}")
    texts, labels, splits = map(list, zip(*rows.values(), strict=True))
    return Rows(list(rows), texts, labels, splits if data.split.column else None)


def read_records(path: Path, file_format: str, delimiter: str = ",") -> Iterator[Record]:
    """The records of a CSV or JSON-lines file, one at a time.

    Raises:
        DataError: The file is missing, not UTF-8, or a line is malformed; the message names file and line.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from (_read_csv(file, path, delimiter) if file_format == "csv" else _read_jsonl(file, path))
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 text ({error.reason} at byte {error.start}). Convert it to UTF-8") from None
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from None


def _read_csv(file: TextIO, path: Path, delimiter: str) -> Iterator[Record]:
    reader = csv.reader(file, delimiter=delimiter, strict=True)
    try:
        header = next(reader, None)
        if header is None:
            raise DataError(f"{path}: the file is empty")
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


def _require(columns: list[str], record: dict[str, Any], path: Path, line: int) -> None:
    for column in columns:
        if column not in record:
            raise DataError(
                f"{path}:{line}: no column {column!r}; the columns are {', '.join(map(repr, record)) or 'none'}. "
                "Name the right ones: data.text_column=..., data.label_column=..."
            )


def _text(value: Any) -> str:
    """A value as text: labels 1 and "1" are the same label, absent values are empty."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
