"""The rows of a data set, column by column."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, fields
from typing import Any

from tunesmith.data.examples import Example, Label
from tunesmith.data.lazy import LazyColumn, end_to_end_columns, row_by_row, taken
from tunesmith.data.lines import numbered
from tunesmith.data.messages import Message, Options
from tunesmith.data.remembered import remembered

ENCODER = json.JSONEncoder(ensure_ascii=False)
"""As `json.dumps`, which makes a new one for every row."""


@dataclass(frozen=True)
class Rows:
    """The rows of a data set, column by column; all columns have the same length.

    They are lists, or, of many rows, lie in a file (`data/lazy.py`): go through them rather than make lists of them.
    """

    ids: Sequence[str]
    texts: Sequence[str]
    """The inputs as people read them."""
    labels: Sequence[Label]
    """What is to be answered: a label, labels, a number, tags or a text, as the task asks; None for nothing."""
    splits: Sequence[str] | None = None
    """The value of `data.split.column`, if there is one: the split that the file itself assigns, or the row's time."""
    pairs: Sequence[str] | None = None
    """The second texts, where there are two."""
    words: Sequence[tuple[str, ...]] | None = None
    """The words of each text, for token classification."""
    messages: Sequence[tuple[Message, ...]] | None = None
    """The turns of each conversation, for language modeling on answers."""
    lines: Sequence[int] | None = None
    """The line of the file that each row was read from, from 1; no part of what the rows are."""
    options: Sequence[Options] | None = None
    """What the chat template is handed beside each conversation."""
    groups: Sequence[str] | None = None
    """The value of `data.split.group_column`, if there is one; no part of what the rows are."""
    content_ids: Sequence[str] | None = None
    """What each row is known by in other data and other runs (`data/content.py`), from its input as it was read; None
    for rows that were not read from a file. No part of what the rows are."""
    sources: Sequence[str] | None = None
    """The name in `data.sources` that each row comes from, if there are several; no part of what the rows are."""
    slices: Sequence[dict[str, str]] | None = None
    """The values of the columns in `evaluation.slices`, if there are any; no part of what the rows are."""

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, indices: Any) -> Rows:
        """The rows at the given positions, in that order."""
        columns = [getattr(self, field.name) for field in fields(self)]
        if any(isinstance(column, LazyColumn) for column in columns):
            import numpy as np

            places, shared = np.asarray(indices, dtype=np.int64), dict[int, Any]()
            return Rows(*(None if column is None else taken(column, places, shared) for column in columns))  # type: ignore[arg-type]
        pick = [int(index) for index in indices]
        return Rows(*(None if column is None else [column[i] for i in pick] for column in columns))  # type: ignore[arg-type]

    def sha256(self) -> str:
        """Hash of ids, texts and labels in order, as the identity of these rows; computed once."""
        return self._sha256

    @functools.cached_property
    def _sha256(self) -> str:
        named = {
            name: getattr(self, name) for name in ("ids", "texts", "labels", "pairs", "words", "messages", "options")
        }
        columns = {name: column for name, column in named.items() if column is not None}
        return remembered("identity", list(columns.values()), lambda: _identity(**columns).encode()).decode()


def _identity(
    ids: Sequence[str],
    texts: Sequence[str],
    labels: Sequence[Label],
    *,
    pairs: Sequence[str] = (),
    words: Sequence[Any] = (),
    messages: Sequence[Any] = (),
    options: Sequence[Options] = (),
) -> str:
    given = options if any(options) else ()
    columns = [ids, texts, labels, *filter(None, (pairs, words, messages, given))]
    digest = hashlib.sha256()
    for row in zip(*columns, strict=True):
        digest.update(ENCODER.encode(row).encode())
    return digest.hexdigest()


def input_columns(rows: Rows) -> list[Sequence[Any]]:
    """The columns that `inputs_of` follows from."""
    if rows.words is not None:
        return [rows.words]
    if rows.messages is not None:
        return [rows.messages]
    return [rows.texts] if rows.pairs is None else [rows.texts, rows.pairs]


def inputs_of(rows: Rows) -> Sequence[Hashable]:
    """What a model is given of each row, to be compared: equal where the inputs are the same word for word."""
    if rows.words is not None:
        return rows.words
    if rows.messages is not None:
        return row_by_row(repr, rows.messages)
    if rows.pairs is not None:
        return row_by_row(lambda text, pair: (text.strip(), pair.strip()), rows.texts, rows.pairs)
    return row_by_row(str.strip, rows.texts)


def as_one_text(input_of_row: Hashable) -> str:
    """An input as one text: a pair or a list of words joined."""
    return "\n".join(map(str, input_of_row)) if isinstance(input_of_row, tuple) else str(input_of_row)


def row_place(rows: Rows, row: int) -> str:
    """How people find a row: by its line in the file, or else by its id."""
    return numbered(rows.lines[row]) if rows.lines is not None else f"id {rows.ids[row]!r}"


def join(parts: Sequence[Rows]) -> Rows:
    """The rows of several parts of one data set, one after the other; what the file said about splits is dropped."""
    columns: dict[str, Any] = {}
    for field in fields(Rows):
        values = [getattr(part, field.name) for part in parts]
        columns[field.name] = None if any(value is None for value in values) else end_to_end_columns(values)
    return Rows(**(columns | {"splits": None}))


def rows_of(
    ids: Sequence[str],
    examples: Sequence[Example],
    splits: Sequence[str] | None = None,
    lines: Sequence[int] | None = None,
) -> Rows:
    """Examples as columns."""
    pairs = [example.pair for example in examples if example.pair is not None]
    words = [example.words for example in examples if example.words is not None]
    messages = [example.messages for example in examples if example.messages is not None]
    texts, labels = [example.text for example in examples], [example.label for example in examples]
    options = [example.options or {} for example in examples] if messages else None
    return Rows(list(ids), texts, labels, splits, pairs or None, words or None, messages or None, lines, options)
