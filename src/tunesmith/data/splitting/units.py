"""Rows that stay on one side of a split: copies of one text, and rows of one group."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from tunesmith.data.repeated import repeated_inputs
from tunesmith.data.rows import Rows
from tunesmith.seeding import derive_seed

Indices = npt.NDArray[np.int64]


def units_of(rows: Rows, *, duplicates: bool) -> list[int] | None:
    """The unit of each row: rows with the same number stay together.

    Args:
        rows: The rows, with their groups if there are any.
        duplicates: Whether rows with the same input are one unit.

    Returns:
        A number for each row, in the order of the first rows; None if every row is a unit of its own.
    """
    features: list[Mapping[int, Hashable]] = []
    if rows.groups is not None:  # a row without a group is one of its own: `missing` is nobody's name
        features.append({row: group for row, group in enumerate(rows.groups) if group})
    if duplicates:
        features.append(repeated_inputs({"": rows})[""])
    if not any(features):
        return None
    units = _joined(len(rows), features)
    return units if len(set(units)) < len(rows) else None


def _joined(num_rows: int, features: Sequence[Mapping[int, Hashable]]) -> list[int]:
    """Connected components: rows that share a value of any feature are one unit; a row without one is its own."""
    parents = list(range(num_rows))

    def root(row: int) -> int:
        while parents[row] != row:
            parents[row] = parents[parents[row]]
            row = parents[row]
        return row

    for values in features:
        first: dict[Hashable, int] = {}
        for row, value in values.items():
            one, other = sorted((root(first.setdefault(value, row)), root(row)))
            parents[other] = one
    return [root(row) for row in range(num_rows)]


def divide_units(
    rows: Indices, labels: Sequence[str], units: Sequence[int], num_second: int, seed: int
) -> tuple[Indices, Indices]:
    """Part rows in two without parting a unit; the second has the size asked for if single rows can fill it.

    Units come in a seeded order. One goes into the second part as long as no label has more rows there than its share,
    and then, to fill what is left, whatever fits.

    Args:
        rows: Positions of the rows.
        labels: The label of each of them; all the same if proportions do not matter.
        units: The unit of each of them.
        num_second: Rows of the second part.
        seed: The split's seed.
    """
    members: dict[int, list[int]] = {}
    for place, unit in enumerate(units):
        members.setdefault(unit, []).append(place)
    order = np.random.default_rng(derive_seed(seed, "units")).permutation(len(members))
    every = list(members.values())
    shuffled = [every[number] for number in order]
    left, room = _shares(labels, num_second), num_second
    second: list[int] = []
    waiting = []
    for places in shuffled:  # not by size: the second part would be made of groups and copies
        counts = Counter(labels[place] for place in places)
        if len(places) <= room and all(left[label] >= count for label, count in counts.items()):
            left.subtract(counts)
            room -= len(places)
            second += places
        else:
            waiting.append(places)
    for places in waiting:
        if len(places) <= room:
            room -= len(places)
            second += places
    chosen = np.zeros(len(rows), dtype=bool)
    chosen[second] = True
    return rows[~chosen], rows[chosen]


def _shares(labels: Sequence[str], total: int) -> Counter[str]:
    """Rows of each label in a part of so many rows, by largest remainder."""
    counts = Counter(labels)
    exact = {label: count * total / len(labels) for label, count in counts.items()}
    shares = Counter({label: int(share) for label, share in exact.items()})
    by_remainder = sorted(exact, key=lambda label: (shares[label] - exact[label], label))
    for label in by_remainder[: total - sum(shares.values())]:
        shares[label] += 1
    return shares
