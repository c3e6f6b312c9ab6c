"""Reads the rows of a finished run again."""

from __future__ import annotations

from tunesmith.config.data_files import named_data
from tunesmith.data.rows import Rows
from tunesmith.data.splits import data_fingerprint
from tunesmith.errors import DataError, FilesError
from tunesmith.runs.record import Record
from tunesmith.training.build import read_fitted


def own_rows(record: Record) -> tuple[dict[str, Rows] | None, str]:
    """Read the rows that a run was trained and measured on.

    Returns:
        The rows of each split and an empty text; or None and why they cannot be read as they were.
    """
    path = named_data(record.typed.data)
    try:
        splits = read_fitted(record.typed)
    except (DataError, FilesError):
        return None, f"{path} cannot be read any more"
    then = record.results.get("data_fingerprint")
    if then not in (None, data_fingerprint(splits)) and record.typed.data.on_long != "drop":  # which leaves rows out
        return None, f"{path} has changed since the run was trained"
    return splits, ""
