"""Texts that are too short or too long to be meant."""

from __future__ import annotations

from tunesmith.data.characters import num_characters
from tunesmith.data.cleaning.step import RowStep
from tunesmith.data.rows import Rows
from tunesmith.data.task import RowTask


class Length(RowStep):
    """Remove rows whose text is too short or too long; the second text of a pair is not looked at.

    Args:
        least: Letters and digits that a text has at least.
        most: Characters that it has at most, space included; null sets no limit.
        only_train: Whether rows of val and test stay.
    """

    def __init__(self, *, least: int = 3, most: int | None = None, only_train: bool = True) -> None:
        super().__init__(only_train=only_train)
        if least < 0 or (most is not None and most < max(1, least)):
            raise ValueError(f"least={least} and most={most}: least is 0 or more, most at least as many and at least 1")
        self._least, self._most = least, most

    def removed(self, rows: Rows, task: RowTask) -> dict[int, str]:
        """Rows beyond the limits."""
        reasons = enumerate(map(self._reason, rows.texts))
        return {row: reason for row, reason in reasons if reason is not None}

    def _reason(self, text: str) -> str | None:
        if num_characters(text) < self._least:
            return f"fewer than {self._least} letters and digits"
        if self._most is not None and len(text) > self._most:
            return f"{len(text):,} characters, more than {self._most:,}"
        return None
