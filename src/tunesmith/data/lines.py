"""Where in its file a row stands, in the words of a message."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tunesmith.config.data_files import named_files


class Line(int):
    """The number of a line, or of a row if the file has no lines, with what a plain number does not say."""

    file: str
    unit: str
    within: str | None

    def __new__(cls, number: int, file: str, unit: str = "line", within: str | None = None) -> Line:
        """A line.

        Args:
            number: Its number, from 1.
            file: The file.
            unit: What is counted, a `line` or a `row`.
            within: A short name of the file; None where there is no other.
        """
        line = super().__new__(cls, number)
        line.file, line.unit, line.within = file, unit, within
        return line

    def __getnewargs__(self) -> tuple[int, str, str, str | None]:  # type: ignore[override]
        """What a copy is made from."""
        return int(self), self.file, self.unit, self.within

    def __str__(self) -> str:
        """The number, with the file where there are several."""
        return f"{int(self)}" if self.within is None else f"{int(self)} of {self.within}"


def place_of(path: Any, line: int) -> str:
    """Where a row stands, as a message begins: `rows.csv:3`, or `rows.parquet, row 3`.

    Args:
        path: The file, or all of `data.path`, where the line does not know its own.
        line: The line.
    """
    if not isinstance(line, Line):
        return f"{path if isinstance(path, str | Path) else named_files(path)}:{line}"
    return f"{line.file}:{int(line)}" if line.unit == "line" else f"{line.file}, {line.unit} {int(line)}"


def numbered(line: int) -> str:
    """A line within a sentence: `line 3`, `row 3`, `line 3 of b.csv`."""
    return f"{unit_of(line)} {line}"


def all_numbered(lines: Sequence[int | str], at_most: int) -> str:
    """Lines within a sentence: `line 3`, `lines 3, 7, ...`.

    Args:
        lines: At least one.
        at_most: How many to name.
    """
    shown = ", ".join(map(str, lines[:at_most])) + (", ..." if len(lines) > at_most else "")
    return f"{unit_of(lines[0])}{'s' if len(lines) > 1 else ''} {shown}"


def unit_of(line: int | str) -> str:
    """What a number counts: a `line` or a `row`."""
    return line.unit if isinstance(line, Line) else "line"
