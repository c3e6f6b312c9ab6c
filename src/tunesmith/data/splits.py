"""A data set as a run sees it: rows by split, their labels, their identity. No torch."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Hashable, Mapping, Sequence

from tunesmith.config.schema import Data
from tunesmith.data.examples import Label
from tunesmith.data.lines import numbered
from tunesmith.data.reading import read_rows
from tunesmith.data.rows import Rows, inputs_of
from tunesmith.data.spellings import folded, override
from tunesmith.data.splitting.split import Basis, draw, split_rows
from tunesmith.data.splitting.units import units_of
from tunesmith.data.task import RowTask
from tunesmith.errors import DataError

WHOLE_NUMBER = re.compile(r"-?[0-9]{1,1000}")


def read_splits(data: Data, task: RowTask) -> dict[str, Rows]:
    """The rows of each split, read and divided as configured.

    Raises:
        DataError: The data cannot be read or divided so.
    """
    return divided(read_rows(data, task), data, task)


def divided(rows: Rows, data: Data, task: RowTask) -> dict[str, Rows]:
    """The rows of each split, drawn and divided as configured.

    Raises:
        DataError: They cannot be divided so.
    """
    split, strata = data.split, task.strata(rows.labels)
    if strata is None:
        split = split.model_copy(update={"method": "random" if split.method == "stratified" else split.method})
        strata = [""] * len(rows)
    try:
        if data.num_rows is not None:
            chosen = draw(strata, data.num_rows, split)
            rows, strata = rows.take(chosen), [strata[i] for i in chosen]
        parts = split_rows(strata, split, _basis(rows, data))
    except DataError as error:
        raise DataError(f"{data.path}: {error}") from None
    return {name: rows.take(indices) for name, indices in parts.items()}


def _basis(rows: Rows, data: Data) -> Basis:
    """What a division of these rows goes by beside their labels."""
    keys: Sequence[Hashable] = ()
    if data.split.method == "hash":
        by_id = data.id_column is not None and data.split.duplicates == "apart"
        keys = rows.groups or (rows.ids if by_id else inputs_of(rows))
    whole = data.split.method in ("stratified", "random")
    units = units_of(rows, duplicates=data.split.duplicates == "together") if whole else None
    return Basis(rows.splits or (), units, keys, rows.lines)


def names_of_labels(splits: Mapping[str, Rows], column: str, *, task: str, needed: int) -> list[str]:
    """The names of labels or tags in order: whole numbers by value, others by name.

    Args:
        splits: The rows of each split.
        column: Name of the column with the labels.
        task: The task in words.
        needed: How many there must be.

    Raises:
        DataError: There are too few, or one occurs outside the training rows only.
    """
    trained = distinct(splits["train"])
    for name, rows in splits.items():
        refuse_unknown(rows, trained, f"the label {{}} occurs in {name} but never in train, so it cannot be learned")
    if len(trained) < needed:
        raise DataError(
            f"{task} needs at least {'one label' if needed == 1 else 'two labels'}; "
            f"the data has only {sorted(trained)} in column {column!r}. "
            "Name another with data.label_column=..., or add rows with other labels"
        )
    numeric = all(WHOLE_NUMBER.fullmatch(label) for label in trained)
    return sorted(trained, key=(lambda label: (int(label), label)) if numeric else None)


def refuse_unknown(rows: Rows, known: Collection[str], fault: str) -> None:
    """Refuse rows with a label that is not known.

    Args:
        rows: The rows.
        known: The labels that may occur.
        fault: What is wrong with another, with `{}` for its name.

    Raises:
        DataError: There is one; the message names its first row, and the label that it may be a spelling of.
    """
    unseen = sorted(distinct(rows) - set(known))
    if not unseen:
        return
    label = unseen[0]
    having = [place for place, labels in enumerate(rows.labels) if label in (labels if _several(labels) else (labels,))]  # type: ignore[operator]
    line = f", {numbered(rows.lines[having[0]])}" if rows.lines else ""
    place = f"{len(having)} row{'s' if len(having) > 1 else ''}, first: id {rows.ids[having[0]]!r}{line}"
    others = f"; so with {len(unseen) - 1} more labels" if len(unseen) > 1 else ""
    same = next((name for name in sorted(known) if folded(name) == folded(label)), None)
    hint = f". If it means {same!r}: {override({label: same})}" if same is not None else ""
    raise DataError(f"{fault.replace('{}', repr(label), 1)} ({place}){others}{hint}")


def distinct(rows: Rows) -> set[str]:
    """Every label or tag that occurs."""
    return {str(item) for label in rows.labels for item in (label if _several(label) else (label,))}  # type: ignore[union-attr]


def _several(label: Label) -> bool:
    return isinstance(label, tuple)


def data_fingerprint(splits: dict[str, Rows]) -> str:
    """Hash of all rows with the split that each is in (hex): two runs with the same one saw the same data."""
    return hashlib.sha256(json.dumps({name: rows.sha256() for name, rows in splits.items()}).encode()).hexdigest()
