"""Plain text: a text in each line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from tunesmith.data.sources.separated import nul
from tunesmith.data.sources.source import Record, Source
from tunesmith.errors import DataError


class PlainText(Source):
    """Texts, one in each line that is not blank."""

    columns = frozenset({"text"})

    def read(self, file: TextIO, path: Path) -> Iterator[Record]:
        """Each text with its line.

        Raises:
            DataError: A line has a NUL byte.
        """
        for line, text in enumerate(file, 1):
            if "\0" in text:
                raise DataError(f"{path}:{line}: {nul(path)}")
            if text.strip():
                yield line, {"text": text.rstrip("\r\n")}
