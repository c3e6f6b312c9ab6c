"""What an audit finds: kinds of faults, how many rows have one, a few of them, and the override that acts on it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from tunesmith.data.rows import Rows, row_place

KINDS: Final = {
    "split": "the rows cannot be divided as configured",
    "leaks": "rows of one split that stand in an earlier one",
    "near_leaks": "rows of one split that nearly stand in an earlier one",
    "conflicts": "the same text under several labels",
    "duplicates": "rows that repeat an earlier row of their split",
    "near_duplicates": "rows that nearly repeat an earlier row of their split",
    "spellings": "labels that differ only in case, space, Unicode form or the way a number is written",
    "misspellings": "rare labels that are one letter from a frequent one",
    "rare_labels": "labels with too few rows to be measured",
    "label_errors": "labels that a model of the other rows contradicts",
    "cues": "single words or lengths from which the label can be told",
    "slices": "slices in which a label is more or less frequent than elsewhere",
    "templates": "texts that begin or end like many others",
    "cut": "texts with more tokens than data.max_length",
    "unknown_tokens": "texts with something that the tokenizer does not know",
    "empty": "rows without a text or a label",
    "short": "texts with fewer than 3 letters and digits",
    "control_characters": "texts with characters that nobody sees",
    "mojibake": "texts that were decoded wrongly",
    "unicode": "texts with letters that are not composed (NFC)",
    "markup": "texts with HTML",
}
"""Kind to what it is, in the order in which findings are listed; `audit --fail-on` takes these names."""
MOST_EXAMPLES = 3
"""Examples of a finding."""
MOST_CASES = 200
"""Cases of a finding that `--json` and the page list."""
MOST_CHARACTERS = 70
"""Characters of a text that an example shows."""


@dataclass(frozen=True)
class Finding:
    """One kind of fault, counted over all splits."""

    kind: str
    """A key of `KINDS`."""
    count: int
    """How many rows have it; of spellings and rare labels, how many labels; of cues and slices, how many of those."""
    text: str
    """The count in words."""
    examples: list[str] = field(default_factory=list)
    """A few cases with the lines they stand in; texts are shown with their hidden characters as codes."""
    override: str | None = None
    """What to type behind `tunesmith train` or `audit` to act on it; None where only an edit of the file does."""
    cases: list[dict[str, Any]] = field(default_factory=list)
    """The first cases as a table, where it says more than the examples."""


@dataclass(frozen=True)
class Audit:
    """What an audit says of a data set."""

    rows: dict[str, int]
    """Rows of each split."""
    labels: dict[str, dict[str, int]]
    """Rows of each split by label, or words by tag; empty where the task has no labels."""
    lengths: dict[str, dict[str, int]]
    """Split to the characters of its shortest, median, 95th percentile and longest text."""
    histogram: list[dict[str, int]]
    """The number of `texts` of `from` to `to` characters, in steps of about the same factor."""
    cleaned: dict[str, dict[str, dict[str, int]]]
    """What the configured steps of cleaning did before (`data/cleaning/clean.py`); the findings are of what is left."""
    findings: list[Finding]
    """In the order of `KINDS`; only kinds that some row has."""
    skipped: dict[str, str] = field(default_factory=dict)
    """Kinds that were not looked for, with the reason."""
    diversity: dict[str, float] = field(default_factory=dict)
    """How much the texts differ in their words (`data/audit/diversity.py`)."""
    tokens: dict[str, float] = field(default_factory=dict)
    """How they fit the tokenizer, if a model is named (`data/audit/tokens.py`)."""

    def counts(self) -> dict[str, int]:
        """Every kind that was looked for to its count, 0 for one that no row has."""
        looked_for = dict.fromkeys((kind for kind in KINDS if kind not in self.skipped), 0)
        return looked_for | {finding.kind: finding.count for finding in self.findings}


def example(rows: Rows, row: int, *others: str) -> str:
    """A row with its place, and other places that belong to it."""
    return f"{', '.join((row_place(rows, row), *others))}: {shown(rows.texts[row])}"


def across(splits: Mapping[str, Rows], shown_row: tuple[str, int], *others: tuple[str, int]) -> str:
    """A row with its split, beside those of other splits that it is like; each is given as the split and its row."""
    places = ", ".join(f"{row_place(splits[name], row)} ({name})" for name, row in (shown_row, *others))
    return f"{places}: {shown(splits[shown_row[0]].texts[shown_row[1]])}"


def some(examples: Iterable[str]) -> list[str]:
    """The first few."""
    return list(islice(examples, MOST_EXAMPLES))


def cases_of(table: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first `MOST_CASES`."""
    return list(table[:MOST_CASES])


def shown(text: str, at: int = 0) -> str:
    """A part of a text in quotes, with every character that a terminal obeys or hides as its code.

    Args:
        text: The text.
        at: A position that the part has to hold.
    """
    start = 0 if at < MOST_CHARACTERS - 10 else at - MOST_CHARACTERS // 2
    cut = text[start : start + MOST_CHARACTERS]
    seen = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in cut)
    return f'"{"..." * (start > 0)}{seen}{"..." * (start + MOST_CHARACTERS < len(text))}"'


def number_of(count: int, one: str, several: str | None = None) -> str:
    """A count with its noun: `1 row`, `2,500 rows`."""
    return f"{count:,} {one if count == 1 else several or f'{one}s'}"


def places_by(values: Iterable[Any]) -> dict[Any, list[int]]:
    """Each value with its positions, in order."""
    positions: dict[Any, list[int]] = {}
    for position, value in enumerate(values):
        positions.setdefault(value, []).append(position)
    return positions
