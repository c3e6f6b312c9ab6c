"""The same input under several labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from typing import Literal

from tunesmith.data.cleaning.step import RowStep
from tunesmith.data.rows import Rows, inputs_of, row_place
from tunesmith.data.task import RowTask
from tunesmith.errors import DataError


class ConflictingLabels(RowStep):
    """Remove rows whose input stands under another label too.

    Args:
        keep: `none` removes all rows of such an input; `majority` keeps those of the label that more than half of them
            have, and removes all where there is none.
        only_train: Whether rows of val and test stay.
    """

    def __init__(self, *, keep: Literal["none", "majority"] = "none", only_train: bool = True) -> None:
        super().__init__(only_train=only_train)
        self._keep = keep

    def removed(self, rows: Rows, task: RowTask) -> dict[int, str]:
        """Rows that contradict others.

        Raises:
            DataError: Several answers to a text may be right in this task.
        """
        if task.contradiction is None:
            raise DataError(
                f"{type(self).__name__} removes texts with several labels, and in this task several answers to a text "
                "may be right. Leave the step out of data.cleaning"
            )
        labels = [task.comparable(label) for label in rows.labels]
        positions: dict[Hashable, list[int]] = {}
        for row, text in enumerate(inputs_of(rows)):
            positions.setdefault(text, []).append(row)
        reasons = {}
        for same in positions.values():
            for row in self._against(same, labels):
                other = next(place for place in same if labels[place] != labels[row])
                reasons[row] = f"another label than {row_place(rows, other)}"
        return {row: reasons[row] for row in sorted(reasons)}

    def _against(self, same: Sequence[int], labels: Sequence[Hashable]) -> list[int]:
        counts = Counter(labels[row] for row in same)
        if len(counts) == 1:
            return []
        label, count = counts.most_common(1)[0]
        kept = {label} if self._keep == "majority" and 2 * count > len(same) else set()
        return [row for row in same if labels[row] not in kept]
