"""JSON: a list of objects, or one object with such a list in it."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from tunesmith.data.sources.jsonl import each_key_once
from tunesmith.data.sources.source import Record, Source
from tunesmith.errors import DataError

BETWEEN = re.compile(r"[ \t\r\n,:]*")
"""What stands between two values of a file that is valid."""
PLAIN = json.JSONDecoder()
STRICT = json.JSONDecoder(object_pairs_hook=each_key_once)
log = logging.getLogger("tunesmith")


@dataclass(frozen=True)
class JsonArray(Source):
    """The objects of a list.

    Args:
        rows: The key of the list, in a file that is one object with several; null takes the only one.
    """

    rows: str | None = None

    def read(self, file: TextIO, path: Path) -> Iterator[Record]:
        """Each object with the line that it begins in.

        Raises:
            DataError: The file is not valid JSON, or has no such list, or an item of it is not an object.
        """
        text = file.read()
        value = _whole(text, path)
        start = _past(text, 0)
        if isinstance(value, dict):
            start = _position(text, start, self._key(value, path))
        elif not isinstance(value, list):
            raise DataError(f"{path}: not a list of JSON objects but a {type(value).__name__}")
        del value  # read again piece by piece, so that each has its line
        yield from _records(text, start, path)

    def _key(self, value: Mapping[str, Any], path: Path) -> str:
        """The key of the list of objects in the object that the file is."""
        lists = [key for key, items in value.items() if _holds_objects(items)]
        if self.rows is not None and self.rows not in lists:
            rule = f"no list of objects in {self.rows!r}; there is one in {_named(lists) or 'no key'}"
            raise DataError(f"{path}: {rule}. Name the one with the rows: data.format.rows=KEY")
        if not lists:
            raise DataError(f"{path}: one JSON object without a list of objects in it. {_reshaped(value)}")
        if len(lists) > 1 and self.rows is None:
            rule = f"one JSON object with lists of objects in {_named(lists)}"
            raise DataError(f"{path}: {rule}. Name the one with the rows: data.format.rows={lists[0]}")
        key = self.rows or lists[0]
        if len(value) > 1:
            others = _named([name for name in value if name != key])
            log.info("%s: the rows are in %r; what is in %s is not read", path, key, others, extra={"once": True})
        return key


def _whole(text: str, path: Path) -> Any:
    """The value that a file is."""
    if not text.strip():
        raise DataError(f"{path}: the file is empty. It has to hold a list of JSON objects: [{{...}}, {{...}}]")
    try:
        return PLAIN.decode(text)
    except json.JSONDecodeError as error:
        more = error.msg == "Extra data" and text.lstrip().startswith("{")
        hint = "an object in each line is data=jsonl" if more else "the file has to hold a list of JSON objects"
        cut = ", and the file ends here: it is cut off" if error.pos >= len(text.rstrip()) else ""
        raise DataError(f"{path}:{error.lineno}: not valid JSON: {error.msg}{cut}; {hint}") from None
    except RecursionError as error:
        raise DataError(f"{path}: not valid JSON: {error}") from None


def _past(text: str, position: int) -> int:
    """The position of the next value."""
    match = BETWEEN.match(text, position)
    assert match is not None
    return match.end()


def _position(text: str, start: int, key: str) -> int:
    """The position of a key's value in the object at a position; where a key stands twice, of the last, as it counts.

    Args:
        text: Valid JSON.
        start: Where the object begins.
        key: One of its keys.
    """
    position, place = _past(text, start + 1), start
    while text[position] != "}":
        name, end = PLAIN.raw_decode(text, position)
        value = _past(text, end)
        place = value if name == key else place
        position = _past(text, PLAIN.raw_decode(text, value)[1])
    return place


def _records(text: str, start: int, path: Path) -> Iterator[Record]:
    """The objects of the list at a position."""
    line, counted, position = 1, 0, _past(text, start + 1)
    while text[position] != "]":
        line, counted = line + text.count("\n", counted, position), position
        try:
            record, end = STRICT.raw_decode(text, position)
            json.dumps(record, ensure_ascii=False).encode()  # the escape \ud83d alone is half a character
        except ValueError as error:
            raise DataError(f"{path}:{line}: not valid JSON: {error}") from None
        if not isinstance(record, dict):
            raise DataError(f"{path}:{line}: not a JSON object but a {type(record).__name__}")
        yield line, record
        position = _past(text, end)


def _holds_objects(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


def _reshaped(value: Mapping[str, Any]) -> str:
    """How an object becomes a list of objects."""
    if value and all(isinstance(column, list | dict) for column in value.values()):
        return "If each key is a column: in pandas, read_json(FILE).to_json(NEW_FILE, orient='records') makes a list"
    return "Put its rows in a list: [{...}, {...}]. An object in each line is data=jsonl"


def _named(keys: list[str]) -> str:
    return ", ".join(map(repr, keys[:5])) + (f" and {len(keys) - 5} more" * (len(keys) > 5))
