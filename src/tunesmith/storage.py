"""What every room reads and writes files with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tunesmith.errors import FilesError

NOT_FINITE = ("nan", "inf", "-inf")
"""Numbers that JSON has no word for, as curves hold them."""


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Read a JSON-lines file, oldest record first.

    A last line without its end, as a killed process leaves it, is ignored; so is a missing file.

    Raises:
        FilesError: Another line is not a JSON object; the message names it.
    """
    if not path.is_file():
        return []
    lines = path.read_bytes().split(b"\n")[:-1]
    return [_parse(line, path, number) for number, line in enumerate(lines, 1)]


def read_points(path: Path) -> list[dict[str, Any]]:
    """Read a file of curves likewise; numbers that were not finite come back as floats.

    Raises:
        FilesError: A line other than the last is not a JSON object.
    """
    return [
        {key: float(value) if value in NOT_FINITE else value for key, value in point.items()}
        for point in read_lines(path)
    ]


def _parse(line: bytes, path: Path, number: int) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise FilesError(f"{path}:{number} is damaged: it is not a JSON object ({error})") from None
    if not isinstance(record, dict):
        raise FilesError(f"{path}:{number} is damaged: it is not a JSON object but a {type(record).__name__}")
    return record
