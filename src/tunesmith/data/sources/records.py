"""Records from a file, whatever its format."""

from __future__ import annotations

import io
import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from tunesmith.config.construct import construct_node
from tunesmith.config.schema import Format
from tunesmith.data.lines import Line
from tunesmith.data.progress import progress
from tunesmith.data.sources.conll import Conll
from tunesmith.data.sources.file_kinds import REMEDY, refuse_foreign, refuse_special
from tunesmith.data.sources.jsonl import JsonLines
from tunesmith.data.sources.packed import HEAD, unpacked
from tunesmith.data.sources.python import PythonDict
from tunesmith.data.sources.separated import Dialect, Separated
from tunesmith.data.sources.source import Record, Source
from tunesmith.data.sources.watched import NumberedLines, files_of, watched
from tunesmith.errors import DataError

NO_UTF_8 = frozenset(map(chr, range(0xDC80, 0xDD00)))
"""What Python puts for the bytes that are no UTF-8, when it is asked to go on."""


def source_of(file_format: str | Format, dialect: Dialect | None = None) -> Source:
    """The source that reads a format.

    Args:
        file_format: As in `data.format`.
        dialect: How the fields of a CSV file are parted; None takes commas and quotes.

    Raises:
        ConfigError: The class that it names may not be used, or refuses its arguments.
    """
    if isinstance(file_format, Format):
        source: Source = construct_node("data.format", file_format)
        return source
    if file_format == "csv":
        return Separated(dialect or Dialect())
    others: dict[str, type[Source]] = {"jsonl": JsonLines, "conll": Conll, "python": PythonDict}
    return others[file_format]()


def read_records(
    path: Path, file_format: str | Format, dialect: Dialect | None = None, remedy: str = REMEDY
) -> Iterator[Record]:
    """The records of a file, one at a time.

    Args:
        path: The file.
        file_format: As in `data.format`.
        dialect: How the fields of a CSV file are parted; None takes commas and quotes.
        remedy: The next step where there is no such file.

    Raises:
        DataError: The file is missing, not UTF-8 text, or a line is malformed; the message names file and line.
        ConfigError: The class that reads the format may not be used, or refuses its arguments.
    """
    source = source_of(file_format, dialect)
    yield from records_in(source, files_of(source, path), remedy)


def records_in(source: Source, files: Collection[Path], remedy: str = REMEDY) -> Iterator[tuple[Line, dict[str, Any]]]:
    """The records of several files, one after the other, each with a line that knows its file.

    Args:
        source: Reads the format.
        files: At least one.
        remedy: The next step where one is missing.

    Raises:
        DataError: As of `records_of`.
    """
    unit = "line" if source.takes == "text" else "row"
    root = os.path.commonpath([file.absolute().parent for file in files])
    for file in files:
        within = os.path.relpath(file.absolute(), root) if len(files) > 1 else None
        for number, record in progress(records_of(source, file, remedy), f"reading {file.name}"):
            yield Line(number, str(file), unit, within), record


def records_of(source: Source, path: Path, remedy: str = REMEDY) -> Iterator[Record]:
    """The records that a source reads from a file, one at a time.

    Args:
        source: Reads the format.
        path: The file.
        remedy: The next step where there is no such file.

    Raises:
        DataError: The file is missing, not UTF-8 text, or a line is malformed, or the source fails or gives no
            records; the message names file and line.
    """
    refuse_special(path, remedy)
    try:
        if source.takes == "bytes":
            with path.open("rb") as file:
                yield from watched(source, file, path)
            return
        with unpacked(path) as start:
            refuse_foreign(path, start.read(HEAD))
        with NumberedLines(path) as lines:
            yield from watched(source, lines, path)
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}:{_line_of_bytes(path)}: not UTF-8 text ({error.reason}). Convert it to UTF-8"
        ) from None
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from None


def _line_of_bytes(path: Path) -> int:
    """The first line with bytes that are no UTF-8; the decoder, which reads far ahead, does not say it."""
    with io.TextIOWrapper(unpacked(path), encoding="utf-8", errors="surrogateescape", newline="") as lines:
        return next(number for number, line in enumerate(lines, 1) if not NO_UTF_8.isdisjoint(line))
