"""The protocol of a format: how records are read from an open file."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

Record = tuple[int, dict[str, Any]]
"""The line in the file, from 1, that a record begins in, and its values by column."""


class Source(ABC):
    """One format of text files; a format of your own derives from it."""

    columns: frozenset[str] = frozenset()
    """The columns that the format itself names; none if the file does."""

    @abstractmethod
    def read(self, file: TextIO, path: Path) -> Iterator[Record]:
        """The records of a file, one at a time.

        Args:
            file: The file, open as UTF-8 text with its line ends as they are, past a byte order mark.
            path: Where it is, for messages.

        Raises:
            DataError: A record is malformed; the message names file and line.
        """
