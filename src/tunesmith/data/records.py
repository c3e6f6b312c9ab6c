"""Records from files: CSV, JSON lines, words with tags, and a Python file that holds a dict."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from tunesmith.data.file_kinds import other_json, refuse_foreign, refuse_special
from tunesmith.data.separated import Dialect, nul, read_separated
from tunesmith.errors import DataError

COMMENT = re.compile(r"#\s*\S+\s*=\s")
"""A line of CoNLL-U that says something of a sentence."""
Record = tuple[int, dict[str, Any]]
"""The line in the file, from 1, that a record begins in, and its values by column."""


def read_records(
    path: Path, file_format: str, dialect: Dialect | None = None, remedy: str = "Name another: data.path=FILE"
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
            if file_format == "csv":
                yield from read_separated(file, path, dialect or Dialect())
            else:
                yield from {"jsonl": _read_jsonl, "conll": _read_conll, "python": _read_python}[file_format](file, path)
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 text ({error.reason} at byte {error.start}). Convert it to UTF-8") from None
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from None


def _read_jsonl(file: TextIO, path: Path) -> Iterator[Record]:
    first = True
    for line, text in enumerate(file, 1):
        if not text.strip():
            continue
        try:
            record = json.loads(text, object_pairs_hook=_each_key_once)
            json.dumps(record, ensure_ascii=False).encode()  # the escape \ud83d alone is half a character
        except (ValueError, RecursionError) as error:
            other = other_json(path) if first else None
            table = ". If its first line names columns: data=csv" if path.suffix in (".csv", ".tsv") else ""
            raise DataError(f"{path}: {other}" if other else f"{path}:{line}: not valid JSON: {error}{table}") from None
        if not isinstance(record, dict):
            other = other_json(path) if first else None
            told = f"{path}: {other}" if other else f"{path}:{line}: not a JSON object but a {type(record).__name__}"
            raise DataError(told)
        first = False
        yield line, record


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object, unless one of its keys stands there twice: JSON's reader would keep the last one."""
    record = dict(pairs)
    if len(record) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} stands twice in one object. Remove one of the two")
    return record


def _read_conll(file: TextIO, path: Path) -> Iterator[Record]:
    """Sentences as lists of words and tags: the first and the last field of each line."""
    words: list[str] = []
    tags: list[str] = []
    start, width = 1, 0
    for line, text in enumerate([*file, ""], 1):
        if "\0" in text:
            raise DataError(f"{path}:{line}: {nul(path)}")
        parts = text.split()
        if parts and not parts[0].startswith("-DOCSTART-"):
            if len(parts) < 2:
                raise DataError(f"{path}:{line}: a word without a tag: write `{parts[0]} O`, or leave the line empty")
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


def _read_python(file: TextIO, path: Path) -> Iterator[Record]:
    """The entries of the one literal dict that a Python file assigns; nothing of it is run."""
    try:
        assigned = [node for node in ast.parse(file.read()).body if isinstance(node, ast.Assign)]
        literals = [ast.literal_eval(node.value) for node in assigned]
    except (SyntaxError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: not a Python file that assigns one literal dict: {error}") from None
    written = assigned[0].value if len(assigned) == 1 else None
    if not isinstance(written, ast.Dict):
        raise DataError(f"{path}: not a Python file that assigns one literal dict of name to text")
    entries = literals[0]
    if len(written.keys) > len(entries):
        raise DataError(f"{path}: {len(written.keys) - len(entries)} names stand twice in the dict. Rename one of each")
    for key, (name, text) in zip(written.keys, entries.items(), strict=True):
        yield key.lineno if key else written.lineno, {"name": name, "text": text}
