"""Rows that nearly repeat another with its label."""

from __future__ import annotations

from tunesmith.data.cleaning.step import RowStep
from tunesmith.data.nearness import LEAST, near_kept
from tunesmith.data.rows import Rows, as_one_text, inputs_of, row_place
from tunesmith.data.task import RowTask


class NearDuplicates(RowStep):
    """Keep the first of the rows whose texts are nearly the same (`data/nearness.py`) and whose labels are the same.

    Args:
        threshold: The least likeness of a copy, from 0.5 to 1: of two texts, the pieces of five characters that both
            have over those that one has.
        only_train: Whether rows of val and test stay.
    """

    def __init__(self, *, threshold: float = 0.7, only_train: bool = True) -> None:
        super().__init__(only_train=only_train)
        if not LEAST <= threshold <= 1:
            raise ValueError(f"threshold={threshold} is not from {LEAST} to 1")
        self._threshold = threshold

    def removed(self, rows: Rows, task: RowTask) -> dict[int, str]:
        """Each row that is nearly one that is kept."""
        texts = [as_one_text(text) for text in inputs_of(rows)]
        near = near_kept(texts, [task.comparable(label) for label in rows.labels], self._threshold)
        return {row: f"nearly repeats {row_place(rows, kept)}" for row, kept in near.items()}
