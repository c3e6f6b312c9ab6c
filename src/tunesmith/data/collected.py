"""Examples while they are read: in memory, or, once they are many, in a file that the rows then lie in."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from tunesmith.data.examples import Example
from tunesmith.data.row_files import RowSpool
from tunesmith.data.rows import Rows, rows_of

ROWS_IN_MEMORY = 32_768
"""Rows that are in memory together; fewer of long texts."""
CHARACTERS_IN_MEMORY = 1 << 24
"""Characters of their texts that are."""


class Unstorable(Exception):
    """Rows cannot be put down in a file: they hold what would not come back as it is, or there is no room."""


class Collected(AbstractContextManager["Collected"]):
    """Rows as they come, column by column.

    Args:
        folder: Where many rows are put down; None keeps all of them in memory.
        grouped: Whether rows have groups.
    """

    def __init__(self, folder: Path | None, *, grouped: bool) -> None:
        self._folder, self._grouped = folder, grouped
        self._spool: RowSpool | None = None
        self._pending: list[tuple[str, Example, str, str, int]] = []
        self._characters = 0
        self._assigned = False

    def add(self, row_id: str, example: Example, split: str, group: str, line: int) -> None:
        """Add a row.

        Raises:
            Unstorable: It does not go into the file.
        """
        self._pending.append((row_id, example, split, group, line))
        self._assigned |= bool(split)
        self._characters += len(example.text)
        full = len(self._pending) >= ROWS_IN_MEMORY or self._characters >= CHARACTERS_IN_MEMORY
        if full and self._folder is not None:
            self._put_down(self._folder)

    def __bool__(self) -> bool:
        return bool(self._pending) or self._spool is not None

    def rows(self) -> Rows:
        """All rows, at least one.

        Raises:
            Unstorable: The last of them do not go into the file.
        """
        if self._spool is None:
            rows = self._columns()
        else:
            assert self._folder is not None
            if self._pending:
                self._put_down(self._folder)
            rows = self._spool.rows()
        return rows if self._assigned else replace(rows, splits=None)

    def _columns(self) -> Rows:
        ids, examples, splits, groups, lines = (list(column) for column in zip(*self._pending, strict=True))
        rows = rows_of(ids, examples, splits, lines)
        return replace(rows, groups=groups) if self._grouped else rows

    def _put_down(self, folder: Path) -> None:
        try:
            if self._spool is None:
                self._spool = RowSpool(folder)
            self._spool.write(self._columns())
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise Unstorable from error
        self._pending, self._characters = [], 0

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._spool is not None:
            self._spool.close()
