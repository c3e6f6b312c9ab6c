"""Finds the nearest valid name to a mistyped one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any


def distance(left: str, right: str) -> int:
    """Count the edits between two words: insertions, deletions, substitutions, swaps of neighbours (Damerau 1964)."""
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        above, row, oldest = row, [i], before
        for j, b in enumerate(right, 1):
            best = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                best = min(best, oldest[j - 2] + 1)
            row.append(best)
        before = above
    return row[-1]


def nearest(name: str, choices: Iterable[str]) -> str | None:
    """Return the choice with the fewest edits from `name`; None if all are too different.

    Up to a third of the letters may differ (at least one); of equally near choices, the first wins.
    """
    limit = max(1, len(name) // 3)
    folded = name.lower()
    near = [(distance(folded, choice.lower()), choice) for choice in choices if abs(len(choice) - len(name)) <= limit]
    best = min(near, key=lambda pair: pair[0], default=None)
    return best[1] if best and best[0] <= limit else None


def nearest_key(path: str, keys: Sequence[str]) -> str | None:
    """Return the dotted key that `path` most likely means.

    A sibling with a similar name comes first, then a similar whole path, then the same last name anywhere
    (`lr` for `optimizer.lr`), then a similar one.
    """
    parent, _, last = path.rpartition(".")
    siblings = {key.rpartition(".")[2]: key for key in keys if key.rpartition(".")[0] == parent}
    sibling = nearest(last, siblings)
    if parent and sibling:
        return siblings[sibling]
    by_last: dict[str, str] = {}
    for key in sorted(keys, key=lambda key: key.count(".")):
        by_last.setdefault(key.rpartition(".")[2], key)
    if last in by_last:
        return by_last[last]
    whole = nearest(path, keys)
    by_similar_last = nearest(last, by_last)
    return whole or (by_last[by_similar_last] if by_similar_last else None)


def did_you_mean(name: str | None) -> str | None:
    """Return the question for a message; None if no name is near."""
    return f"Did you mean {name}?" if name else None


def as_yaml(value: Any) -> str:
    """Format a received value as in YAML: text in quotes, so "1" and 1 differ."""
    return json.dumps(value, ensure_ascii=False, default=str)
