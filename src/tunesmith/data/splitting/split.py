"""Division of rows into train, validation and test."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from tunesmith.config.data_files import SPLITS
from tunesmith.config.schema import Split
from tunesmith.data.lazy import taken
from tunesmith.data.mixture import OfSource
from tunesmith.data.spellings import override
from tunesmith.data.splitting.by_hash import split_by_hash
from tunesmith.data.splitting.by_labels import divide_by_labels
from tunesmith.data.splitting.by_time import order_of, split_by_time
from tunesmith.data.splitting.folds import fold_numbers, forward_parts, hash_numbers
from tunesmith.data.splitting.units import divide_units
from tunesmith.errors import DataError
from tunesmith.seeding import derive_seed
from tunesmith.suggest import nearest

MEANT = {
    **dict.fromkeys(("validation", "valid", "dev", "eval", "development", "1"), "val"),
    **dict.fromkeys(("training", "0"), "train"),
    "2": "test",
}
"""What others call the splits."""
SHORTEST = 4
"""Letters of a label from which it may be taken for a misspelling."""
COPIES_APART = "copies of a text are on both sides of the %s: there are too few distinct texts to keep them apart"
Indices = npt.NDArray[np.int64]
log = logging.getLogger("tunesmith")


def draw(
    labels: Sequence[str], num_rows: int, split: Split, label_sets: Sequence[Sequence[str]] | None = None
) -> Indices:
    """Positions of a seeded sample of rows, in file order, with label proportions kept where the split keeps them.

    Args:
        labels: The label of each row.
        num_rows: Rows of the sample.
        split: Method and seed.
        label_sets: The labels of each row, where it may have several and their proportions are kept.

    Raises:
        DataError: Fewer rows exist than are asked for.
    """
    if num_rows > len(labels):
        raise DataError(f"there are only {len(labels)} rows (received {num_rows}). At most data.num_rows={len(labels)}")
    if num_rows == len(labels):
        return np.arange(len(labels))
    if len(labels) - num_rows < len(set(labels)):  # too few to leave one out of every label
        split = split.model_copy(update={"method": "random"})
    chosen, _ = _divide(np.arange(len(labels)), labels, len(labels) - num_rows, split, label_sets=label_sets)
    return np.sort(chosen)


@dataclass(frozen=True)
class Basis:
    """What beside its label a row's split can follow from."""

    column: Sequence[str] = ()
    """The value of `data.split.column` of each row."""
    units: Sequence[int] | None = None
    """The unit of each row, whose rows stay together; None if every row is one of its own."""
    grouped: bool = False
    """Whether some units are groups, which may never be parted; copies are if there is no other way."""
    keys: Sequence[Hashable] = ()
    """What each row goes by in a split by hash."""
    lines: Sequence[int] | None = None
    """The line of each row, for messages."""
    label_sets: Sequence[Sequence[str]] | None = None
    """The labels of each row, where it may have several and their proportions are kept."""


def split_rows(labels: Sequence[str], split: Split, basis: Basis | None = None) -> dict[str, Indices]:
    """Positions of the rows of each split, in file order; disjoint, and together all rows.

    Folds in time leave out the rows that are newer than the fold. The result depends on the labels, their order,
    `basis` and `split` alone.

    Args:
        labels: The label of each row.
        split: Method, fractions of all rows, and seed.
        basis: What else the method goes by.

    Raises:
        DataError: A label is too rare to be stratified, a split comes out empty, the column names no split or no time,
            or units that stay together are too large.
    """
    basis = basis or Basis()
    if split.method == "column":
        return _by_column(basis.column)
    if split.folds is not None:
        return _in_folds(labels, split, split.folds, basis)
    if split.method == "hash":
        parts = split_by_hash(basis.keys, split.val_fraction, split.test_fraction, split.seed)
        _check_sizes(len(parts["train"]), len(parts["val"]), len(parts["test"]), split)
        return parts
    num_test, num_val = (round(len(labels) * fraction) for fraction in (split.test_fraction, split.val_fraction))
    _check_sizes(len(labels) - num_test - num_val, num_val, num_test, split)
    if split.method == "time":
        return split_by_time(order_of(basis.column, basis.lines), num_val, num_test)
    val, test = _drawn(labels, num_val, num_test, split, basis.units, basis.label_sets)
    if not basis.grouped and (len(val) == 0 < num_val or len(test) == 0 < num_test):
        log.warning(COPIES_APART, "split")
        val, test = _drawn(labels, num_val, num_test, split, None, basis.label_sets)
    _check_units(len(val), num_val, len(test), num_test)
    train = np.setdiff1d(np.arange(len(labels)), np.concatenate([val, test]))
    return {"train": train, "val": np.sort(val), "test": np.sort(test)}


def _in_folds(labels: Sequence[str], split: Split, folds: int, basis: Basis) -> dict[str, Indices]:
    """One fold as val, and the others as train; the rows of test are those without folds, and are in no fold."""
    repetition, fold = divmod(split.fold, folds)
    num_test = round(len(labels) * split.test_fraction)
    if split.method == "time":
        times = order_of(basis.column, basis.lines)
        parts = split_by_time(times, 0, num_test)
        train, val = forward_parts(np.asarray(sorted(parts["train"], key=lambda row: times[row])), folds, fold)
        return {"train": np.sort(train), "val": np.sort(val), "test": parts["test"]}
    seed = derive_seed(split.seed, "folds", repetition)
    if split.method == "hash":
        parts = split_by_hash(basis.keys, 0.0, split.test_fraction, split.seed)
        rest, test = parts["train"], parts["test"]
        numbers = hash_numbers(taken(basis.keys, rest), folds, seed)
        _check_sizes(int((numbers != fold).sum()), int((numbers == fold).sum()), len(test), split)
    else:
        units = basis.units
        rest, test = _divide(np.arange(len(labels)), labels, num_test, split, units, basis.label_sets)
        few = units is not None and len({units[row] for row in rest}) < folds
        if not basis.grouped and (few or len(test) == 0 < num_test):
            log.warning(COPIES_APART, "fold")
            units = None
            rest, test = _divide(np.arange(len(labels)), labels, num_test, split, units, basis.label_sets)
        _check_units(0, 0, len(test), num_test)
        rest = np.sort(rest)
        numbers = _numbers_of(rest, labels, split.model_copy(update={"seed": seed}), folds, replace(basis, units=units))
    return {"train": rest[numbers != fold], "val": rest[numbers == fold], "test": np.sort(test)}


def _numbers_of(rows: Indices, labels: Sequence[str], split: Split, folds: int, basis: Basis) -> Indices:
    """The fold of each of some rows; units and label sets are those of all rows."""
    stratified = split.method == "stratified"

    def divide(places: Indices, num_second: int, seed: int) -> tuple[Indices, Indices]:
        chosen, own = rows[places], split.model_copy(update={"seed": seed})
        first, second = _divide(chosen, [labels[r] for r in chosen], num_second, own, basis.units, basis.label_sets)
        return np.searchsorted(rows, np.sort(first)), np.searchsorted(rows, np.sort(second))

    copies = basis.units is not None and stratified and not basis.grouped
    return fold_numbers(
        [labels[row] for row in rows],
        folds,
        split.seed,
        units=None if basis.units is None else [basis.units[row] for row in rows],
        stratified=stratified,
        divide=divide if copies or basis.label_sets is not None else None,
    )


def _drawn(
    labels: Sequence[str],
    num_val: int,
    num_test: int,
    split: Split,
    units: Sequence[int] | None,
    label_sets: Sequence[Sequence[str]] | None,
) -> tuple[Indices, Indices]:
    """Positions of the rows of val and of test."""
    rest, test = _divide(np.arange(len(labels)), labels, num_test, split, units, label_sets)
    _, val = _divide(rest, [labels[row] for row in rest], num_val, split, units, label_sets)
    return val, test


def _check_units(num_val: int, expected_val: int, num_test: int, expected_test: int) -> None:
    for name, count, expected in (("val", num_val, expected_val), ("test", num_test, expected_test)):
        if count == 0 < expected:
            raise DataError(
                f"no group is small enough for a {name} split of {expected} rows. Set a larger "
                f"data.split.{name}_fraction, or another data.split.group_column"
            )
        if count < expected:
            log.warning(
                "%s has %d rows instead of %d: groups and copies of a text stay together", name, count, expected
            )


def _check_sizes(num_train: int, num_val: int, num_test: int, split: Split) -> None:
    val, test = f"data.split.val_fraction={split.val_fraction}", f"data.split.test_fraction={split.test_fraction}"
    empty = [
        ("train", num_train <= 0, f"{val} and {test}", "smaller fractions"),
        ("val", num_val == 0 < split.val_fraction, val, "a larger data.split.val_fraction"),
        ("test", num_test == 0 < split.test_fraction, test, "a larger data.split.test_fraction"),
    ]
    total = num_train + num_val + num_test
    for name, is_empty, fractions, remedy in empty:
        if is_empty:
            rule = f"the {name} split has no rows: too few rows (there are {total}) for {fractions}"
            raise DataError(f"{rule}. Add rows, or set {remedy}")


def _divide(
    rows: Indices,
    labels: Sequence[str],
    num_second: int,
    split: Split,
    units: Sequence[int] | None = None,
    label_sets: Sequence[Sequence[str]] | None = None,
) -> tuple[Indices, Indices]:
    """Part `rows` in two, the second of the given size; units and label sets are those of all rows."""
    if num_second == 0:
        return rows, rows[:0]
    own_units = None if units is None else np.asarray(units)[rows]
    if label_sets is not None:
        numbers = None if own_units is None else own_units.tolist()
        places = divide_by_labels([label_sets[row] for row in rows], num_second, split.seed, numbers)
        return rows[places[0]], rows[places[1]]
    if own_units is not None:
        strata = labels if split.method == "stratified" else [""] * len(rows)
        return divide_units(rows, strata, own_units, num_second, split.seed)
    from sklearn.model_selection import train_test_split

    stratify = None
    if split.method == "stratified":
        _check_strata(labels, num_second)
        number = {label: place for place, label in enumerate(sorted(set(labels)))}  # names would be 4 bytes a letter
        stratify = np.fromiter((number[label] for label in labels), dtype=np.int64, count=len(labels))
    try:
        first, second = train_test_split(rows, test_size=num_second, random_state=split.seed, stratify=stratify)
    except ValueError as error:
        raise DataError(f"the rows cannot be split: {error}. Try data.split.method=random") from None
    return first, second


def _check_strata(labels: Sequence[str], num_second: int) -> None:
    counts = Counter(labels)
    rare = sorted(label for label, count in counts.items() if count < 2)
    if rare:
        raise DataError(
            f"{len(rare)} of {len(counts)} labels have a single row left to split (first: {rare[0]!r}), so they cannot "
            f"be in every split{_slips(rare, counts)}. Is data.label_column right? Else take data.split.method=random"
        )
    if num_second < len(counts):
        raise DataError(
            f"a split of {num_second} rows cannot hold all {len(counts)} labels. "
            "Is data.label_column right? Else use more rows, or data.split.method=random"
        )


def _slips(rare: Sequence[str], counts: Mapping[str, int]) -> str:
    """What to type where rare labels are misspellings of others."""
    others = [label for label in counts if label not in rare and not isinstance(label, OfSource)]
    meant = {label: nearest(label, others) for label in rare if len(label) >= SHORTEST}
    names = {label: name for label, name in meant.items() if name is not None}
    return f". If they are misspelt: {override(names)}" if names else ""


def parts_by_name(names: Sequence[str]) -> dict[str, Indices]:
    """Positions of the rows of each split, in file order.

    Args:
        names: The split of each row.
    """
    array = np.asarray(names)
    return {name: np.flatnonzero(array == name) for name in SPLITS}


def _by_column(column: Sequence[str]) -> dict[str, Indices]:
    unknown = sorted(set(column) - set(SPLITS))
    if unknown:
        meant = {name: MEANT.get(name.strip().lower(), name.strip().lower()) for name in unknown}
        hints = [f"{name!r} is called {meant[name]!r} here" for name in unknown if meant[name] in SPLITS]
        hint = f". Rename them in the file: {', '.join(hints)}" if hints else ""
        holds, may_hold = (", ".join(map(repr, names)) for names in (unknown[:5], SPLITS))
        raise DataError(f"data.split.column holds {holds}; it may hold {may_hold}{hint}")
    parts = parts_by_name(column)
    for name in ("train", "val"):
        if not len(parts[name]):
            raise DataError(f"data.split.column puts no row into {name!r}")
    return parts
