"""How far new rows differ from earlier ones: labels, lengths, words."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from scipy.special import chdtrc, kolmogorov

from tunesmith.evaluation.statistics.additive import Numbers, mean
from tunesmith.evaluation.statistics.unpaired import compare_unpaired

DRAWS_OF_LABELS = 1000
MOST_ROWS_OF_LABELS = 2000
"""Rows of each side that a test on several labels per row draws from."""


@dataclass(frozen=True)
class Drift:
    """How one property of rows differs between two data sets."""

    kind: str
    """`labels`, `numbers`, `lengths` or `unknown words`."""
    distance: float
    """Between 0 and 1: half the sum of differences of shares for labels, Kolmogorov and Smirnov's for numbers and
    lengths, the difference of shares for unknown words."""
    p: float
    """Probability of a distance as large between two samples of one kind."""
    then: float | None = None
    """Median length or number, or share of unknown words, then."""
    now: float | None = None
    moved: dict[str, list[float]] = field(default_factory=dict)
    """Labels whose share changed most, with the share then and now."""

    def plain(self) -> dict[str, Any]:
        """The drift as in `results.json`."""
        return asdict(self)


MOST_MOVED = 5
NO_LABEL = "(none)"
"""Counted for a row that may have several labels and has none."""


def drift_of_labels(then: Sequence[Any], now: Sequence[Any]) -> Drift:
    """Compare the labels of rows: one each, or any number as a tuple or list.

    One label per row is tested by a chi-squared test. Several per row are not independent: there, whole rows are
    exchanged at random.
    """
    several = any(isinstance(label, tuple | list) for label in (*then, *now))
    sides = [[_items(label) for label in side] for side in (then, now)]
    names = sorted({item for side in sides for items in side for item in items})
    counts = [Counter(item for items in side for item in items) for side in sides]
    table = np.array([[count[name] for name in names] for count in counts], dtype=float)
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    order = np.argsort(-np.abs(shares[1] - shares[0]), kind="stable")[:MOST_MOVED]
    moved = {names[place]: [float(shares[0, place]), float(shares[1, place])] for place in order}
    p = _exchanged_rows(sides, names) if several else _chi_squared(table)
    return Drift("labels", _distance(shares), p, moved=moved)


def drift_of_numbers(kind: str, then: Sequence[float], now: Sequence[float]) -> Drift:
    """Compare numbers by Kolmogorov and Smirnov's test, with the p-value of large samples."""
    first, second = np.sort(np.asarray(then, dtype=float)), np.sort(np.asarray(now, dtype=float))
    both = np.concatenate([first, second])
    below = [np.searchsorted(side, both, side="right") / len(side) for side in (first, second)]
    distance = float(np.abs(below[0] - below[1]).max())
    scale = math.sqrt(len(first) * len(second) / (len(first) + len(second)))
    return Drift(kind, distance, float(kolmogorov(scale * distance)), float(np.median(first)), float(np.median(second)))


def drift_of_words(known: set[str], then: Sequence[Sequence[str]], now: Sequence[Sequence[str]]) -> Drift | None:
    """Compare the shares of words that a vocabulary lacks; texts, not words, are the units of the test.

    Returns:
        None if a side has too few texts, or no words.
    """
    sides = []
    for texts in (then, now):
        lengths = np.array([len(words) for words in texts], dtype=float)
        unknown = np.array([sum(word not in known for word in words) for words in texts], dtype=float)
        sides.append(mean(np.divide(unknown, lengths, out=np.zeros(len(texts)), where=lengths > 0), lengths))
    test = compare_unpaired(sides[1], sides[0]) if all(map(len, sides)) else None
    if test is None:
        return None
    return Drift("unknown words", abs(test.difference), test.p, sides[0].of_all(), sides[1].of_all())


def _items(label: Any) -> list[str]:
    return [str(item) for item in label] or [NO_LABEL] if isinstance(label, tuple | list) else [str(label)]


def _distance(shares: Numbers) -> float:
    return float(np.abs(shares[0] - shares[1]).sum() / 2)


def _chi_squared(table: Numbers) -> float:
    """Return the p-value of Pearson's test of homogeneity, without continuity correction."""
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2 or (table.sum(axis=1) == 0).any():
        return 1.0
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    return float(chdtrc(table.shape[1] - 1, ((table - expected) ** 2 / expected).sum()))


def _exchanged_rows(sides: Sequence[Sequence[Sequence[str]]], names: Sequence[str]) -> float:
    random = np.random.default_rng(0)
    place = {name: number for number, name in enumerate(names)}
    counts = []
    for side in sides:
        chosen = random.permutation(len(side))[:MOST_ROWS_OF_LABELS]
        rows = np.zeros((len(chosen), len(names)))
        for number, row in enumerate(chosen):
            for item in side[int(row)]:
                rows[number, place[item]] += 1
        counts.append(rows)
    pooled, share = np.concatenate(counts), len(counts[0]) / sum(map(len, counts))
    observed = counts[0].sum(axis=0)
    drawn = (random.random((DRAWS_OF_LABELS, len(pooled))) < share).astype(float) @ pooled
    firsts = np.concatenate([observed[None], drawn])
    halves = np.stack([firsts, pooled.sum(axis=0) - firsts], axis=1)
    shares = halves / np.maximum(halves.sum(axis=2, keepdims=True), 1)
    distances = np.abs(shares[:, 0] - shares[:, 1]).sum(axis=1)
    return float(np.mean(distances >= distances[0] - 1e-9))  # the observed counts too, so that it is never 0
