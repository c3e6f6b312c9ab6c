"""The file of curves: one strict JSON object per line, readable after a kill at any moment."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any


class JsonlWriter:
    """Appends records to a JSON-lines file; every line reaches the operating system before `write` returns."""

    def __init__(self, path: Path) -> None:
        """Open `path` for appending; a last line that a killed process left unfinished is removed first.

        Raises:
            OSError: The file cannot be opened or repaired.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        _drop_unfinished_line(path)
        self._file: IO[str] = path.open("a", encoding="utf-8")

    def write(self, record: Mapping[str, Any], *, sync: bool = False) -> None:
        """Append one record.

        Args:
            record: Values that JSON can hold; numbers that are not finite are written as text (`"nan"`, `"inf"`).
            sync: Wait until the line is on the disk, so that it survives a power cut and not only a kill.

        Raises:
            OSError: The disk is full or away.
        """
        line = json.dumps({key: _strict(value) for key, value in record.items()}, allow_nan=False)
        self._file.write(line + "\n")
        self._file.flush()
        if sync:
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Put everything on the disk and close the file; a second call does nothing."""
        if not self._file.closed:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()


def _strict(value: Any) -> Any:
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _drop_unfinished_line(path: Path) -> None:
    if not path.exists() or path.stat().st_size == 0:
        return
    with path.open("rb+") as file:
        content = file.read()
        end = content.rfind(b"\n") + 1
        if end < len(content):
            file.truncate(end)
