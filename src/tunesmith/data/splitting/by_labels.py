"""A split that keeps the proportions of labels where a row has any number of them: iterative stratification.

Sechidis, Tsoumakas and Vlahavas: On the Stratification of Multi-Label Data (ECML PKDD 2011), with sizes made exact.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tunesmith.seeding import derive_seed

Indices = npt.NDArray[np.int64]


@dataclass
class _Part:
    """One side of a division, as it fills."""

    room: int
    """Rows that still fit."""
    lacking: dict[str, float]
    """Rows of each label that are still wanted."""
    units: list[int] = field(default_factory=list)
    """Numbers of the units that are here."""

    def wish(self, label: str | None) -> tuple[float, int]:
        """How much a row of a label is wanted here."""
        return 0.0 if label is None else self.lacking[label], self.room

    def take(self, number: int, size: int, counts: Mapping[str, int]) -> None:
        """Add a unit of so many rows, with so many of each label."""
        self.units.append(number)
        self.room -= size
        for label, count in counts.items():
            self.lacking[label] -= count


def divide_by_labels(
    label_sets: Sequence[Sequence[str]], num_second: int, seed: int, units: Sequence[int] | None = None
) -> tuple[Indices, Indices]:
    """Positions of the rows of two parts, ascending; the second has the size asked for if single rows can fill it.

    The label with the fewest rows left is dealt out first, while there is still a choice: each of its rows goes to the
    part that lacks most of this label, of equal parts to the one with most room.

    Args:
        label_sets: The labels of each row; one without any is a row like another.
        num_second: Rows of the second part.
        seed: The split's seed, which orders the rows.
        units: Rows with the same number stay together; None if each is one of its own.
    """
    members: dict[int, list[int]] = {}
    for row, unit in enumerate(range(len(label_sets)) if units is None else units):
        members.setdefault(unit, []).append(row)
    ordered = list(members.values())
    shuffled = [ordered[i] for i in np.random.default_rng(derive_seed(seed, "labels")).permutation(len(ordered))]
    counts = [Counter(label for row in rows for label in set(label_sets[row])) for rows in shuffled]
    chosen = np.zeros(len(label_sets), dtype=np.bool_)
    second = _dealt(list(map(len, shuffled)), counts, num_second)
    chosen[[row for number in second for row in shuffled[number]]] = True
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)


def _dealt(sizes: Sequence[int], counts: Sequence[Mapping[str, int]], num_second: int) -> list[int]:
    """Numbers of the units that go into the second part.

    Args:
        sizes: Rows of each unit.
        counts: Rows of each label in each unit.
        num_second: Rows of the second part.
    """
    having: dict[str, list[int]] = {}
    for number, labels in enumerate(counts):
        for label in labels:
            having.setdefault(label, []).append(number)
    left = {label: sum(counts[number][label] for number in numbers) for label, numbers in having.items()}
    total = sum(sizes)
    rooms = (total - num_second, num_second)
    parts = [_Part(room, {label: count * room / total for label, count in left.items()}) for room in rooms]
    rows_without = sum(size for size, labels in zip(sizes, counts, strict=True) if not labels)
    evens_out, owed = rows_without < len(having), 0.0
    waiting = dict.fromkeys(range(len(sizes)))
    while left:
        label = min(left, key=lambda name: (left[name], name))
        if evens_out and left[label] > 1:
            owed -= _made_up_for(parts, label, owed)
        for number in [number for number in having[label] if number in waiting]:
            del waiting[number]
            _chosen(parts, label, sizes[number]).take(number, sizes[number], counts[number])
            for each, count in counts[number].items():
                left[each] -= count
        left = {each: count for each, count in left.items() if count}
        owed += parts[1].lacking[label]
    for number in waiting:
        _chosen(parts, None, sizes[number]).take(number, sizes[number], counts[number])
    return parts[1].units


def _made_up_for(parts: Sequence[_Part], label: str, owed: float) -> float:
    """Let a label make up for what others were rounded by, as far as that moves one row; how much it is.

    Ten labels with a share of 0.4 rows would otherwise all be missing from the second part, and those that are left
    would fill it. Where rows without labels can fill it, each label is rounded best alone.
    """
    amount = min(0.5, max(-0.5, owed))
    parts[0].lacking[label] -= amount
    parts[1].lacking[label] += amount
    return amount


def _chosen(parts: Sequence[_Part], label: str | None, size: int) -> _Part:
    """The part that a unit goes to; the first takes what fits nowhere."""
    first, second = parts
    wanted, other = (second, first) if second.wish(label) > first.wish(label) else (first, second)
    return next((part for part in (wanted, other) if size <= part.room), first)
