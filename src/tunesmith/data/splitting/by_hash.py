"""A split by hash: each row's place follows from its content alone, so that an added row moves no other."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Hashable, Iterable

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.int64]


def split_by_hash(keys: Iterable[Hashable], val_fraction: float, test_fraction: float, seed: int) -> dict[str, Indices]:
    """Positions of the rows of each split, in file order; sizes are near their fractions, and never exact by design.

    Args:
        keys: What each row goes by: its group, its id, or its input.
        val_fraction: Expected share of validation rows.
        test_fraction: Expected share of test rows.
        seed: The split's seed; another one gives other splits.
    """
    places = np.fromiter((_fraction(key, seed) for key in keys), dtype=np.float64)
    test = places < test_fraction
    val = ~test & (places < test_fraction + val_fraction)
    return {"train": np.flatnonzero(~test & ~val), "val": np.flatnonzero(val), "test": np.flatnonzero(test)}


def _fraction(key: Hashable, seed: int) -> float:
    """A number in [0, 1) that follows from a key and a seed."""
    digest = hashlib.sha256(json.dumps([seed, key], ensure_ascii=False, default=list).encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
