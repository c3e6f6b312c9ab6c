"""Cleaned rows as a file that a run reads, and the rows that are not in it with their reasons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from tunesmith.config.schema import Data
from tunesmith.data.cleaning.clean import Removed
from tunesmith.data.rows import Rows


def records_of_rows(splits: Mapping[str, Rows], data: Data, output: str) -> Iterator[dict[str, Any]]:
    """One record per row, under the column names of the config, with `id` and, if rows are divided, `split`.

    Args:
        splits: The rows of each split.
        data: The data config.
        output: What the task answers with (`Traits.output`).
    """
    for name, rows in splits.items():
        for row in range(len(rows)):
            beside = {} if name == "all" else {"split": name}
            yield {data.id_column or "id": rows.ids[row], **beside, **_content(rows, row, data, output)}


def records_of_removed(removed: Sequence[Removed], without: Sequence[int]) -> Iterator[dict[str, Any]]:
    """One record per row that is not written, in the order in which they went.

    Args:
        removed: Rows that steps took out.
        without: Lines of rows without a text or a label.
    """
    for line in without:
        yield asdict(Removed("", "", line, "empty", "no text or no label"))
    yield from map(asdict, removed)


def _free(data: Data) -> str:
    """A name for texts that a template has written, which no other column has."""
    taken = (data.target_column, data.label_column, data.text_pair_column, data.split.group_column, data.id_column)
    return next(name for name in (data.text_column, "input", "templated") if name not in taken)


def _content(rows: Rows, row: int, data: Data, output: str) -> dict[str, Any]:
    if rows.messages is not None:
        options = (rows.options or [{}] * len(rows))[row]
        return {data.messages_column or "messages": list(rows.messages[row]), **options}
    text = rows.texts[row] if rows.words is None else list(rows.words[row])
    values: dict[str | None, Any] = {data.text_column if data.template is None else _free(data): text}
    values[data.target_column if output == "text" else data.label_column] = rows.labels[row]
    if rows.pairs is not None:
        values[data.text_pair_column] = rows.pairs[row]
    if rows.groups is not None:
        values[data.split.group_column] = rows.groups[row]
    return {key: value for key, value in values.items() if key is not None and value is not None}
