"""Inputs that several rows have, found without holding the inputs of all rows."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import numpy as np

from tunesmith.data.rows import Rows, each_input

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
        name: np.fromiter(map(hash, each_input(rows)), dtype=np.int64, count=len(rows)) for name, rows in splits.items()
    }
    if not hashes:
        return {}
    values, counts = np.unique(np.concatenate(list(hashes.values())), return_counts=True)
    several = values[counts > 1]
    inputs = {}
    for name, rows in splits.items():
        positions = np.flatnonzero(np.isin(hashes[name], several))
        inputs[name] = dict(zip(positions.tolist(), each_input(rows.take(positions)), strict=True))
    return inputs
