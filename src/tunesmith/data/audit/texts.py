"""Texts with something in them, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from tunesmith.data.audit.finding import Finding, number_of, shown, some
from tunesmith.data.characters import decomposed_at, garbled_at, hidden_at, markup_at, num_characters
from tunesmith.data.rows import Rows, row_place

BARS = 40
"""Of a histogram, at most."""
SHORT = 3
"""Letters and digits below which a text is short."""


def short_at(text: str) -> int | None:
    """0 if a text is short, else None."""
    return 0 if len(text) < 1000 and num_characters(text) < SHORT else None


FAULTS: dict[str, tuple[Callable[[str], int | None], str, str]] = {
    "short": (short_at, f"fewer than {SHORT} letters and digits", "length"),
    "control_characters": (hidden_at, "control characters or characters of no width", "control_characters"),
    "mojibake": (garbled_at, "letters that were decoded wrongly (such as Ã© for é)", "unicode"),
    "unicode": (decomposed_at, "letters that are not composed (Unicode NFC)", "unicode"),
    "markup": (markup_at, "HTML", "markup"),
}
"""Kind to where a text has it, what it then has, and the option of `data/cleaning` that acts on it."""


def texts_with(splits: Mapping[str, Rows]) -> Iterator[Finding]:
    """Findings of texts, the second text of a pair included.

    Args:
        splits: The rows of each split.
    """
    total = sum(map(len, splits.values()))
    for kind, (at, what, option) in FAULTS.items():
        places = [
            (rows, row, text, where)
            for rows in splits.values()
            for row, texts in enumerate(_texts(rows))
            for text, where in ((text, at(text)) for text in texts)
            if where is not None
        ]
        count = len({(id(rows), row) for rows, row, *_ in places})
        if places:
            listed = (f"{row_place(rows, row)}: {shown(text, where)}" for rows, row, text, where in places)
            counted = f"{count:,} of {number_of(total, 'row')}: {what}"
            yield Finding(kind, count, counted, some(listed), f"data/cleaning={option}")


def empty(lines: Sequence[int]) -> Iterator[Finding]:
    """The finding of rows that were left out as they were read.

    Args:
        lines: The line of each.
    """
    if lines:
        text = f"{number_of(len(lines), 'row')} without a text or without a label"
        yield Finding("empty", len(lines), text, some(f"line {line}" for line in lines), "data.on_empty=drop")


def lengths(rows: Rows) -> dict[str, int]:
    """Characters of the shortest, the median, the 95th percentile and the longest text."""
    ordered = sorted(map(len, rows.texts))
    last = len(ordered) - 1
    parts = {"least": 0.0, "median": 0.5, "p95": 0.95, "most": 1.0}
    return {name: ordered[round(part * last)] for name, part in parts.items()} if ordered else {}


def histogram(splits: Mapping[str, Rows]) -> list[dict[str, int]]:
    """How many texts have how many characters: `BARS` ranges at most, each longer than the last by the same factor."""
    numbers = np.asarray([len(text) for rows in splits.values() for text in rows.texts])
    if not len(numbers):
        return []
    ends = np.geomspace(max(int(numbers.min()), 1), int(numbers.max()) + 1, BARS + 1)
    edges = np.unique(ends.round().astype(np.int64))
    edges[0], edges[-1] = numbers.min(), numbers.max() + 1
    counts = np.histogram(numbers, edges)[0].tolist()
    ranges = zip(edges[:-1].tolist(), edges[1:].tolist(), counts, strict=True)
    return [{"from": start, "to": end - 1, "texts": count} for start, end, count in ranges]


def _texts(rows: Rows) -> Iterator[tuple[str, ...]]:
    for row, text in enumerate(rows.texts):
        yield (text,) if rows.pairs is None else (text, rows.pairs[row])
