"""Draws of rows with replacement, as sums.

Rows that contribute the same are one kind, and a draw is how often each kind comes: for accuracy there are two kinds,
whatever the number of rows. The result has the distribution of a bootstrap over rows.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from tunesmith.evaluation.statistics.additive import Numbers

CELLS = 4_000_000
"""Counts held at a time: 32 MB."""
FEW = 0.1
"""Kinds per row up to which they are counted."""


def kinds(columns: Numbers) -> tuple[Numbers, npt.NDArray[np.int64]]:
    """Return the distinct rows, shape (kinds, sums), and how often each occurs, shape (kinds,)."""
    distinct, counts = np.unique(columns, axis=0, return_counts=True)
    return distinct, counts


def drawn_sums(columns: Numbers, draws: int, seed: int) -> Numbers:
    """Return the sums over rows that are drawn with replacement, shape (draws, sums).

    Args:
        columns: What each row contributes, shape (rows, sums).
        draws: Number of draws, each of as many rows as there are.
        seed: Seed of the draws.
    """
    rows, random = len(columns), np.random.default_rng(seed)
    distinct, counts = kinds(columns)
    if len(counts) > FEW * rows:  # to draw rows is then cheaper than to draw how often each kind comes
        picks = (random.integers(0, rows, (size, rows)) for size in _sizes(draws, rows))
        return np.concatenate([np.stack([column[pick].sum(axis=1) for column in columns.T], axis=1) for pick in picks])
    parts = (random.multinomial(rows, counts / rows, size) for size in _sizes(draws, len(counts)))
    return np.concatenate([part @ distinct for part in parts])


def exchanged_sums(ones: Numbers, others: Numbers, draws: int, seed: int) -> tuple[Numbers, Numbers]:
    """Return the sums of two models after exchanging their rows at random, each of shape (draws, sums).

    Every row keeps its place or changes sides with probability one half: what the models would have given if they were
    equally good (the paired permutation test).

    Args:
        ones: What each row contributes for one model, shape (rows, sums).
        others: The same rows for the other model.
        draws: Number of draws.
        seed: Seed of the draws.
    """
    differences = ones - others
    distinct, counts = kinds(differences)
    random = np.random.default_rng(seed)
    sizes = [(size, len(counts)) for size in _sizes(draws, len(counts))]
    if counts.max() == 1:
        moved = np.concatenate([random.integers(0, 2, size).astype(float) @ distinct for size in sizes])
    else:
        moved = np.concatenate([random.binomial(counts, 0.5, size) @ distinct for size in sizes])
    return ones.sum(axis=0) - moved, others.sum(axis=0) + moved


def _sizes(draws: int, width: int) -> Iterator[int]:
    """Divide draws into parts of a bounded number of cells."""
    most = max(CELLS // max(width, 1), 1)
    yield from (min(most, draws - start) for start in range(0, draws, most))
