"""The protocol of a format: which files a path stands for, and how records are read from an open one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

Record = tuple[int, dict[str, Any]]
"""The line in the file, from 1, that a record begins in (its number, for a file of bytes), and its values by column."""


class Source(ABC):
    """One format of files; a format of your own derives from it."""

    columns: frozenset[str] = frozenset()
    """The columns that the format itself names; none if the file does."""
    takes: ClassVar[Literal["text", "bytes"]] = "text"
    """`text`: files are opened as UTF-8 text, unpacked where they are packed; `bytes`: as they are."""

    def files(self, path: Path) -> Sequence[Path]:
        """The files that a path stands for, in the order that they are read in: the path itself, or those in a folder.

        Args:
            path: As in `data.path`.

        Raises:
            DataError: It is a folder without a file of the format.
        """
        return [path]

    @abstractmethod
    def read(self, file: Any, path: Path) -> Iterator[Record]:
        """The records of a file, one at a time.

        Args:
            file: The open file. A `TextIO` with its line ends as they are, past a byte order mark; or, where the class
                `takes` bytes, a `BinaryIO`.
            path: Where it is, for messages.

        Raises:
            DataError: A record is malformed; the message names file and line.
        """
