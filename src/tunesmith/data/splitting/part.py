"""A part of the training rows, such that a smaller part lies in every larger one."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence

import numpy as np

from tunesmith.config.schema import Data
from tunesmith.data.rows import Rows
from tunesmith.data.task import RowTask
from tunesmith.errors import DataError


def part_of_training(rows: Rows, data: Data, task: RowTask) -> Rows:
    """The first `data.train_rows` training rows in a random order that does not depend on that number.

    Labels keep their proportions in every part; rows stay in the order of the file.

    Raises:
        DataError: There are fewer rows.
    """
    if data.train_rows is None or data.train_rows == len(rows):
        return rows
    if data.train_rows > len(rows):
        raise DataError(
            f"data.train_rows={data.train_rows}: there are {len(rows)} training rows. "
            f"At most data.train_rows={len(rows)}"
        )
    strata = task.strata(rows.labels)
    order = nested_order(strata or [""] * len(rows), data.split.seed)
    return rows.take(sorted(order[: data.train_rows]))


def nested_order(strata: Sequence[Hashable], seed: int) -> list[int]:
    """Positions in an order of which every beginning holds the labels in about their proportions.

    Args:
        strata: The label of each row.
        seed: Seed of the order.
    """
    counts, seen = Counter(strata), defaultdict[Hashable, int](int)
    places = []
    for position in np.random.default_rng(seed).permutation(len(strata)).tolist():
        label = strata[position]
        places.append(((seen[label] + 0.5) / counts[label], position))
        seen[label] += 1
    return [position for _, position in sorted(places, key=lambda place: place[0])]
