"""A data set as a run sees it: rows by split, their labels, their identity. No torch."""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import replace

from tunesmith.config.data_files import SPLITS, named_data, names_by_split
from tunesmith.config.schema import Data, Split
from tunesmith.data.examples import Label
from tunesmith.data.lazy import row_by_row
from tunesmith.data.lines import numbered
from tunesmith.data.mixture import strata_by_source
from tunesmith.data.reading import read_rows
from tunesmith.data.rows import Rows, inputs_of
from tunesmith.data.sources.hub import with_files
from tunesmith.data.spellings import folded, override
from tunesmith.data.splitting.as_in_run import splits_as_in_run
from tunesmith.data.splitting.groups import warn_of_divided_groups
from tunesmith.data.splitting.split import Basis, Indices, draw, parts_by_name, split_rows
from tunesmith.data.splitting.units import units_of
from tunesmith.data.task import RowTask
from tunesmith.errors import DataError

log = logging.getLogger("tunesmith")
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
    data = with_files(data)
    split, strata = data.split, strata_by_source(task.strata(rows.labels), rows)
    if strata is None:
        split = split.model_copy(update={"method": "random" if split.method == "stratified" else split.method})
        strata = [""] * len(rows)
    try:
        if split.from_run is not None:
            rows = replace(rows, splits=splits_as_in_run(rows, data))
        if data.num_rows is not None:
            each, sets = _in_each(strata, rows, data), _label_sets(rows, data, task)
            beside = None if sets is None else [(*labels, name) for labels, name in zip(sets, each, strict=True)]
            chosen = draw(each, data.num_rows, split, beside)
            rows, strata = rows.take(chosen), [strata[i] for i in chosen]
        if split.from_run is not None:
            parts = parts_by_name(rows.splits or ())
        elif None in names_by_split(data.path):
            parts = split_rows(strata, split, _basis(rows, data, task))
        else:
            parts = _completed(rows, strata, split, data, task)
    except DataError as error:
        raise DataError(f"{named_data(data)}: {error}") from None
    splits = {name: rows.take(indices) for name, indices in parts.items()}
    if left_out := len(rows) - sum(map(len, parts.values())):
        log.info("fold %d in time leaves out the %d rows that are newer than its own", split.fold, left_out)
    if rows.groups is not None:
        warn_of_divided_groups(splits, data)
    return splits


def _label_sets(rows: Rows, data: Data, task: RowTask) -> list[tuple[str, ...]] | None:
    """The labels of each row, where it may have several and their proportions are to be kept."""
    split = data.split
    if not task.traits.several or (split.method, split.multi_label) != ("stratified", "stratified"):
        return None
    sources = [()] * len(rows) if rows.sources is None else [(f"from {name}",) for name in rows.sources]
    return [(*(label if isinstance(label, tuple) else ()), *of) for label, of in zip(rows.labels, sources, strict=True)]


def _basis(rows: Rows, data: Data, task: RowTask) -> Basis:
    """What a division of these rows goes by beside their labels."""
    keys: Sequence[Hashable] = ()
    if data.split.method == "hash":
        by_id = data.id_column is not None and data.split.duplicates == "apart"
        own: Sequence[Hashable] = rows.ids if by_id else inputs_of(rows)
        keys = own if rows.groups is None else row_by_row(lambda group, key: group or key, rows.groups, own)
    if rows.groups is not None and (lone := rows.groups.count("")):
        message = "%d of %d rows have nothing in data.split.group_column=%s: each is a group of its own"
        log.warning(message, lone, len(rows), data.split.group_column)
    whole = data.split.method in ("stratified", "random")
    units = units_of(rows, duplicates=data.split.duplicates == "together") if whole else None
    return Basis(rows.splits or (), units, rows.groups is not None, keys, rows.lines, _label_sets(rows, data, task))


def _completed(rows: Rows, strata: Sequence[str], split: Split, data: Data, task: RowTask) -> dict[str, Indices]:
    """Positions of the rows of each split, as the files say; a split without a file is drawn from those of train.

    Raises:
        DataError: A file has no rows, or those of train cannot be divided.
    """
    named = [name for name in names_by_split(data.path) if name is not None]
    parts = parts_by_name(rows.splits or ())
    for name in named:
        if not len(parts[name]):
            raise DataError(f"no rows for {name} in data.path.{name}. Name another file, or leave it out")
    train = parts["train"]
    own = split.model_copy(update={f"{name}_fraction": 0.0 for name in named if name != "train"})
    drawn = split_rows([strata[int(i)] for i in train], own, _basis(rows.take(train), data, task))
    for name in [name for name in SPLITS if name not in named and len(drawn[name])]:
        fraction = f"data.split.{name}_fraction={getattr(split, f'{name}_fraction')}"
        if name == "val" and split.folds is not None:
            fraction = f"fold {split.fold} of data.split.folds={split.folds}"
        message = "no file for %s: %d of the %d rows of train are taken (%s)"
        log.info(message, name, len(drawn[name]), len(train), fraction, extra={"once": True})
    return parts | {name: train[drawn[name]] for name in SPLITS if name not in named or name == "train"}


def _in_each(strata: Sequence[str], rows: Rows, data: Data) -> Sequence[str]:
    """What is to be drawn from in proportion: the labels, in each split that rows have by file or by an earlier run."""
    if (None in names_by_split(data.path) and data.split.from_run is None) or rows.splits is None:
        return strata
    return [f"{label} in {split}" for label, split in zip(strata, rows.splits, strict=True)]


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


def learned_labels(splits: Mapping[str, Rows], data: Data, task: RowTask) -> list[str]:
    """The names of the outputs of a model that learns these rows, in the order of its logits.

    Raises:
        DataError: The labels cannot be learned; the message names the files.
    """
    try:
        return task.label_names(splits, data.label_column)
    except DataError as error:
        raise DataError(f"{named_data(data)}: {error}") from None


def distinct(rows: Rows) -> set[str]:
    """Every label or tag that occurs."""
    return {str(item) for label in rows.labels for item in (label if _several(label) else (label,))}  # type: ignore[union-attr]


def _several(label: Label) -> bool:
    return isinstance(label, tuple)


def data_fingerprint(splits: dict[str, Rows]) -> str:
    """Hash of all rows with the split that each is in (hex): two runs with the same one saw the same data."""
    return hashlib.sha256(json.dumps({name: rows.sha256() for name, rows in splits.items()}).encode()).hexdigest()
