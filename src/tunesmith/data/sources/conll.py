"""Words with tags: a word and its tag in each line, an empty line after each sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from tunesmith.data.sources.separated import nul
from tunesmith.data.sources.source import Record, Source
from tunesmith.errors import DataError

COMMENT = re.compile(r"#\s*\S+\s*=\s")
"""A line of CoNLL-U that says something of a sentence."""


class Conll(Source):
    """Sentences as lists of words and tags: the first and the last field of each line."""

    columns = frozenset({"text", "label"})

    def read(self, file: TextIO, path: Path) -> Iterator[Record]:
        """Each sentence with the line of its first word.

        Raises:
            DataError: A word has no tag, or a line has more or fewer fields than those above.
        """
        words: list[str] = []
        tags: list[str] = []
        start, width = 1, 0
        for line, text in enumerate([*file, ""], 1):
            if "\0" in text:
                raise DataError(f"{path}:{line}: {nul(path)}")
            parts = text.split()
            if parts and not parts[0].startswith("-DOCSTART-"):
                if len(parts) < 2:
                    raise DataError(
                        f"{path}:{line}: a word without a tag: write `{parts[0]} O`, or leave the line empty"
                    )
                width = width or len(parts)
                if COMMENT.match(text) or len(parts) != width:
                    raise DataError(f"{path}:{line}: {_uneven(text, len(parts), width)}")
                start = start if words else line
                words.append(parts[0])
                tags.append(parts[-1])
            elif words:
                yield start, {"text": words, "label": tags}
                words, tags = [], []


def _uneven(text: str, count: int, width: int) -> str:
    """What is wrong with a line that would be read as another word or tag than it has."""
    if COMMENT.match(text):
        return "a comment, which would be read as a word with a tag. Remove such lines: grep -v '^# '"
    return (
        f"{count} fields where the lines above have {width}, and the first field is the word and the last its tag. "
        "Give every line as many, and leave spaces out of the words"
    )
