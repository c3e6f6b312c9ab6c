"""Rows with the same input: within a split, across splits, and under several labels."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from itertools import combinations

from tunesmith.data.audit.finding import Finding, across, example, number_of, places_by, some
from tunesmith.data.rows import Rows, inputs_of, row_place
from tunesmith.data.task import RowTask


def copies(splits: Mapping[str, Rows], task: RowTask) -> Iterator[Finding]:
    """Findings of the kinds leaks, conflicts and duplicates.

    Args:
        splits: The rows of each split.
        task: The task, which says what rows contradict each other in.
    """
    inputs = {name: inputs_of(rows) for name, rows in splits.items()}
    yield from _leaks(splits, inputs)
    if task.contradiction is not None:
        yield from _conflicts(splits, inputs, task)
    yield from _duplicates(splits, inputs, task)


def _leaks(splits: Mapping[str, Rows], inputs: Mapping[str, Sequence[Hashable]]) -> Iterator[Finding]:
    parts, examples, total = [], [], 0
    for first, second in combinations(splits, 2):
        origins = {text: rows[0] for text, rows in places_by(inputs[first]).items()}
        having = [row for row, text in enumerate(inputs[second]) if text in origins]
        if not having:
            continue
        total += len(having)
        parts.append(f"{len(having):,} of {number_of(len(splits[second]), f'{second} row')} in {first}")
        examples += [across(splits, (second, row), (first, origins[inputs[second][row]])) for row in having[:3]]
    if total:
        text = f"{', '.join(parts)}: metrics there show what was remembered"
        yield Finding("leaks", total, text, some(examples), "data.on_leak=remove")


def _conflicts(
    splits: Mapping[str, Rows], inputs: Mapping[str, Sequence[Hashable]], task: RowTask
) -> Iterator[Finding]:
    everywhere = [(rows, row) for rows in splits.values() for row in range(len(rows))]
    positions = places_by(text for name in splits for text in inputs[name])
    labels = [task.comparable(rows.labels[row]) for rows, row in everywhere]
    several = [same for same in positions.values() if len({labels[position] for position in same}) > 1]
    if several:
        num_rows = sum(map(len, several))
        text = (
            f"{number_of(len(several), 'text')} in {number_of(num_rows, 'row')} with more than one "
            f"{task.contradiction}, which no model can answer all rightly"
        )
        examples = some(_contradicting(same, everywhere) for same in several)
        yield Finding("conflicts", num_rows, text, examples, "data/cleaning=conflicts")


def _contradicting(same: Sequence[int], everywhere: Sequence[tuple[Rows, int]]) -> str:
    rows, first = everywhere[same[0]]
    answers = [f"{row_place(*everywhere[position])} is {_answer(*everywhere[position])}" for position in same[:3]]
    return f"{'; '.join(answers)}: {example(rows, first).partition(': ')[2]}"


def _answer(rows: Rows, row: int) -> str:
    label = rows.labels[row]
    return "|".join(map(str, label)) if isinstance(label, tuple) else str(label)


def _duplicates(
    splits: Mapping[str, Rows], inputs: Mapping[str, Sequence[Hashable]], task: RowTask
) -> Iterator[Finding]:
    parts, examples, total = [], [], 0
    for name, rows in splits.items():
        keys = zip(inputs[name], map(task.comparable, rows.labels), strict=True)
        groups = [same for same in places_by(keys).values() if len(same) > 1]
        count = sum(len(same) - 1 for same in groups)
        total += count
        parts += [f"{count:,} in {name}"] if count else []
        examples += [example(rows, row, row_place(rows, first)) for first, row, *_ in groups[:3]]
    if total:
        text = f"{number_of(total, 'row repeats', 'rows repeat')} an earlier one with its label ({', '.join(parts)})"
        yield Finding("duplicates", total, text, some(examples), "data/cleaning=duplicates")
