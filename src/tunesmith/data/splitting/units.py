"""Rows that stay on one side of a split: copies of one text, and rows of one group."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from tunesmith.data.repeated import repeated_inputs
from tunesmith.data.rows import Rows
from tunesmith.seeding import derive_seed

Indices = npt.NDArray[np.int64]


def units_of(rows: Rows, *, duplicates: bool) -> Sequence[int] | None:
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
    return units if any(row != unit for row, unit in enumerate(units)) else None


def _joined(num_rows: int, features: Sequence[Mapping[int, Hashable]]) -> array[int]:
    """Connected components: rows that share a value of any feature are one unit; a row without one is its own."""
    parents = array("q", range(num_rows))  # 8 bytes each, a list's numbers take 40

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
    return array("q", map(root, range(num_rows)))


def divide_units(
    rows: Indices, labels: Sequence[str], units: Sequence[int] | Indices, num_second: int, seed: int
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
    index: dict[str, int] = {}
    codes = np.fromiter((index.setdefault(label, len(index)) for label in labels), dtype=np.int64, count=len(labels))
    places, starts = _by_unit(np.asarray(units, dtype=np.int64))
    order = np.random.default_rng(derive_seed(seed, "units")).permutation(len(starts) - 1)
    shares = _shares(labels, num_second)
    second = _chosen(places, starts, order, codes, [shares[label] for label in index], num_second)
    chosen = np.zeros(len(rows), dtype=bool)
    chosen[second] = True
    return rows[~chosen], rows[chosen]


def _by_unit(units: Indices) -> tuple[Indices, Indices]:
    """Places in the order of the first row of their units, and where in these each unit starts, with the end."""
    _, firsts, numbers, sizes = np.unique(units, return_index=True, return_inverse=True, return_counts=True)
    by_first = np.argsort(firsts)
    rank = np.empty_like(by_first)
    rank[by_first] = np.arange(len(by_first))
    return np.argsort(rank[numbers], kind="stable"), np.concatenate([[0], np.cumsum(sizes[by_first])])


def _chosen(places: Indices, starts: Indices, order: Indices, codes: Indices, left: list[int], room: int) -> list[int]:
    """Places of the second part: units in order, first those within the shares of their labels, then what fits.

    Args:
        places: Places, unit by unit.
        starts: Where each unit starts there, with the end.
        order: The units, by number.
        codes: The number of each place's label.
        left: The share of each label; what is taken is subtracted.
        room: Places of the second part.
    """
    second: list[int] = []
    waiting = []
    for number in order:  # not by size: the second part would be made of groups and copies
        if not room:
            return second
        own = places[starts[number] : starts[number + 1]].tolist()
        counts = Counter(codes[own].tolist())
        if len(own) <= room and all(left[label] >= count for label, count in counts.items()):
            for label, count in counts.items():
                left[label] -= count
            room -= len(own)
            second += own
        else:
            waiting.append(number)
    for number in waiting:
        own = places[starts[number] : starts[number + 1]].tolist()
        if len(own) <= room:
            room -= len(own)
            second += own
    return second


def _shares(labels: Sequence[str], total: int) -> Counter[str]:
    """Rows of each label in a part of so many rows, by largest remainder."""
    counts = Counter(labels)
    exact = {label: count * total / len(labels) for label, count in counts.items()}
    shares = Counter({label: int(share) for label, share in exact.items()})
    by_remainder = sorted(exact, key=lambda label: (shares[label] - exact[label], label))
    for label in by_remainder[: total - sum(shares.values())]:
        shares[label] += 1
    return shares
