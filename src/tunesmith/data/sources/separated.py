"""Rows of fields with a delimiter between them: CSV, and lines without quoting as other tools write with tabs."""

from __future__ import annotations

import csv
import logging
import re
import shlex
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TextIO

from tunesmith.config.schema import Data
from tunesmith.data.sources.packed import fed, opened_text, plain_name
from tunesmith.data.sources.source import Record, Source
from tunesmith.errors import DataError

csv.field_size_limit(sys.maxsize)  # the default refuses a text of more than 128 KiB

log = logging.getLogger("tunesmith")

NAMES = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|", "\\t": "\t"}
"""Names of delimiters; a shell hands the two characters on."""
SPACED = re.compile(r'\s+"[^"]*"\s*')
LONG = 3
"""Lines that a field may span before it is pointed out."""


@dataclass(frozen=True)
class Dialect:
    """How fields are parted."""

    delimiter: str = ","
    quoting: Literal["csv", "none"] = "csv"
    """`csv`: a field in quotes may hold delimiters and line breaks; `none`: a quote is a character like any other."""


def dialect_of(data: Data) -> Dialect:
    """The dialect that a config asks for."""
    delimiter = NAMES.get(data.delimiter, data.delimiter)
    return Dialect(delimiter, data.quoting or default_quoting(delimiter))


def default_quoting(delimiter: str) -> Literal["csv", "none"]:
    """Tools that part fields by tabs seldom quote, and their texts begin with quotes as any others do."""
    return "none" if delimiter == "\t" else "csv"


@dataclass(frozen=True)
class Separated(Source):
    """Rows of a file whose first line names the columns."""

    dialect: Dialect

    def read(self, file: TextIO, path: Path) -> Iterator[Record]:
        """Each row with the line that it begins in.

        Raises:
            DataError: There is no header, or a row is malformed; the message names the line.
        """
        lines = _Lines(file, path)
        rows = _quoted(lines, self.dialect) if self.dialect.quoting == "csv" else _plain(lines, self.dialect)
        _, header = next(rows, (0, None))
        if header is None:
            raise DataError(f"{path}: the file is empty. Its first line has to name the columns")
        twice = sorted({name for name in header if header.count(name) > 1})
        if twice:
            hint = suggestion(path, self.dialect) or "Rename one of the two"
            raise DataError(f"{path}:1: the column {twice[0]!r} stands twice in the header. {hint}")
        long = _LongFields(self.dialect.delimiter, len(header))
        quoted = spaced = 0
        for line, values in rows:
            if len(values) != len(header):
                raise DataError(_misfit(path, line, lines.number, len(values), header, self.dialect))
            long.see(line, lines.record)
            if self.dialect.quoting == "none" and not quoted and any(map(_looks_quoted, values)):
                quoted = line
            if self.dialect.quoting == "csv" and not spaced and any(map(SPACED.fullmatch, values)):
                spaced = line
            yield line, dict(zip(header, values, strict=True))
        long.tell(path)
        if quoted:
            log.warning(
                "%s: a field in line %d is quoted as in CSV, and is read with its quotes as they stand. If the file "
                "quotes its fields: data.quoting=csv",
                *(path, quoted),
            )
        if spaced:
            log.warning(
                "%s: in line %d a space comes before a field's quotes, which are read as part of it. Remove the space",
                *(path, spaced),
            )


def suggestion(path: Path, dialect: Dialect, needed: Sequence[str] = ()) -> str | None:
    """The keys with which the header of a file names the columns that are asked for, or at least more than one.

    Args:
        path: A file that has a header.
        dialect: How it is read now.
        needed: The columns that are asked for.
    """
    with opened_text(path) as file:
        header = next(file, "")
    now = _columns(header, dialect)
    names = [name for name in NAMES if name != "\\t"]
    others = [Dialect(NAMES[name], default_quoting(NAMES[name])) for name in names]
    others += [Dialect(dialect.delimiter, quoting) for quoting in ("csv", "none")]
    others += [Dialect(NAMES[name], "csv" if name == "tab" else "none") for name in names]
    readings = [(other, _columns(header, other)) for other in others if other != dialect]
    fitting = [pair for pair in readings if needed and set(needed) <= set(pair[1])]
    if not fitting and len(now) < 2:
        several = [pair for pair in readings if len(pair[1]) > 1]
        fitting = sorted(several, key=lambda pair: (-len(pair[1]), '"' in "".join(pair[1])))
    if not fitting:
        return None
    other, columns = fitting[0]
    return f"{_keys(other, dialect)} reads the header as {', '.join(map(repr, columns))}"


def _keys(other: Dialect, now: Dialect) -> str:
    """The overrides that lead from one dialect to another."""
    keys = []
    if other.delimiter != now.delimiter:
        keys.append(f"data.delimiter={next(name for name, sign in NAMES.items() if sign == other.delimiter)}")
    if other.quoting != (default_quoting(other.delimiter) if keys else now.quoting):
        keys.append(f"data.quoting={other.quoting}")
    return " ".join(keys)


def _columns(header: str, dialect: Dialect) -> list[str]:
    line = header.rstrip("\r\n")
    if dialect.quoting == "none":
        return line.split(dialect.delimiter)
    try:
        return next(csv.reader([line], delimiter=dialect.delimiter, strict=True), [])
    except csv.Error:
        return []


class _Lines:
    """The lines of a file, those of the current record kept."""

    def __init__(self, file: TextIO, path: Path) -> None:
        self._file, self.path = file, path
        self.number = 0
        self.record: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._file)
        self.number += 1
        if "\0" in line:
            raise DataError(f"{self.path}:{self.number}: {nul(self.path)}")
        self.record.append(line)
        return line


def nul(path: Path) -> str:
    """What is wrong with a NUL byte, and what to do."""
    plain = plain_name(path)
    command, target = fed(path, "tr -d '\\000'"), shlex.quote(str(plain.with_name(f"{plain.stem}_clean{plain.suffix}")))
    return f"a NUL byte, which no text file has. Leave them out: {command} > {target}"


def _plain(lines: _Lines, dialect: Dialect) -> Iterator[tuple[int, list[str]]]:
    for line in lines:
        lines.record = [line]
        text = line.rstrip("\r\n")
        if text:
            yield lines.number, text.split(dialect.delimiter)


def _quoted(lines: _Lines, dialect: Dialect) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(lines, delimiter=dialect.delimiter, strict=True)
    while True:
        start, lines.record = lines.number + 1, []
        try:
            values = next(reader, None)
        except csv.Error as error:
            opened = start + _opening(lines.record, dialect.delimiter)
            other = suggestion(lines.path, dialect) if start == 1 else None
            raise DataError(_unclosed(lines, opened, error, other)) from None
        if values is None:
            return
        if values:
            yield start, values


def _unclosed(lines: _Lines, opened: int, error: csv.Error, other: str | None) -> str:
    ends = f"; it ends in line {lines.number}" if lines.number != opened and "expected after" in str(error) else ""
    hint = other or "Double the quotes inside a quoted field, or take every quote as text: data.quoting=none"
    return f"{lines.path}:{opened}: not valid CSV: {error}. A quoted field opens in this line{ends}. {hint}"


def _opening(record: Sequence[str], delimiter: str) -> int:
    """The line of a record, from 0, in which its last quoted field opens."""
    opened, inside, fresh = 0, False, True
    for number, line in enumerate(record):
        for character in line:
            if character == '"' and (inside or fresh):
                opened = opened if inside else number
                inside, fresh = not inside, inside  # a quote that follows at once is a doubled one, and opens again
            elif not inside:
                fresh = character in (delimiter, "\r", "\n")
    return opened


def _misfit(path: Path, first: int, last: int, count: int, header: list[str], dialect: Dialect) -> str:
    """A row of too many fields or too few."""
    place = f"{path}:{first}: {count} fields where the header has {len(header)}"
    if last > first:
        place += f"; the row goes on to line {last}, since a quote opens and closes there"
    other = suggestion(path, dialect)
    if other is not None:
        return f"{place}. {other}"
    if dialect.quoting == "none":
        return f"{place}. Leave delimiters out of the texts, or, if the file quotes such fields: data.quoting=csv"
    return f"{place}. Quote texts that hold the delimiter, or set data.delimiter"


def _looks_quoted(value: str) -> bool:
    """Whether a field is quoted by the rules of CSV beyond doubt: it has doubled quotes inside, and no others."""
    inner = value[1:-1]
    return len(value) > 1 and value[0] == value[-1] == '"' and '""' in inner and '"' not in inner.replace('""', "")


class _LongFields:
    """Records of many lines, told once for a file: with the quote that was never meant, rows disappear in them."""

    def __init__(self, delimiter: str, num_columns: int) -> None:
        self._delimiters = num_columns - 1
        self._delimiter = delimiter
        self._spans: list[tuple[int, int, bool]] = []

    def see(self, start: int, record: Sequence[str]) -> None:
        """Note a record that spans many lines."""
        if len(record) > LONG:
            inner = record[1:-1]
            rows = sum(line.count(self._delimiter) == self._delimiters > 0 for line in inner)
            self._spans.append((start, start + len(record) - 1, rows * 2 >= len(inner)))

    def tell(self, path: Path) -> None:
        """Say how many there are: a warning where the lines inside look like rows of their own."""
        like_rows = [span for span in self._spans if span[2]]
        for level, spans, what in (
            (logging.WARNING, like_rows, ", and what is inside looks like rows"),
            (logging.INFO, [] if like_rows else self._spans, ""),
        ):
            if spans:
                first, last, _ = max(spans, key=lambda span: span[1] - span[0])
                message = (
                    f"{path}: a field spans lines {first} to {last}"
                    if len(spans) == 1
                    else f"{path}: {len(spans)} fields span more than {LONG} lines (the longest: {first} to {last})"
                )
                hint = " If a quote opens there that is part of a text: data.quoting=none" if what else ""
                log.log(level, "%s%s.%s", message, what, hint, extra={"once": True})
