"""Counts the rows of each label, for the record of a run."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from tunesmith.data.findings import label_counts
from tunesmith.data.rows import Rows

MOST_NAMES = 10_000
"""Labels above which they are not counted: the record of a run is read by people too."""


def rows_by_label(splits: Mapping[str, Rows], names: Sequence[str], unseen: Collection[str] = ()) -> dict[str, Any]:
    """Count rows by label, or words by tag, for `results.json`.

    Args:
        splits: The rows of each split.
        names: Names of the labels; a number and a text to write have none.
        unseen: Splits that must not be looked at.

    Returns:
        `label_counts`: split to label to count, the most frequent first; empty if there are no labels to count.
    """
    if not 1 < len(names) <= MOST_NAMES:
        return {}
    return {"label_counts": {name: _counted(rows, names) for name, rows in splits.items() if name not in unseen}}


def _counted(rows: Rows, names: Sequence[str]) -> dict[str, int]:
    counts = label_counts(rows)
    return {name: counts[name] for name in sorted(names, key=lambda name: -counts[name])}
