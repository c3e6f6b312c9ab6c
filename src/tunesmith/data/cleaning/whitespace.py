"""Space that nobody sees."""

from __future__ import annotations

import re

from tunesmith.data.cleaning.step import TextStep

ENDS = re.compile("\r\n|[\r\x85\u2028\u2029]")
WITHIN = re.compile(r"[^\S\n]+")
AROUND = re.compile(r" *\n *")
EMPTY = re.compile(r"\n{3,}")


class Whitespace(TextStep):
    r"""One space where there are several, of whatever kind, none at the edges of lines, and one line end (`\n`).

    Args:
        lines: Whether lines stay, with one empty line between them at most; false joins them with a space.
    """

    def __init__(self, *, lines: bool = True) -> None:
        self._lines = lines

    def clean(self, text: str) -> str:
        """The text with its words where they were."""
        if not self._lines:
            return " ".join(text.split())
        plain = AROUND.sub("\n", WITHIN.sub(" ", ENDS.sub("\n", text)))
        return EMPTY.sub("\n\n", plain).strip()
