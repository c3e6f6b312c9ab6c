"""JSON lines: an object in each line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from tunesmith.data.sources.file_kinds import other_json
from tunesmith.data.sources.source import Record, Source
from tunesmith.errors import DataError


class JsonLines(Source):
    """Objects, one in each line that is not empty."""

    def read(self, file: TextIO, path: Path) -> Iterator[Record]:
        """Each object with its line.

        Raises:
            DataError: A line is not an object, or names a key twice.
        """
        first = True
        for line, text in enumerate(file, 1):
            if not text.strip():
                continue
            try:
                record = DECODER.decode(text)
                if "\\u" in text:
                    json.dumps(record, ensure_ascii=False).encode()  # the escape \ud83d alone is half a character
            except (ValueError, RecursionError) as error:
                raise _no_object(path, line, f"not valid JSON: {_in_words(error, path)}", first) from None
            if not isinstance(record, dict):
                raise _no_object(path, line, f"not a JSON object but a {type(record).__name__}", first)
            first = False
            yield line, record


def _no_object(path: Path, line: int, rule: str, first: bool) -> DataError:
    """What is wrong with a line; of the first one, what the whole file is instead."""
    other = other_json(path) if first else None
    return DataError(f"{path}: {other}" if other else f"{path}:{line}: {rule}")


def _in_words(error: Exception, path: Path) -> str:
    if not isinstance(error, json.JSONDecodeError):
        return str(error)
    table = path.suffix in (".csv", ".tsv")
    hint = "If its first line names columns: data=csv" if table else "Each line is one whole object: mend this one"
    return f"{error.msg} at character {error.pos + 1}. {hint}"


def each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object, unless one of its keys stands there twice: JSON's reader would keep the last one."""
    record = dict(pairs)
    if len(record) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} stands twice in one object. Remove one of the two")
    return record


DECODER = json.JSONDecoder(object_pairs_hook=each_key_once)
"""As `json.loads`, which makes a new one for every line."""
