"""Brings the saved predictions of several runs to the same rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tunesmith.errors import DataError, FilesError
from tunesmith.runs.record import Record

Row = Mapping[str, Any]
SPLITS = ("test", "val")
"""The splits that are compared by default, in order of preference."""


@dataclass(frozen=True)
class PairedRows:
    """Predictions of several runs for the same rows, in the same order."""

    split: str
    of_run: list[list[Row]]
    """The rows of each run."""
    left_out: int
    """Distinct rows that not all runs have."""


def paired_rows(records: Sequence[Record], split: str | None = None) -> PairedRows:
    """Pair the rows of a split by id if the runs have the same data, else by content.

    Args:
        records: The runs.
        split: The split; None takes test if every run has looked at it, else val.

    Raises:
        FilesError: A run has no predictions for the split, or they are damaged.
        DataError: The runs have no row in common, or cannot be paired.
    """
    split = split or _common_split(records)
    of_run = [record.predictions(split) if record.directory.predictions.is_file() else [] for record in records]
    for record, rows in zip(records, of_run, strict=True):
        if not rows:
            raise FilesError(f"{record.path} has no predictions for {split}: the run is {record.status}")
    keys = [_keys(rows, _pairs_by(records, of_run)) for rows in of_run]
    common = set(keys[0]).intersection(*keys)
    if not common:
        raise DataError(f"the runs have no row of {split} in common, so they cannot be compared row by row")
    order = [key for key in keys[0] if key in common]
    paired = [
        [dict(zip(key, rows, strict=True))[name] for name in order] for key, rows in zip(keys, of_run, strict=True)
    ]
    _refuse_other_labels(records, paired)
    return PairedRows(split, paired, len(set().union(*keys)) - len(common))


def _common_split(records: Sequence[Record]) -> str:
    measured = [{name.partition("/")[0] for name in record.metrics} for record in records]
    split = next((split for split in SPLITS if all(split in splits for splits in measured)), None)
    if split is None:
        lacking = next(record for record, splits in zip(records, measured, strict=True) if "val" not in splits)
        raise FilesError(f"{lacking.path} has no metrics of val or test: the run is {lacking.status}")
    return split


def _pairs_by(records: Sequence[Record], of_run: Sequence[Sequence[Row]]) -> str:
    """Return the key of a row that names it in every run."""
    if len({record.results.get("data_fingerprint") for record in records}) == 1:
        return "id"
    for record, rows in zip(records, of_run, strict=True):
        if not all("content_id" in row for row in rows):
            raise DataError(
                f"the runs have different data, and {record.path} did not save what identifies a row by its content. "
                f"Repeat it: tunesmith train --from {record.argument}"
            )
    return "content_id"


def _keys(rows: Sequence[Row], name: str) -> list[Any]:
    keys = [row[name] for row in rows]
    if len(set(keys)) < len(keys):
        raise DataError(f"the predictions name a row twice: {next(key for key in keys if keys.count(key) > 1)!r}")
    return keys


def _refuse_other_labels(records: Sequence[Record], of_run: Sequence[Sequence[Row]]) -> None:
    for record, rows in zip(records[1:], of_run[1:], strict=True):
        for first, row in zip(of_run[0], rows, strict=True):
            if first.get("label") != row.get("label"):
                raise DataError(
                    f"row {row['id']} has the label {first.get('label')!r} in {records[0].path} and "
                    f"{row.get('label')!r} in {record.path}: their metrics do not measure the same"
                )
