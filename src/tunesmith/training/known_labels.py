"""Checks that a model knows the labels of rows that it is measured on."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from tunesmith.config.schema import Task
from tunesmith.config.tasks import traits_of
from tunesmith.data.lines import place_of
from tunesmith.data.rows import Rows
from tunesmith.data.splits import distinct
from tunesmith.errors import DataError

log = logging.getLogger("tunesmith")


def check_labels(rows: Rows, split: str, path: str, task: Task, known: Sequence[str]) -> None:
    """Refuse labels that the model does not know; warn of known labels without rows.

    Args:
        rows: The rows to measure.
        split: Their split, or the name of their set.
        path: Their file, for messages.
        task: The model's task.
        known: The labels that it knows.

    Raises:
        DataError: A label is unknown; the message names the line of the file.
    """
    if traits_of(task).output != "labels":
        return
    there = distinct(rows)
    unknown = sorted(there - set(known))
    if unknown:
        raise DataError(_unknown(unknown[0], rows, path, known))
    absent = [label for label in known if label not in there]
    if absent:
        names = ", ".join(map(repr, absent[:10])) + (", ..." if len(absent) > 10 else "")
        log.warning("no row of %s has the label %s: its metrics, and means over labels, say little", split, names)


def _unknown(label: str, rows: Rows, path: str, known: Sequence[str]) -> str:
    row = next(i for i, value in enumerate(rows.labels) if label in (value if isinstance(value, tuple) else (value,)))
    place = place_of(path, rows.lines[row]) if rows.lines else path
    return (
        f"{place}: the data has the label {label!r}, but the model knows {', '.join(map(repr, known))}. "
        "Map it to one of these names with data.label_names, or leave such rows out"
    )
