"""Applies `data.on_long` to rows that exceed the length limits."""

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
from tunesmith.data.lengths import Limit, cut_warning, leaves_rows, unfinished_warning
from tunesmith.data.rows import Rows
from tunesmith.data.task import RowTask
from tunesmith.errors import DataError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

log = logging.getLogger("tunesmith")

NAMED = 5
"""Maximum rows listed in an error."""


@dataclass(frozen=True)
class Fitted:
    """Rows after applying `data.on_long`, and what was lost."""

    splits: dict[str, Rows]
    cut: dict[str, dict[str, dict[str, int]]]
    """Split to kind of text to counts of what is cut (`Limit.facts`); only entries where something is."""
    dropped: dict[str, int]
    """Number of rows left out of each split, without zeros."""

    @property
    def facts(self) -> dict[str, Any]:
        """The counts for `results.json`."""
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
    """Count texts that are too long, report them, and apply `data.on_long`.

    Texts are tokenised here; the cache keeps the result for encoding.

    Args:
        splits: The rows of each split.
        tokenizer: The model's tokenizer.
        data: The data config.
        task: The task.
        family: The model's family.
        unseen: Splits that must not be looked at. Rows are dropped from them too, so a split is the same whether it is
            looked at or not.
        at_most: Largest `data.max_length` that the model accepts; None if there is no limit.

    Raises:
        DataError: With `data.on_long=error`, a row is too long; or `drop` leaves a split empty.
    """
    if data.on_long == "drop":
        fitted = drop_long(splits, tokenizer, data, task, family)
        if fitted.dropped:
            log.warning("%s", _dropped_warning(fitted.dropped, splits))
        if task.traits.output != "text":
            return fitted
        splits = fitted.splits
    looked_at = [name for name in splits if len(splits[name]) and name not in unseen]
    limits = {name: _limits(splits[name], tokenizer, data, task, family) for name in looked_at}
    if data.on_long == "error":
        _refuse_long(splits, limits)
    for number in range(max(map(len, limits.values()), default=0)):
        of_splits = {name: each[number] for name, each in limits.items()}
        for sentence in (cut_warning(of_splits, data.on_long, at_most), unfinished_warning(of_splits)):
            if sentence is not None:
                log.warning("%s", sentence)
    if data.on_long == "drop":
        return fitted
    cut = {name: {limit.what: limit.facts() for limit in each if limit.cut.any()} for name, each in limits.items()}
    return Fitted(dict(splits), {name: facts for name, facts in cut.items() if facts}, {})


def drop_long(
    splits: Mapping[str, Rows], tokenizer: PreTrainedTokenizerFast, data: Data, task: RowTask, family: Family
) -> Fitted:
    """Return the rows of every split that are within the limits.

    Args:
        splits: The rows of each split.
        tokenizer: The model's tokenizer.
        data: The data config, with `data.on_long=drop`.
        task: The task.
        family: The model's family.

    Raises:
        DataError: No row is left in a required split.
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
    """Return the limits of some rows; labels are only looked at if they are target texts."""
    if task.traits.output != "text":
        rows = dataclasses.replace(rows, labels=[None] * len(rows))
    return encode(rows, (), tokenizer, data, task, family).limits


def _long(limits: Sequence[Limit], num_rows: int) -> npt.NDArray[np.bool_]:
    """Whether any text of a row is too long, shape (rows,)."""
    long = np.zeros(num_rows, dtype=np.bool_)
    for limit in limits:
        long |= limit.cut
    return long


def _dropped_warning(dropped: Mapping[str, int], splits: Mapping[str, Rows]) -> str:
    parts = ", ".join(f"{number:,} of {len(splits[name]):,} in {name}" for name, number in dropped.items())
    total, rows = sum(dropped.values()), sum(map(len, splits.values()))
    return (
        f"{total:,} of {rows:,} rows are too long and left out, because of data.on_long=drop ({parts}): metrics are "
        "computed on the other rows only"
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
    """Return the limiting settings with their values."""
    return " or ".join(dict.fromkeys(f"{limit.key}={limit.most + limit.beside}" for limit in limits))
