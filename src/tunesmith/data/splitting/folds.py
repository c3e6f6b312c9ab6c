"""Folds: rows in parts of about equal size, of which a run validates on one and trains on the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence

import numpy as np
import numpy.typing as npt

from tunesmith.data.splitting.by_hash import split_by_hash
from tunesmith.errors import DataError
from tunesmith.seeding import derive_seed

Indices = npt.NDArray[np.int64]
Divide = Callable[[Indices, int, int], tuple[Indices, Indices]]
"""Parts positions in two: the positions, how many the second has, and a seed."""


def fold_numbers(
    labels: Sequence[str],
    folds: int,
    seed: int,
    *,
    units: Sequence[int] | None = None,
    stratified: bool = True,
    divide: Divide | None = None,
) -> Indices:
    """The fold of each row, from 0; rows of one unit are in one fold.

    Their sizes differ by one row at most if no rows have to stay together, and hardly more if only a few do.

    Args:
        labels: The label of each row.
        folds: Number of folds.
        seed: Seed of this division.
        units: The unit of each row, whose rows stay together; None if every row is one of its own.
        stratified: Whether folds keep the proportions of labels.
        divide: Parts rows in two as the method of the split does; takes the place of scikit-learn's folds where it has
            none: for rows with several labels, and for a few copies that stay together among many single rows.

    Raises:
        DataError: There are too few rows, units or rows of a label.
    """
    distinct = len(labels) if units is None else len(set(units))
    if distinct < folds:
        what = "rows" if units is None else "groups and distinct texts"
        raise DataError(
            f"there are {distinct} {what} for data.split.folds={folds}. At most data.split.folds={distinct}"
        )
    if divide is not None:
        numbers = _one_by_one(len(labels), folds, seed, divide)
    else:
        numbers = _by_scikit_learn(labels, folds, seed % 2**32, units, stratified)
    for number in range(folds):
        if not (numbers == number).any():
            raise DataError(
                f"no group is left for fold {number} of data.split.folds={folds}. Set a smaller data.split.folds, or "
                "data.split.method=random, which evens out the sizes alone"
            )
    return numbers


def _by_scikit_learn(
    labels: Sequence[str], folds: int, seed: int, units: Sequence[int] | None, stratified: bool
) -> Indices:
    numbers = np.zeros(len(labels), dtype=np.int64)
    for number, rows in enumerate(_parts(labels, folds, seed, units, stratified)):
        numbers[rows] = number
    return numbers


def _parts(
    labels: Sequence[str], folds: int, seed: int, units: Sequence[int] | None, stratified: bool
) -> list[Indices]:
    """The rows of each fold."""
    from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold

    rows, labels_array = np.zeros(len(labels)), np.asarray(labels)
    by_label = stratified and max(Counter(labels).values()) >= folds  # else no label can be in every fold
    if stratified:
        _check_labels(labels)
    if units is None:
        kind = StratifiedKFold if by_label else KFold
        return [part for _, part in kind(folds, shuffle=True, random_state=seed).split(rows, labels_array)]
    if by_label:
        by_group = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
        return [part for _, part in by_group.split(rows, labels_array, units)]
    _, compact = np.unique(np.asarray(units), return_inverse=True)
    seeded = np.random.default_rng(seed).permutation(int(compact.max()) + 1)[compact]  # orders units of equal size
    return [part for _, part in GroupKFold(folds).split(rows, groups=seeded)]


def _one_by_one(num_rows: int, folds: int, seed: int, divide: Divide) -> Indices:
    """Take one fold after another from the rows that are left; what one lacks is shared by those after it."""
    numbers, left = np.zeros(num_rows, dtype=np.int64), np.arange(num_rows)
    for number in range(folds - 1):
        left, part = divide(left, round(len(left) / (folds - number)), derive_seed(seed, "fold", number))
        numbers[part] = number
    numbers[left] = folds - 1
    return numbers


def _check_labels(labels: Sequence[str]) -> None:
    counts = Counter(labels)
    rare = sorted(label for label, count in counts.items() if count < 2)
    if rare:
        raise DataError(
            f"{len(rare)} of {len(counts)} labels have a single row for all folds (first: {rare[0]!r}), so one fold "
            "would measure it without having learned it. Add rows, or leave it out with data.where"
        )


def hash_numbers(keys: Sequence[Hashable], folds: int, seed: int) -> Indices:
    """The fold of each row as it follows from its key alone, so that an added row moves no other.

    Args:
        keys: What each row goes by.
        folds: Number of folds.
        seed: Seed of this division.
    """
    numbers = np.zeros(len(keys), dtype=np.int64)
    for number in range(1, folds):  # a row is in the last fold whose border its place is beyond
        numbers[split_by_hash(keys, 0.0, number / folds, seed)["train"]] = number
    return numbers


def forward_parts(oldest_first: Indices, folds: int, fold: int) -> tuple[Indices, Indices]:
    """The rows to train on and those of one fold in time: all older rows, and the block after them.

    There is one block more than folds; the oldest is in no fold, and newer blocks than the fold's are left out.

    Args:
        oldest_first: Positions of the rows, by time.
        folds: Number of folds.
        fold: Which one, from 0, the oldest.

    Raises:
        DataError: There are fewer rows than blocks.
    """
    from sklearn.model_selection import TimeSeriesSplit

    if len(oldest_first) <= folds:
        raise DataError(
            f"there are {len(oldest_first)} rows for data.split.folds={folds} in time, which needs one more. "
            f"At most data.split.folds={len(oldest_first) - 1}"
        )
    train, part = list(TimeSeriesSplit(folds).split(oldest_first))[fold]
    return oldest_first[train], oldest_first[part]
