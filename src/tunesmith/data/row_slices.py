"""Gives rows the values of the columns by which they are measured."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace

from tunesmith.config.schema import Data
from tunesmith.data.rows import Rows

KEY = "evaluation.slices"


def with_slices(splits: Mapping[str, Rows], data: Data, columns: Sequence[str]) -> dict[str, Rows]:
    """The same rows with the value of each column, from the files that they were read from.

    Args:
        splits: The rows of each split.
        data: The data config.
        columns: Names of columns, dotted paths to fields, or `source`, the source of rows from several.

    Raises:
        ConfigError: No record has such a column.
        DataError: The files cannot be read.
    """
    if not columns:
        return dict(splits)

    from tunesmith.data.audit.slices import slice_values  # imports numpy

    values = slice_values(splits, data, columns, KEY)
    each = (dict(zip(values, own, strict=True)) for own in zip(*values.values(), strict=True))
    return {name: replace(rows, slices=list(itertools.islice(each, len(rows)))) for name, rows in splits.items()}
