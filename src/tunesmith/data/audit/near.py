"""Rows whose input is nearly that of another: within a split, and across splits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tunesmith.config.schema import Data
from tunesmith.data.audit.finding import Finding, across, number_of, places_by, some
from tunesmith.data.nearness import near_copies, neighbours
from tunesmith.data.rows import Rows, as_one_text, inputs_of

NEAR = 0.7
"""Likeness (`data/nearness.py`) from which a text is nearly another, where `data.near` does not say."""
Place = tuple[str, int]
"""A split and a row in it."""


def near(splits: Mapping[str, Rows], data: Data) -> Iterator[Finding]:
    """Findings of the kinds near_leaks and near_duplicates; exact copies are none.

    Args:
        splits: The rows of each split.
        data: The data config.
    """
    threshold = NEAR if data.near is None else data.near
    own, other = nearly_the_same(splits, threshold)
    set_to = "" if data.near is None else f" data.cleaning.near_duplicates.threshold={threshold:g}"
    for kind, pairs, what, override in (
        ("near_leaks", other, "nearly as in an earlier split", f"data.on_leak=remove data.near={threshold:g}"),
        ("near_duplicates", own, "nearly as an earlier one of its split", f"data/cleaning=near_duplicates{set_to}"),
    ):
        if pairs:
            text = f"{number_of(len(pairs), 'row')} {what} (at least {threshold:.0%} alike)"
            yield Finding(kind, len(pairs), text, some(across(splits, *pair) for pair in pairs.items()), override)


def nearly_the_same(splits: Mapping[str, Rows], threshold: float) -> tuple[dict[Place, Place], dict[Place, Place]]:
    """Rows with an earlier row that they are nearly like: in their own split, and in an earlier split.

    Rows that stand there exactly are left out.

    Args:
        splits: The rows of each split.
        threshold: The least likeness.
    """
    numbers: dict[str, int] = {}
    of_split = {
        name: [numbers.setdefault(as_one_text(text), len(numbers)) for text in inputs_of(rows)]
        for name, rows in splits.items()
    }
    alike = neighbours(near_copies(list(numbers), threshold))
    first_of = {
        name: {number: rows[0] for number, rows in places_by(texts).items()} for name, texts in of_split.items()
    }
    own: dict[Place, Place] = {}
    other: dict[Place, Place] = {}
    names = list(splits)
    for place_of_split, name in enumerate(names):
        for row, number in enumerate(of_split[name]):
            if number not in alike:
                continue
            before = [first_of[name][like] for like in alike[number] if first_of[name].get(like, row) < row]
            if before and first_of[name][number] == row:
                own[name, row] = name, min(before)
            for earlier in names[:place_of_split]:
                origins = [first_of[earlier][like] for like in alike[number] if like in first_of[earlier]]
                if origins and number not in first_of[earlier]:
                    other.setdefault((name, row), (earlier, min(origins)))
    return own, other
