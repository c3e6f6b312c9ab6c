"""Rows that repeat another with its label."""

from __future__ import annotations

from tunesmith.data.cleaning.step import RowStep
from tunesmith.data.rows import Rows, inputs_of, row_place
from tunesmith.data.task import RowTask


class ExactDuplicates(RowStep):
    """Keep the first of the rows that have the same input, space at its edges aside, and the same label."""

    def removed(self, rows: Rows, task: RowTask) -> dict[int, str]:
        """All but the first."""
        first: dict[object, int] = {}
        reasons = {}
        for row, key in enumerate(zip(inputs_of(rows), map(task.comparable, rows.labels), strict=True)):
            if first.setdefault(key, row) != row:
                reasons[row] = f"repeats {row_place(rows, first[key])}"
        return reasons
