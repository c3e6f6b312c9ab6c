"""Interprets values in a file: a text, a label, several labels, a number, or missing.

CSV only has texts, JSON has types. A value of an unexpected type is refused with the key that takes it; it is never
converted to its printed form.
"""

from __future__ import annotations

import ast
import json
import math
import re
import tokenize
import warnings
from collections.abc import Iterable, Sequence
from io import StringIO
from itertools import pairwise
from typing import Any

from tunesmith.config.schema import Data
from tunesmith.data.malformed import MalformedError
from tunesmith.data.spellings import override

EXACT = 2**53
"""Below this, every whole number is exactly a float."""
WRAPPED = re.compile(r"(?:array|tensor|frozenset|set)\((.*?)(?:,\s*dtype=[\w.]+)?\)", re.DOTALL)
"""A list as printed by numpy, torch and sets."""
BITS = re.compile(r"[01](?:[\s,;|]+[01])+")
"""Zeros and ones in a row: a vector without brackets."""


def as_text(value: Any) -> str:
    """Convert a value to text: ids 1 and "1" become equal, None becomes empty."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def is_missing(value: Any, words: Iterable[str]) -> bool:
    """Whether a value is missing: null, NaN, a blank text, or one of the words for a missing value."""
    if isinstance(value, str):
        return not value.strip() or value.strip() in words
    return value is None or (isinstance(value, float) and math.isnan(value))


def text_in(value: Any, column: str | None, data: Data) -> str:
    """Read a text; empty if it is missing.

    Raises:
        MalformedError: The value is a list, an object or an infinite number.
    """
    if isinstance(value, list | dict):
        raise MalformedError(
            f"{column!r} holds {kind_of(value)}, but must hold a text. {container_hint(value, column)}"
        )
    _refuse_infinity(value, column)
    return "" if is_missing(value, data.missing) else as_text(value)


def label_of(value: Any, column: str | None, missing: Sequence[str]) -> str | None:
    """Read one label as it is in the file; None if it is missing. Equal numbers are one label: 1.0 is `1`.

    Args:
        value: The value of the column.
        column: The column's name.
        missing: Words for a missing label.

    Raises:
        MalformedError: The value is a list, an object or an infinite number.
    """
    if isinstance(value, list | dict):
        remedy = (
            "task=multi_label takes several labels for a text, task=token_classification a tag for each word"
            if isinstance(value, list)
            else "Put the label in its own column"
        )
        raise MalformedError(f"{column!r} holds {kind_of(value)}, but must hold one label. {remedy}")
    _refuse_infinity(value, column)
    if is_missing(value, missing):
        return None
    return str(int(value)) if _is_whole(value) else as_text(value)


def labels_of(value: Any, column: str | None, data: Data) -> tuple[str, ...] | None:
    """Read several labels: a list, the text of a list (JSON, Python, numpy), or names with separators.

    Returns:
        The names as they are in the file (zeros and ones for a vector); None if they are missing.

    Raises:
        MalformedError: The value has nested labels, or is an object.
    """
    if value is None:
        return ()
    if isinstance(value, str):
        if value.strip() and is_missing(value, missing_labels(data)):
            return None
        inner = structure(value)
        value = inner if inner is not None else _separated(value, data.label_separator)
    elif is_missing(value, ()):
        return None
    if isinstance(value, dict):
        raise MalformedError(f"{column!r} holds {kind_of(value)}; write the names of its labels as a list: [a, b]")
    items = value if isinstance(value, list) else [value]
    if any(item is None or item is ... or (isinstance(item, float) and math.isnan(item)) for item in items):
        raise MalformedError(f"{column!r} holds a list with a missing value: leave that out of the list")
    refuse_missing_among(items, column, data)
    names = [label_of(item, column, ()) for item in items]
    return tuple(name for name in names if name)


def refuse_missing_among(labels: Sequence[Any], column: str | None, data: Data) -> None:
    """Refuse labels or tags if one of them is a word for a missing value.

    Raises:
        MalformedError: There is such a word.
    """
    words = missing_labels(data)
    for label in labels:
        if isinstance(label, str) and label.strip() in words:
            raise MalformedError(
                f"{column!r} holds {label!r} among others, which stands for a missing value. Correct it, or, if it is "
                f"a name: {override({label: label})}"
            )


def strings_of(value: Any, column: str | None) -> tuple[str, ...]:
    """Read words or tags from a list, or the text of one.

    Raises:
        MalformedError: The value is not a list of words.
    """
    if isinstance(value, str):
        value = structure(value)
    if not isinstance(value, list) or not all(isinstance(item, str | int) for item in value):
        raise MalformedError(f'{column!r} must hold a list, such as ["Ada", "slept"]; for words in lines, format=conll')
    return tuple(as_text(item) for item in value)


def missing_labels(data: Data) -> list[str]:
    """Return the words for a missing label, except those that `data.label_names` maps to a name."""
    return [word for word in data.missing if word not in data.label_names]


def structure(text: str) -> list[Any] | dict[Any, Any] | None:
    """Parse a text as a list or object in JSON, Python or numpy notation; None for any other text."""
    text = text.strip()
    wrapped = WRAPPED.fullmatch(text)
    if wrapped:
        text = wrapped[1] or "[]"
    if text[:1] + text[-1:] not in ("[]", "()", "{}"):
        return None
    for read in (json.loads, _python, _numpy):
        try:
            value = read(text)
        except (ValueError, SyntaxError, tokenize.TokenError, RecursionError, MemoryError):
            continue
        if isinstance(value, set | frozenset):
            return sorted(value, key=str)
        if isinstance(value, list | tuple | dict):
            return value if isinstance(value, dict) else list(value)
    return None


def kind_of(value: list[Any] | dict[Any, Any]) -> str:
    """Describe a list or object in words."""
    if isinstance(value, dict):
        return f"an object with {', '.join(map(repr, list(value)[:3])) or 'nothing in it'}"
    if is_conversation(value):
        return f"a conversation of {len(value)} messages"
    if value and all(isinstance(item, int | float) for item in value):
        return f"a list of {len(value)} numbers"
    return f"a list of {len(value)} texts" if value and all(isinstance(item, str) for item in value) else "a list"


def is_conversation(value: Any) -> bool:
    """Whether a list holds messages: objects with `role` or `from`."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(item, dict) and ("role" in item or "from" in item) for item in value)
    )


def container_hint(value: list[Any] | dict[Any, Any], column: str | None) -> str:
    """Name the key or task that takes such a value."""
    if isinstance(value, dict):
        return "Put the text in its own column"
    if is_conversation(value):
        return f"data.messages_column={column} takes conversations, with task=language_modeling"
    if value and all(isinstance(item, int | float) for item in value):
        return "Tunesmith tokenises texts itself, with the model's tokenizer: provide the text instead"
    return "task=token_classification takes lists of words; for any other task, join them into a text"


def _refuse_infinity(value: Any, column: str | None) -> None:
    if isinstance(value, float) and math.isinf(value):
        raise MalformedError(f"{column!r} holds an infinite number. Correct it, or leave the row out")


def _is_whole(value: Any) -> bool:
    return isinstance(value, float) and value.is_integer() and abs(value) < EXACT


def _separated(text: str, separator: str) -> list[str]:
    if BITS.fullmatch(text.strip()):
        return re.split(r"[\s,;|]+", text.strip())
    return [part.strip() for part in text.split(separator)]


def _python(text: str) -> Any:
    """Parse a Python literal; refuse adjacent strings, which Python would join into one."""
    kinds = [token.type for token in tokenize.generate_tokens(StringIO(text).readline) if token.type != tokenize.NL]
    if any(first == second == tokenize.STRING for first, second in pairwise(kinds)):
        raise ValueError("texts without a comma between them")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about unknown escapes
        return ast.literal_eval(text)


def _numpy(text: str) -> list[Any]:
    """Parse values separated by spaces, as numpy prints a one-dimensional array."""
    items = re.findall(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^\s'"]+""", text[1:-1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        values = [ast.literal_eval(item) for item in items]
    if text[0] != "[" or not all(value is ... or isinstance(value, str | int | float) for value in values):
        raise ValueError("not an array")
    return values
