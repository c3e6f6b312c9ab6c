"""Text for a terminal: whatever labels, file names, servers and configs hold, a terminal only shows it."""

from __future__ import annotations

import sys
from typing import Any, TextIO

JOINERS = "\u200c\u200d"
"""Persian and the scripts of India are not written without them; they move nothing."""


def printable(text: str) -> str:
    """`text` without characters that a terminal obeys: ESC, 0x9b, a carriage return, a change of direction."""
    return "".join(character if character.isprintable() or character in "\n" + JOINERS else " " for character in text)


def say(text: Any, *, file: TextIO | None = None, end: str = "\n") -> None:
    """Print it, to standard output unless told otherwise, without characters that a terminal obeys."""
    print(printable(str(text)), file=sys.stdout if file is None else file, end=end)
