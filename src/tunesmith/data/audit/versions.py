"""Two versions of a data set: rows added, removed and relabelled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tunesmith.config.schema import Data
from tunesmith.data.audit.finding import MOST_EXAMPLES, example, places_by, some
from tunesmith.data.reading import read_rows
from tunesmith.data.rows import Rows, inputs_of, row_place
from tunesmith.data.task import RowTask


@dataclass
class Changes:
    """How a data set differs from an earlier version."""

    known_by: str
    """What makes two rows the same one: `content`, or the `data.id_column`."""
    rows: dict[str, int]
    """Rows `then` and `now`."""
    added: list[int] = field(default_factory=list)
    """Positions of new rows, among those of now."""
    removed: list[int] = field(default_factory=list)
    """Positions of rows that are gone, among those of then."""
    relabelled: list[tuple[int, int]] = field(default_factory=list)
    """Positions then and now of rows with another label."""
    edited: list[tuple[int, int]] = field(default_factory=list)
    """Positions then and now of rows with the same id and another input."""
    labels: dict[str, dict[str, int]] = field(default_factory=dict)
    """Label to the rows that have it `then` and `now`, and those `added`, `removed`, relabelled `to` and `from` it."""
    examples: dict[str, list[str]] = field(default_factory=dict)
    """A few rows of each kind with their places."""

    def plain(self) -> dict[str, Any]:
        """The same for a JSON file, with counts in place of positions."""
        kinds = {kind: len(getattr(self, kind)) for kind in ("added", "removed", "relabelled", "edited")}
        return {"known_by": self.known_by, "rows": self.rows, **kinds, "labels": self.labels, "examples": self.examples}


def version_changes(data: Data, earlier: str, task: RowTask) -> Changes:
    """Read both versions with the same columns and labels, and compare their rows.

    Args:
        data: The data config of now.
        earlier: The file of then, or a pattern.
        task: The task.

    Raises:
        DataError: One of them cannot be read.
    """
    lenient = data.model_copy(update={"on_empty": "drop"})
    now = read_rows(lenient, task, left_out=[])
    then = read_rows(lenient.model_copy(update={"path": earlier, "sources": {}}), task, left_out=[])
    return compare_versions(then, now, task, data.id_column)


def compare_versions(then: Rows, now: Rows, task: RowTask, id_column: str | None) -> Changes:
    """Compare rows; of copies, those with the same label are taken for the same first.

    Args:
        then: The rows of the earlier version.
        now: The rows of the later version.
        task: The task.
        id_column: The column of ids, if there is one; without it, rows are known by their input.
    """
    inputs = {id(rows): inputs_of(rows) for rows in (then, now)}
    changes = Changes(id_column or "content", {"then": len(then), "now": len(now)})
    keys: list[Sequence[Hashable]] = [rows.ids if id_column else inputs[id(rows)] for rows in (then, now)]
    before, after = map(places_by, keys)
    for key in dict.fromkeys([*before, *after]):
        pairs, gone, new = _paired(before.get(key, []), after.get(key, []), then, now, task)
        changes.relabelled += pairs
        changes.removed += gone
        changes.added += new
        if id_column and key in before and key in after:
            one, other = before[key][0], after[key][0]
            changes.edited += [(one, other)] if inputs[id(then)][one] != inputs[id(now)][other] else []
    if task.traits.output == "labels":
        changes.labels = _by_label(changes, then, now)
    changes.examples = _examples(changes, then, now)
    return changes


def _paired(
    before: Sequence[int], after: Sequence[int], then: Rows, now: Rows, task: RowTask
) -> tuple[list[tuple[int, int]], list[int], list[int]]:
    """Rows of one input or id: pairs with different labels, those that are gone, and those that are new."""
    left = Counter(task.comparable(now.labels[row]) for row in after)
    gone = []
    for row in before:
        label = task.comparable(then.labels[row])
        if left[label]:
            left[label] -= 1
        else:
            gone.append(row)
    new: list[int] = []
    for row in reversed(after):
        label = task.comparable(now.labels[row])
        if left[label]:
            left[label] -= 1
            new.insert(0, row)
    pairs = list(zip(gone, new, strict=False))
    return pairs, gone[len(pairs) :], new[len(pairs) :]


def _by_label(changes: Changes, then: Rows, now: Rows) -> dict[str, dict[str, int]]:
    whole = {"then": (then, range(len(then))), "now": (now, range(len(now)))}
    parts: dict[str, tuple[Rows, Sequence[int]]] = whole | {
        "added": (now, changes.added),
        "removed": (then, changes.removed),
        "to": (now, [row for _, row in changes.relabelled]),
        "from": (then, [row for row, _ in changes.relabelled]),
    }
    counts = {
        name: Counter(label for row in positions for label in _labels(rows, row))
        for name, (rows, positions) in parts.items()
    }
    return {
        label: {name: count[label] for name, count in counts.items()}
        for label in sorted(counts["then"] | counts["now"])
    }


def _labels(rows: Rows, row: int) -> set[str]:
    label = rows.labels[row]
    return set(map(str, label)) if isinstance(label, tuple) else {str(label)}


def _examples(changes: Changes, then: Rows, now: Rows) -> dict[str, list[str]]:
    shown = {
        "added": [example(now, row) for row in changes.added[:MOST_EXAMPLES]],
        "removed": [example(then, row) for row in changes.removed[:MOST_EXAMPLES]],
        "relabelled": some(
            f"{_answer(then, before)} -> {_answer(now, after)}: {example(now, after)}"
            for before, after in changes.relabelled
        ),
        "edited": some(f"{row_place(then, before)} -> {example(now, after)}" for before, after in changes.edited),
    }
    return {kind: texts for kind, texts in shown.items() if texts}


def _answer(rows: Rows, row: int) -> str:
    label = rows.labels[row]
    return "|".join(map(str, label)) if isinstance(label, tuple) else str(label)
