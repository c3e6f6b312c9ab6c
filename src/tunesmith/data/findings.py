"""What rows themselves show that would mislead a reader of the metrics: copies, contradictions, a single answer."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

from tunesmith.data.lines import unit_of
from tunesmith.data.repeated import Repeated, repeated_inputs
from tunesmith.data.rows import Rows
from tunesmith.data.task import RowTask

NAMED = 5
"""Places that a sentence names."""


def findings(splits: Mapping[str, Rows], task: RowTask) -> list[str]:
    """What there is to be said of the rows, a sentence each: every text is compared as it stands, but for its edges.

    Args:
        splits: The rows of each split that is looked at.
        task: The task.
    """
    inputs = repeated_inputs(splits)
    sentences = [_shared(pair, inputs, splits) for pair in combinations(splits, 2)]
    if task.contradiction is not None:
        sentences.append(_contradictions(inputs, splits, task))
        sentences += [_single(name, rows, task) for name, rows in splits.items() if name != "train"]
    return [sentence for sentence in sentences if sentence is not None]


def label_counts(rows: Rows) -> Counter[str]:
    """How many rows have each label, or how many words each tag."""
    return Counter(str(item) for label in rows.labels for item in (label if isinstance(label, tuple) else (label,)))


def _shared(pair: tuple[str, str], inputs: Repeated, splits: Mapping[str, Rows]) -> str | None:
    """Rows of one split whose input is in an earlier one."""
    first, second = pair
    origins: dict[Hashable, int] = {}
    for row, text in inputs[first].items():
        origins.setdefault(text, row)
    copies = [(row, origins[text]) for row, text in inputs[second].items() if text in origins]
    if not copies:
        return None
    places = [
        f"{_number(splits[second], row)} and {_number(splits[first], origin)}"
        for row, origin in sorted(copies, key=lambda copy: _number(splits[second], copy[0]))
    ]
    way = (
        "data.on_leak=remove takes them out of training"
        if first == "train"
        else "Leave the copies out of one of the two"
    )
    so = f"{second} metrics show what was remembered there" if first == "train" else "the weights were chosen by them"
    return (
        f"{len(copies):,} of {len(splits[second]):,} {second} rows stand in {first} word for word "
        f"({_places(splits[second], places)}): {so}. {way}"
    )


def _contradictions(inputs: Repeated, splits: Mapping[str, Rows], task: RowTask) -> str | None:
    """Texts that are to be answered in several ways, wherever they stand."""
    rows_by_input: dict[Hashable, list[tuple[Rows, int]]] = defaultdict(list)
    for name, texts in inputs.items():
        for row, text in texts.items():
            rows_by_input[text].append((splits[name], row))
    several = [
        places
        for places in rows_by_input.values()
        if len(places) > 1 and len({task.comparable(rows.labels[row]) for rows, row in places}) > 1
    ]
    if not several:
        return None
    ordered = sorted(sorted(_number(rows, row) for rows, row in places) for places in several)
    named = [_together(numbers) for numbers in ordered]
    num_rows, total = sum(map(len, several)), sum(map(len, splits.values()))
    return (
        f"{len(several):,} {'text has' if len(several) == 1 else 'texts have'} more than one {task.contradiction} "
        f"({_places(next(iter(splits.values())), named)}): {num_rows:,} of {total:,} rows, which no "
        "model can answer all rightly. Decide for one of them, or leave these rows out"
    )


def _together(numbers: Sequence[Any]) -> str:
    """The places of one text, the first of many."""
    shown = " and ".join(map(str, numbers[:NAMED]))
    return f"{shown} and {len(numbers) - NAMED} more" if len(numbers) > NAMED else shown


def _single(name: str, rows: Rows, task: RowTask) -> str | None:
    """A split that has one answer for everything."""
    kinds = {item for label in rows.labels for item in (label if isinstance(label, tuple) else (label,))}
    if not len(rows) or len(kinds) != 1:
        return None
    single = task.single(name, *kinds)
    if single is None:
        return None
    who = f"all {len(rows):,} {name} rows have" if len(rows) > 1 else f"the only {name} row has"
    return f"{who} {single[0]}: {single[1]}"


def _number(rows: Rows, row: int) -> Any:
    """How people find a row: by its line in the file, or else by its id."""
    return rows.lines[row] if rows.lines is not None else rows.ids[row]


def _places(rows: Rows, places: Sequence[str]) -> str:
    more = ", ..." if len(places) > NAMED else ""
    unit = "id" if rows.lines is None else unit_of(rows.lines[0] if rows.lines else 0)
    return f"{unit}s {', '.join(places[:NAMED])}{more}"


def counted_labels(splits: Mapping[str, Rows], labels: Sequence[str]) -> Iterator[tuple[str, dict[str, int]]]:
    """Each label with its rows in every split, in the order of the labels."""
    counts = {name: label_counts(rows) for name, rows in splits.items()}
    for label in labels:
        yield label, {name: count[label] for name, count in counts.items()}
