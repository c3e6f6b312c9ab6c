"""A source at work: whatever goes wrong in it is told with the line of the data, and what it gives is looked at."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from io import TextIOWrapper
from pathlib import Path
from typing import Any, BinaryIO

from tunesmith.data.lines import Line, place_of
from tunesmith.data.sources.packed import unpacked
from tunesmith.data.sources.source import Record, Source
from tunesmith.errors import DataError

END: Any = object()
"""What stands behind the last record."""
SHOWN = 80
"""Characters shown of what is no record."""


class NumberedLines(TextIOWrapper):
    """A file open as a source reads it, which counts the lines that were read."""

    def __init__(self, path: Path) -> None:
        super().__init__(unpacked(path), encoding="utf-8-sig", newline="")
        self.number = 0
        """The last line that was read, from 1; 0 where the file was not read by lines."""
        self.ended = False

    def readline(self, size: int = -1, /) -> str:  # type: ignore[override]
        """The next line, counted; iteration comes here too."""
        line = super().readline(size)
        self.number += bool(line)
        self.ended = not line
        return line


def watched(source: Source, file: NumberedLines | BinaryIO, path: Path) -> Iterator[Record]:
    """The records of a source, each looked at.

    Args:
        source: Reads the format.
        file: The open file.
        path: Where it is, for messages.

    Raises:
        DataError: The source raises an error, or gives what is no record, or nothing.
    """
    name, begun, records = _name(source), 0, None
    while True:
        try:
            records = iter(source.read(file, path)) if records is None else records
            record = next(records, END)
        except (DataError, UnicodeDecodeError):
            raise
        except Exception as error:
            raise DataError(f"{_place(path, file, begun)}: {name} fails: {_in_words(error, source)}") from error
        if record is END:
            break
        if not _is_record(record):
            raise DataError(f"{_place(path, file, begun)}: {name} {_strange(record)}")
        begun = record[0]
        yield record
    if not begun and not name.startswith("tunesmith."):  # ours say what a file lacks
        raise DataError(f"{path}: {name} yields no record of this file. Take another: data.path=FILE")


def _name(source: Source) -> str:
    return f"{type(source).__module__}.{type(source).__qualname__}"


def files_of(source: Source, path: Path) -> list[Path]:
    """The files that a source says a path stands for.

    Raises:
        DataError: There is none, or the source raises an error, or gives what is no path.
    """
    name = _name(source)
    try:
        files = list(source.files(path))
    except DataError:
        raise
    except Exception as error:
        raise DataError(f"{path}: {name} fails: {_in_words(error, source)}") from error
    strange = [file for file in files if not isinstance(file, Path)]
    if strange or not files:
        rule = f"{name} names {strange[0]!r}, which is no path" if strange else "no files in it"
        raise DataError(f"{path}: {rule}. Take another: data.path=FILE")
    return files


def _place(path: Path, file: NumberedLines | BinaryIO, begun: int) -> str:
    """The file with the line that was read last, or, once it is read whole, where the last record begins."""
    if not isinstance(file, NumberedLines):
        return place_of(path, Line(begun, str(path), "row")) if begun else str(path)
    line = file.number if file.number and not file.ended else begun or file.number
    return f"{path}:{line}" if line else str(path)


def _in_words(error: Exception, source: Source) -> str:
    """An error with the line of the source's own file that it came from."""
    own = getattr(sys.modules.get(type(source).__module__), "__file__", None)
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == own]
    place = f" (line {lines[-1]} of {Path(own).name})" if own and lines else ""
    return f"{type(error).__name__}: {error}{place}"


def _is_record(value: Any) -> bool:
    return (
        isinstance(value, tuple)
        and len(value) == 2
        and type(value[0]) is int
        and isinstance(value[1], dict)
        and all(isinstance(column, str) for column in value[1])
    )


def _strange(value: Any) -> str:
    shown = repr(value)
    shown = shown if len(shown) <= SHOWN else f"{shown[: SHOWN - 3]}..."
    return f"yields {shown}, which is no record: yield the line and a dict, as in `yield 1, {{'text': '...'}}`"
