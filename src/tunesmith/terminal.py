"""Prints text without control characters, whatever labels, file names, servers and configs contain."""

from __future__ import annotations

import sys
from typing import Any, TextIO

JOINERS = "\u200c\u200d"
"""Persian and Indian scripts need them, and they have no effect on a terminal."""


def printable(text: str) -> str:
    """Replace characters that a terminal acts on (ESC, 0x9b, carriage return, direction marks) with spaces."""
    return "".join(character if character.isprintable() or character in "\n" + JOINERS else " " for character in text)


def say(text: Any, *, file: TextIO | None = None, end: str = "\n") -> None:
    """Print text without control characters, to standard output by default."""
    print(printable(str(text)), file=sys.stdout if file is None else file, end=end)
