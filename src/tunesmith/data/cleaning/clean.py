"""The steps of a config, applied to rows, with every change and every removal counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tunesmith.config.construct import construct_node
from tunesmith.config.folders import expand
from tunesmith.config.schema import Data
from tunesmith.data.cleaning.step import RowStep, TextStep
from tunesmith.data.lazy import TOGETHER, LazyColumn
from tunesmith.data.progress import progress
from tunesmith.data.row_files import RowSpool
from tunesmith.data.rows import Rows
from tunesmith.data.task import RowTask
from tunesmith.errors import DataError

EMPTIED = "emptied"
"""The name under which rows are counted in whose text the steps left nothing."""


@dataclass(frozen=True)
class Removed:
    """A row that a step takes out, or would."""

    split: str
    row_id: str
    line: int | None
    step: str
    reason: str


@dataclass(frozen=True)
class Cleaned:
    """Rows as the steps leave them, with what the steps did."""

    splits: dict[str, Rows]
    counts: dict[str, dict[str, dict[str, int]]] = field(default_factory=dict)
    """Step, then `changed` (texts), `removed` or `kept` (rows with the fault that stay, in val and test), then split
    and number; only what is not 0."""
    removed: list[Removed] = field(default_factory=list)
    """In the order of steps, splits and rows."""


def steps_of(data: Data) -> tuple[dict[str, TextStep], dict[str, RowStep]]:
    """The steps of a config by name, in order: those that change texts, which come first, and those that remove rows.

    Raises:
        ConfigError: A class may not be used, or refuses its arguments.
    """
    nodes = {name: node for name, node in data.cleaning.items() if node is not None}
    steps = {name: construct_node(f"data.cleaning.{name}", node) for name, node in nodes.items()}
    texts = {name: step for name, step in steps.items() if isinstance(step, TextStep)}
    return texts, {name: step for name, step in steps.items() if isinstance(step, RowStep)}


def cleaned(splits: Mapping[str, Rows], data: Data, task: RowTask) -> Cleaned:
    """Texts cleaned in every split, and rows removed from training; from val and test only if a step says so.

    Args:
        splits: The rows of each split.
        data: The data config, whose `cleaning` names the steps.
        task: The task.

    Raises:
        ConfigError: A class of a step may not be used, or refuses its arguments.
        DataError: The texts of this task cannot be changed, or no row of training is left.
    """
    return apply_steps(splits, *steps_of(data), task, expand(data.cache_dir))


def apply_steps(
    splits: Mapping[str, Rows],
    text_steps: Mapping[str, TextStep],
    row_steps: Mapping[str, RowStep],
    task: RowTask,
    folder: Path | None = None,
) -> Cleaned:
    """The same with steps at hand, each under its name; rows without a split of training are counted alone.

    Args:
        splits: The rows of each split.
        text_steps: Steps that change texts, in order.
        row_steps: Steps that remove rows, in order.
        task: The task.
        folder: Where many rows are put down whose texts change; the system's own folder by default.

    Raises:
        DataError: The texts of this task cannot be changed, or no row of training is left.
    """
    result = Cleaned(dict(splits))
    for name, step in text_steps.items():
        for split, rows in result.splits.items():
            result.splits[split], number = _changed(rows, step, name, folder)
            _count(result, name, "changed", split, number)
    if text_steps and "train" in splits:
        remove_rows(
            result, EMPTIED, "train", {row: "nothing is left of its text" for row in _empty(result.splits["train"])}
        )
    for name, remover in row_steps.items():
        for split, rows in list(result.splits.items()):
            reasons = remover.removed(rows, task)
            if remover.only_train and split != "train":
                _count(result, name, "kept", split, len(reasons))
            else:
                remove_rows(result, name, split, reasons)
    if "train" in splits and len(splits["train"]) and not len(result.splits["train"]):
        raise DataError(f"data.cleaning leaves no rows in train: {cleaning_summary(result)}. Take steps out of it")
    return result


def clean_texts(rows: Rows, data: Data) -> Rows:
    """Rows that are to be answered or measured, with their texts as a model of this config has learned them.

    Args:
        rows: The rows; all of them stay, as many as they are.
        data: The data config of the run.
    """
    for name, step in steps_of(data)[0].items():
        rows, _ = _changed(rows, step, name, expand(data.cache_dir))
    return rows


def remove_rows(result: Cleaned, name: str, split: str, reasons: Mapping[int, str]) -> None:
    """Take rows out of a split, and enter each with its reason.

    Args:
        result: What is changed.
        name: The step that removes them.
        split: The split.
        reasons: Position to reason.
    """
    rows = result.splits[split]
    for row, reason in sorted(reasons.items()):
        line = None if rows.lines is None else rows.lines[row]
        result.removed.append(Removed(split, rows.ids[row], line, name, reason))
    if reasons:
        result.splits[split] = rows.take(_others(len(rows), list(reasons)))
    _count(result, name, "removed", split, len(reasons))


def cleaning_summary(result: Cleaned) -> str:
    """The counts in one line."""
    return "; ".join(
        f"{name} {what} {', '.join(f'{number:,} in {split}' for split, number in splits.items())}"
        for name, kinds in result.counts.items()
        for what, splits in kinds.items()
    )


def _changed(rows: Rows, step: TextStep, name: str, folder: Path | None) -> tuple[Rows, int]:
    """Rows with clean texts, and how many rows that changes."""
    if rows.words is not None or rows.messages is not None:
        what = "lists of words" if rows.words is not None else "conversations"
        raise DataError(
            f"data.cleaning.{name} changes texts, and these are {what}, which stay as they are. "
            f"Leave it out: ~data.cleaning.{name}"
        )
    return _in_parts(rows, step, folder) or _in_memory(rows, step)


def _in_parts(rows: Rows, step: TextStep, folder: Path | None) -> tuple[Rows, int] | None:
    """The same in a file; None for rows that are in memory, or have no place in a file."""
    if not len(rows) or not isinstance(rows.texts, LazyColumn):
        return None
    spool, number = RowSpool(folder), 0
    try:
        for start in progress(range(0, len(rows), TOGETHER), "cleaning", len(rows), each=TOGETHER):
            part, changed = _in_memory(rows.take(np.arange(start, min(start + TOGETHER, len(rows)))), step)
            spool.write(part)
            number += changed
        return spool.rows(), number
    except (OSError, ValueError, TypeError, KeyError):
        return None
    finally:
        spool.close()


def _in_memory(rows: Rows, step: TextStep) -> tuple[Rows, int]:
    texts = [step.clean(text) for text in progress(rows.texts, "cleaning", len(rows))]
    pairs = None if rows.pairs is None else [step.clean(text) for text in rows.pairs]
    before = zip(rows.texts, rows.pairs or rows.texts, strict=True)
    number = sum(old != new for old, new in zip(before, zip(texts, pairs or texts, strict=True), strict=True))
    return replace(rows, texts=texts, pairs=pairs), number


def _empty(rows: Rows) -> list[int]:
    pairs = rows.texts if rows.pairs is None else rows.pairs
    return [row for row, texts in enumerate(zip(rows.texts, pairs, strict=True)) if not all(map(str.strip, texts))]


def _others(number: int, rows: Sequence[int]) -> npt.NDArray[np.int64]:
    kept = np.ones(number, dtype=np.bool_)
    kept[rows] = False
    return np.flatnonzero(kept)


def _count(result: Cleaned, name: str, what: str, split: str, number: int) -> None:
    if number:
        result.counts.setdefault(name, {}).setdefault(what, {})[split] = number
