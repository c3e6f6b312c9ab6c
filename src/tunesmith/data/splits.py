"""A data set as a run sees it: rows by split, their labels, their identity. No torch."""

from __future__ import annotations

import hashlib
import json
import re

from tunesmith.config.schema import Data
from tunesmith.data.sources import Rows, read_rows
from tunesmith.data.splitting import draw, split_rows
from tunesmith.errors import DataError

WHOLE_NUMBER = re.compile(r"-?[0-9]{1,1000}")


def read_splits(data: Data) -> dict[str, Rows]:
    """The rows of each split, read and divided as configured.

    Raises:
        DataError: The data cannot be read or divided so.
    """
    rows = read_rows(data)
    if data.num_rows is not None:
        rows = rows.take(draw(rows.labels, data.num_rows, data.split))
    parts = split_rows(rows.labels, data.split, rows.splits)
    return {name: rows.take(indices) for name, indices in parts.items()}


def label_names(splits: dict[str, Rows]) -> list[str]:
    """The labels of a classification data set in order: whole numbers by value, anything else by name.

    Raises:
        DataError: There are fewer than two, or one occurs outside the training rows only.
    """
    trained = set(splits["train"].labels)
    for name, rows in splits.items():
        unseen = sorted(set(rows.labels) - trained)
        if unseen:
            raise DataError(f"the label {unseen[0]!r} occurs in {name} but never in train, so it cannot be learned")
    if len(trained) < 2:
        raise DataError(f"classification needs at least two labels; the data has only {sorted(trained)}")
    numeric = all(WHOLE_NUMBER.fullmatch(label) for label in trained)
    return sorted(trained, key=(lambda label: (int(label), label)) if numeric else None)


def fingerprint(splits: dict[str, Rows]) -> str:
    """Hash of all rows with the split that each is in (hex): two runs with the same one saw the same data."""
    return hashlib.sha256(json.dumps({name: rows.sha256() for name, rows in splits.items()}).encode()).hexdigest()
