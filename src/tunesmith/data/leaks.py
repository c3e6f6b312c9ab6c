"""Rows of training that stand in val or test too: `data.on_leak`."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

from tunesmith.config.schema import Data
from tunesmith.data.cleaning.clean import Cleaned, Removed, remove_rows
from tunesmith.data.lines import numbered
from tunesmith.data.nearness import near_copies, neighbours
from tunesmith.data.repeated import repeated_inputs
from tunesmith.data.rows import Rows, as_one_text, inputs_of, row_place
from tunesmith.errors import DataError

NAME = "on_leak"
"""Under which rows are counted that are taken out of training."""
NAMED = 5
"""Rows that a sentence names."""


def leaks(splits: Mapping[str, Rows], near: float | None) -> dict[int, str]:
    """Positions of rows of train whose input is one of val or test, each with where it stands there.

    Args:
        splits: The rows of each split.
        near: Likeness (`data/nearness.py`) from which a text is another; None takes equal ones alone.
    """
    inputs: Mapping[str, Mapping[int, Hashable]]
    if near is None:  # equal inputs alone: those that only one row has need not be looked at
        inputs = repeated_inputs(splits)
    else:
        inputs = {name: dict(enumerate(inputs_of(rows))) for name, rows in splits.items()}
    held: dict[Hashable, str] = {}
    for name, rows in splits.items():
        for row, text in inputs[name].items() if name != "train" else ():
            held.setdefault(text, f"{row_place(rows, row)} of {name}")
    own = inputs.get("train", {})
    exact = {row: f"is {held[text]}" for row, text in own.items() if text in held}
    return exact if near is None else exact | _near(list(own.values()), held, exact, near)


def without_leaks(result: Cleaned, data: Data) -> Cleaned:
    """Rows as they are with `data.on_leak=remove`; otherwise the same.

    Raises:
        DataError: Nothing is left to train on.
    """
    if data.on_leak != "remove":
        return result
    reasons = leaks(result.splits, data.near)
    if reasons and len(reasons) == len(result.splits["train"]):
        raise DataError("every row of train stands in val or test: data.on_leak=remove leaves nothing to train on")
    remove_rows(result, NAME, "train", reasons)
    return result


def leak_sentence(splits: Mapping[str, Rows], data: Data) -> str | None:
    """What is to be said of rows of train that stand in val or test, with their places; None if none does."""
    reasons = leaks(splits, data.near)
    if not reasons:
        return None
    rows = splits["train"]
    places = [f"{row_place(rows, row)} {where}" for row, where in sorted(reasons.items())[:NAMED]]
    return f"{_counted(len(reasons), len(rows), data)} ({', '.join(places)}{', ...' if len(reasons) > NAMED else ''})"


def removed_sentence(removed: list[Removed], data: Data, num_rows: int) -> str | None:
    """What is to be said of rows that were taken out of training; None if none was."""
    rows = [row for row in removed if row.step == NAME]
    if not rows:
        return None
    places = [f"{f'id {row.row_id!r}' if row.line is None else numbered(row.line)} {row.reason}" for row in rows]
    named = f"{', '.join(places[:NAMED])}{', ...' if len(rows) > NAMED else ''}"
    return f"{_counted(len(rows), num_rows, data)} and are taken out of training ({named})"


def _counted(number: int, num_rows: int, data: Data) -> str:
    how = "" if data.near is None else f" (word for word, or at least {data.near:.0%} alike)"
    return f"{number:,} of {num_rows:,} train rows stand in val or test{how}"


def _near(
    inputs: list[Hashable], held: Mapping[Hashable, str], exact: Mapping[int, str], threshold: float
) -> dict[int, str]:
    numbers: dict[str, int] = {}
    for text in (*map(as_one_text, inputs), *map(as_one_text, held)):
        numbers.setdefault(text, len(numbers))
    place_of = {numbers[as_one_text(text)]: place for text, place in held.items()}
    alike = neighbours(near_copies(list(numbers), threshold))
    near = {}
    for row, number in enumerate(numbers[as_one_text(each)] for each in inputs):
        others = [other for other in alike.get(number, ()) if other in place_of]
        if others and row not in exact:
            near[row] = f"is nearly {place_of[min(others)]}"
    return near
