"""Reads the texts of a finished run's rows from its data again, to show them beside its predictions; no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tunesmith.config.data_files import named_data
from tunesmith.config.schema import Data
from tunesmith.data.content import input_hash, known_content_ids
from tunesmith.data.reading import read_rows
from tunesmith.data.rows import Rows
from tunesmith.data.shown import texts_by_input
from tunesmith.errors import ConfigError, DataError, FilesError
from tunesmith.runs.record import Record
from tunesmith.tasks.registry import task_of
from tunesmith.training.logs import log_to

Predicted = Sequence[Mapping[str, Any]]
"""Rows of `predictions.jsonl`."""


def with_texts(record: Record, predicted: Predicted, columns: Sequence[str] = ()) -> tuple[list[dict[str, Any]], str]:
    """Give each predicted row its `text`, and with `columns` its `slices`, from the run's data.

    A row is found by its content, so that a text that is shown is the one that was answered, whatever else has changed
    in the data. Texts that the run kept are not read again.

    Args:
        record: The run.
        predicted: Its predictions.
        columns: Columns of the data to slice by.

    Returns:
        The rows, and why some have no text; empty if all have one.

    Raises:
        ConfigError: The data has no such column.
    """
    rows = [dict(row) for row in predicted]
    if all("text" in row for row in rows) and not columns:
        return rows, ""
    try:
        with log_to(told_later=True):
            config = record.typed
            read = read_rows(config.data, task_of(config.task))
    except (ConfigError, DataError, FilesError) as error:
        if columns:
            raise
        reason = str(error).splitlines()[0]
        return rows, f"Rows are shown by their id, since the data cannot be read again: {reason}"
    texts = texts_by_input(read, {input_hash(str(row.get("content_id", ""))) for row in rows})
    slices = _slices(read, config.data, columns) if columns else {}
    lost = 0
    for row in rows:
        content = input_hash(str(row.get("content_id", "")))
        if content in texts:
            row.setdefault("text", texts[content])
        lost += "text" not in row
        row |= {"slices": slices[content]} if content in slices else {}
    if not lost:
        return rows, ""
    gone = f"their texts are no longer in {named_data(config.data)}"
    return rows, f"{lost:,} of {len(rows):,} rows are shown by their id: {gone}."


def _slices(read: Rows, data: Data, columns: Sequence[str]) -> dict[str, dict[str, str]]:
    """The values of columns by the content of rows."""
    from tunesmith.data.audit.slices import slice_values  # imports numpy

    values = slice_values({"all": read}, data, columns)
    contents = map(input_hash, known_content_ids(read))
    of_rows = zip(contents, zip(*values.values(), strict=True), strict=True)
    return {content: dict(zip(values, own, strict=True)) for content, own in of_rows}
