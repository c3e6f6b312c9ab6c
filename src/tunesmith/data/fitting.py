"""Rows held to the limits on length, before anything is made of them: `data.on_long`."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tunesmith.config.families import Family
from tunesmith.config.schema import Data
from tunesmith.data.encoding import encode
from tunesmith.data.lengths import Limit, leaves_rows, told
from tunesmith.data.rows import Rows
from tunesmith.data.task import RowTask
from tunesmith.errors import DataError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

log = logging.getLogger("tunesmith")

NAMED = 5
"""Rows that a refusal names."""


@dataclass(frozen=True)
class Fitted:
    """Rows as `data.on_long` leaves them, with what was lost."""

    splits: dict[str, Rows]
    cut: dict[str, dict[str, dict[str, int]]]
    """Split, kind of text, and the numbers of what is cut (`Limit.facts`); only where something is."""
    dropped: dict[str, int]
    """Rows of each split that are left out; only where there are some."""

    @property
    def facts(self) -> dict[str, Any]:
        """The same for `results.json`."""
        return {"cut": self.cut, **({"num_rows_dropped": self.dropped} if self.dropped else {})}


def fit(
    splits: Mapping[str, Rows],
    tokenizer: PreTrainedTokenizerFast,
    data: Data,
    task: RowTask,
    family: Family,
    *,
    unseen: Sequence[str] = (),
    at_most: int | None = None,
) -> Fitted:
    """Count what is too long, say it, and do what `data.on_long` asks for.

    Texts are tokenised here; the cache keeps them for the samples that are made of them.

    Args:
        splits: The rows of each split.
        tokenizer: The model's tokenizer.
        data: The data config.
        task: The task.
        family: The model's family.
        unseen: Splits that are not to be looked at. Rows are dropped from them too, so that a split is the same
            whether it is looked at or not.
        at_most: Largest `data.max_length` that the model can take; None where there is no limit.

    Raises:
        DataError: A row is too long where `data.on_long=error`, or `drop` leaves nothing of a split.
    """
    if data.on_long == "drop":
        fitted = drop_long(splits, tokenizer, data, task, family)
        if fitted.dropped:
            log.warning("%s", _told_of_dropped(fitted.dropped, splits))
        return fitted
    looked_at = [name for name in splits if len(splits[name]) and name not in unseen]
    limits = {name: _limits(splits[name], tokenizer, data, task, family) for name in looked_at}
    if data.on_long == "error":
        _refuse_long(splits, limits)
    for number in range(max(map(len, limits.values()), default=0)):
        sentence = told({name: each[number] for name, each in limits.items()}, data.on_long, at_most)
        if sentence is not None:
            log.warning("%s", sentence)
    cut = {name: {limit.what: limit.facts() for limit in each if limit.cut.any()} for name, each in limits.items()}
    return Fitted(dict(splits), {name: facts for name, facts in cut.items() if facts}, {})


def drop_long(
    splits: Mapping[str, Rows], tokenizer: PreTrainedTokenizerFast, data: Data, task: RowTask, family: Family
) -> Fitted:
    """The rows that are within the limits, of every split.

    Args:
        splits: The rows of each split.
        tokenizer: The model's tokenizer.
        data: The data config, of a run with `data.on_long=drop`.
        task: The task.
        family: The model's family.

    Raises:
        DataError: Nothing is left of a split that is needed.
    """
    kept, dropped = dict(splits), {}
    for name, rows in splits.items():
        limits = _limits(rows, tokenizer, data, task, family) if len(rows) else ()
        long = _long(limits, len(rows))
        if not long.any():
            continue
        if long.all() and name != "test":
            raise DataError(
                f"data.on_long=drop leaves no rows in {name}: all {len(rows)} are longer than {_keys(limits)}. "
                "Raise that, or set data.on_long=cut"
            )
        kept[name], dropped[name] = rows.take(np.flatnonzero(~long)), int(long.sum())
    return Fitted(kept, {}, dropped)


def _limits(
    rows: Rows, tokenizer: PreTrainedTokenizerFast, data: Data, task: RowTask, family: Family
) -> Sequence[Limit]:
    """The limits of some rows; their labels are looked at only where they are texts to be written."""
    if task.traits.output != "text":
        rows = dataclasses.replace(rows, labels=[None] * len(rows))
    return encode(rows, (), tokenizer, data, task, family).limits


def _long(limits: Sequence[Limit], num_rows: int) -> npt.NDArray[np.bool_]:
    """Whether a row is too long in any of its texts, shape (rows,)."""
    long = np.zeros(num_rows, dtype=np.bool_)
    for limit in limits:
        long |= limit.cut
    return long


def _told_of_dropped(dropped: Mapping[str, int], splits: Mapping[str, Rows]) -> str:
    parts = ", ".join(f"{number:,} of {len(splits[name]):,} in {name}" for name, number in dropped.items())
    total, rows = sum(dropped.values()), sum(map(len, splits.values()))
    return (
        f"{total:,} of {rows:,} rows are too long and left out, as data.on_long=drop asks ({parts}): the metrics are "
        "over the other rows alone"
    )


def _refuse_long(splits: Mapping[str, Rows], limits: Mapping[str, Sequence[Limit]]) -> None:
    named: list[str] = []
    number = 0
    for split, each in limits.items():
        rows = np.flatnonzero(_long(each, len(splits[split])))
        number += len(rows)
        for row in rows[: NAMED - len(named)]:
            limit = next(limit for limit in each if limit.cut[row])
            named.append(f"id {splits[split].ids[row]!r} in {split} ({limit.whole[row]} tokens)")
    if number:
        total = sum(len(splits[split]) for split in limits)
        more = ", ..." if number > len(named) else ""
        droppable = all(leaves_rows({name: limit}) for name, each in limits.items() for limit in each)
        raise DataError(
            f"{number} of {total} rows are longer than {_keys(next(iter(limits.values())))}, which data.on_long=error "
            f"refuses: {', '.join(named)}{more}. Shorten them, raise that limit, or set "
            f"data.on_long={'drop' if droppable else 'cut'}"
        )


def _keys(limits: Sequence[Limit]) -> str:
    """The settings that limit, with their values."""
    return " or ".join(dict.fromkeys(f"{limit.key}={limit.most + limit.beside}" for limit in limits))
