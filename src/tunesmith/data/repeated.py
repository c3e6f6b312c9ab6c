"""Inputs that several rows have, found without holding the inputs of all rows."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from tunesmith.data.lazy import taken
from tunesmith.data.remembered import remembered
from tunesmith.data.rows import Rows, input_columns, inputs_of

Repeated = Mapping[str, Mapping[int, Hashable]]
"""Split to position to the input of that row."""


def repeated_inputs(splits: Mapping[str, Rows]) -> dict[str, dict[int, Hashable]]:
    """The inputs that more than one row has, in any split, by their rows' positions in order.

    Python's own hash of an input, 64 bits, decides which ones are kept. Two inputs may share it, so that a row can be
    among these whose input is its own: compare the inputs themselves.

    Args:
        splits: The rows of each split.
    """
    columns = [column for rows in splits.values() for column in input_columns(rows)]
    sizes = [len(rows) for rows in splits.values()]
    content = remembered(f"repeated {sizes}", columns, lambda: _repeated(splits).tobytes())
    several, ends = np.frombuffer(content, dtype=np.int64), np.cumsum(sizes)
    parts = np.split(several, np.searchsorted(several, ends))
    inputs, once = {}, dict[Hashable, Hashable]()
    for (name, rows), end, part in zip(splits.items(), ends, parts, strict=False):
        positions = part - (end - len(rows))
        own = (once.setdefault(text, text) for text in inputs_of(rows.take(positions)))
        inputs[name] = dict(zip(positions.tolist(), own, strict=True))
    return inputs


def _repeated(splits: Mapping[str, Rows]) -> npt.NDArray[np.int64]:
    """Positions of these rows, counted through all splits."""
    each = (hash(text) for rows in splits.values() for text in inputs_of(rows))
    hashes = np.fromiter(each, dtype=np.int64, count=sum(map(len, splits.values())))
    values, counts = np.unique(hashes, return_counts=True)
    return np.flatnonzero(np.isin(hashes, values[counts > 1]))


def first_repeated(values: Sequence[str]) -> int | None:
    """The position of the first value that stands before it too; None if each is there once."""
    hashes = np.fromiter(map(hash, values), dtype=np.int64, count=len(values))
    distinct, counts = np.unique(hashes, return_counts=True)
    positions = np.flatnonzero(np.isin(hashes, distinct[counts > 1]))
    seen = set[str]()
    for position, value in zip(positions.tolist(), taken(values, positions), strict=True):
        if value in seen:
            return int(position)
        seen.add(value)
    return None
