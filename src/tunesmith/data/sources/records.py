"""Records from a file, whatever its format."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tunesmith.data.sources.conll import Conll
from tunesmith.data.sources.file_kinds import REMEDY, refuse_foreign, refuse_special
from tunesmith.data.sources.jsonl import JsonLines
from tunesmith.data.sources.python import PythonDict
from tunesmith.data.sources.separated import Dialect, Separated
from tunesmith.data.sources.source import Record, Source
from tunesmith.errors import DataError


def source_of(file_format: str, dialect: Dialect | None = None) -> Source:
    """The source that reads a format.

    Args:
        file_format: As in `data.format`.
        dialect: How the fields of a CSV file are parted; None takes commas and quotes.
    """
    if file_format == "csv":
        return Separated(dialect or Dialect())
    others: dict[str, type[Source]] = {"jsonl": JsonLines, "conll": Conll, "python": PythonDict}
    return others[file_format]()


def read_records(
    path: Path, file_format: str, dialect: Dialect | None = None, remedy: str = REMEDY
) -> Iterator[Record]:
    """The records of a file, one at a time.

    Args:
        path: The file.
        file_format: As in `data.format`.
        dialect: How the fields of a CSV file are parted; None takes commas and quotes.
        remedy: The next step where there is no such file.

    Raises:
        DataError: The file is missing, not UTF-8 text, or a line is malformed; the message names file and line.
    """
    refuse_special(path, remedy)
    try:
        with path.open("rb") as start:
            refuse_foreign(path, start.read(16))
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from source_of(file_format, dialect).read(file, path)
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 text ({error.reason} at byte {error.start}). Convert it to UTF-8") from None
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from None
