"""What a value of a file means: a text, a label, several labels, a number, or nothing.

CSV has texts alone, JSON has types. A value of a type that is not asked for is refused with the key that takes it; it
is never turned into the text of its source.
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
"""Below this every whole number is a float of its own."""
WRAPPED = re.compile(r"(?:array|tensor|frozenset|set)\((.*?)(?:,\s*dtype=[\w.]+)?\)", re.DOTALL)
"""A list as numpy, torch and sets are printed."""
BITS = re.compile(r"[01](?:[\s,;|]+[01])+")
"""Zeros and ones in a row, as a vector is written without brackets."""


def as_text(value: Any) -> str:
    """A value as text: ids 1 and "1" are the same, absent values are empty."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def is_missing(value: Any, words: Iterable[str]) -> bool:
    """Whether there is no value: null, NaN, a blank text, or one of the words that stand for a missing value."""
    if isinstance(value, str):
        return not value.strip() or value.strip() in words
    return value is None or (isinstance(value, float) and math.isnan(value))


def text_in(value: Any, column: str | None, data: Data) -> str:
    """A text; empty where it is missing.

    Raises:
        MalformedError: The value is a list, an object or an infinite number.
    """
    if isinstance(value, list | dict):
        raise MalformedError(f"{column!r} holds {kind_of(value)}, where a text is asked for. {taker(value, column)}")
    _refuse_infinity(value, column)
    return "" if is_missing(value, data.missing) else as_text(value)


def label_of(value: Any, column: str | None, missing: Sequence[str]) -> str | None:
    """One label as it stands in the file; None where it is missing. Numbers that are equal are one label: 1.0 is `1`.

    Args:
        value: As it was read.
        column: Its column.
        missing: Words that stand for a missing label.

    Raises:
        MalformedError: The value is a list, an object or an infinite number.
    """
    if isinstance(value, list | dict):
        remedy = (
            "task=multi_label takes several labels for a text, task=token_classification a tag for each word"
            if isinstance(value, list)
            else "Make the label a column of its own"
        )
        raise MalformedError(f"{column!r} holds {kind_of(value)}, where one label is asked for. {remedy}")
    _refuse_infinity(value, column)
    if is_missing(value, missing):
        return None
    return str(int(value)) if _is_whole(value) else as_text(value)


def labels_of(value: Any, column: str | None, data: Data) -> tuple[str, ...] | None:
    """Several labels, as a list, as the text of a list (JSON, Python, numpy), or as names with a separator between.

    Returns:
        The names as they stand in the file, those of a vector of zeros and ones included; None where they are missing.

    Raises:
        MalformedError: The value has labels within labels, or is an object.
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
        raise MalformedError(f"{column!r} holds a list with a missing value in it: leave that out of the list")
    refuse_missing_among(items, column, data)
    names = [label_of(item, column, ()) for item in items]
    return tuple(name for name in names if name)


def refuse_missing_among(labels: Sequence[Any], column: str | None, data: Data) -> None:
    """Refuse labels or tags of which one is a word that stands for a missing value.

    Raises:
        MalformedError: One is.
    """
    words = missing_labels(data)
    for label in labels:
        if isinstance(label, str) and label.strip() in words:
            raise MalformedError(
                f"{column!r} holds {label!r} among others, which stands for a missing value. Mend it, or, if it is a "
                f"name: {override({label: label})}"
            )


def strings_of(value: Any, column: str | None) -> tuple[str, ...]:
    """Words or tags: a list, or the text of one.

    Raises:
        MalformedError: The value is no list of words.
    """
    if isinstance(value, str):
        value = structure(value)
    if not isinstance(value, list) or not all(isinstance(item, str | int) for item in value):
        raise MalformedError(f'{column!r} must hold a list, such as ["Ada", "slept"]; for words in lines, format=conll')
    return tuple(as_text(item) for item in value)


def missing_labels(data: Data) -> list[str]:
    """The words that stand for a missing label: none that `data.label_names` gives a name."""
    return [word for word in data.missing if word not in data.label_names]


def structure(text: str) -> list[Any] | dict[Any, Any] | None:
    """The list or object that a text is the source of, in JSON, Python or numpy; None for any other text."""
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
    """A list or object in words."""
    if isinstance(value, dict):
        return f"an object with {', '.join(map(repr, list(value)[:3])) or 'nothing in it'}"
    if is_conversation(value):
        return f"a conversation of {len(value)} messages"
    if value and all(isinstance(item, int | float) for item in value):
        return f"a list of {len(value)} numbers"
    return f"a list of {len(value)} texts" if value and all(isinstance(item, str) for item in value) else "a list"


def is_conversation(value: Any) -> bool:
    """Whether a list holds messages: objects with a role, or with who they are from."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(item, dict) and ("role" in item or "from" in item) for item in value)
    )


def taker(value: list[Any] | dict[Any, Any], column: str | None) -> str:
    """The key that takes such a value in the place of a text."""
    if isinstance(value, dict):
        return "Make the text a column of its own"
    if is_conversation(value):
        return f"data.messages_column={column} takes conversations, with task=language_modeling"
    if value and all(isinstance(item, int | float) for item in value):
        return "Texts are tokenised here, with the model's own tokenizer: give the text instead"
    return "task=token_classification takes lists of words; for any other task join them to a text"


def _refuse_infinity(value: Any, column: str | None) -> None:
    if isinstance(value, float) and math.isinf(value):
        raise MalformedError(f"{column!r} holds an infinite number. Mend it, or leave the row out")


def _is_whole(value: Any) -> bool:
    return isinstance(value, float) and value.is_integer() and abs(value) < EXACT


def _separated(text: str, separator: str) -> list[str]:
    if BITS.fullmatch(text.strip()):
        return re.split(r"[\s,;|]+", text.strip())
    return [part.strip() for part in text.split(separator)]


def _python(text: str) -> Any:
    """A Python literal; texts side by side, which Python would join to one, are refused."""
    kinds = [token.type for token in tokenize.generate_tokens(StringIO(text).readline) if token.type != tokenize.NL]
    if any(first == second == tokenize.STRING for first, second in pairwise(kinds)):
        raise ValueError("texts without a comma between them")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on escapes that Python does not know
        return ast.literal_eval(text)


def _numpy(text: str) -> list[Any]:
    """Values with spaces between them, as numpy prints an array of one dimension."""
    items = re.findall(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^\s'"]+""", text[1:-1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        values = [ast.literal_eval(item) for item in items]
    if text[0] != "[" or not all(value is ... or isinstance(value, str | int | float) for value in values):
        raise ValueError("no array")
    return values
