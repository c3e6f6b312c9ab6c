"""Inputs that several rows have, found without holding the inputs of all rows."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import numpy as np

from tunesmith.data.lazy import taken
from tunesmith.data.rows import Rows, inputs_of

Repeated = Mapping[str, Mapping[int, Hashable]]
"""Split to position to the input of that row."""


def repeated_inputs(splits: Mapping[str, Rows]) -> dict[str, dict[int, Hashable]]:
    """The inputs that more than one row has, in any split, by their rows' positions in order.

    Python's own hash of an input, 64 bits, decides which ones are kept. Two inputs may share it, so that a row can be
    among these whose input is its own: compare the inputs themselves.

    Args:
        splits: The rows of each split.
    """
    hashes = {
        name: np.fromiter(map(hash, inputs_of(rows)), dtype=np.int64, count=len(rows)) for name, rows in splits.items()
    }
    if not hashes:
        return {}
    values, counts = np.unique(np.concatenate(list(hashes.values())), return_counts=True)
    several = values[counts > 1]
    inputs, once = {}, dict[Hashable, Hashable]()
    for name, rows in splits.items():
        positions = np.flatnonzero(np.isin(hashes[name], several))
        own = (once.setdefault(text, text) for text in inputs_of(rows.take(positions)))
        inputs[name] = dict(zip(positions.tolist(), own, strict=True))
    return inputs


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
