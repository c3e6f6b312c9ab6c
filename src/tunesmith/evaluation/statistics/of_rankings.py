"""Intervals of scores of a ranking of rows, from saved predictions: they are no functions of sums over rows.

A draw is then how often each row comes, and the score is computed with these weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tunesmith.evaluation.statistics.additive import Numbers, ratio
from tunesmith.evaluation.statistics.intervals import DRAWS, FEWEST, LEVEL, Interval, corrected
from tunesmith.evaluation.statistics.of_labels import Rows
from tunesmith.evaluation.statistics.of_probabilities import probabilities_of, truths_of
from tunesmith.evaluation.statistics.resampling import CELLS

WORK = 400_000_000
"""Draws times rows times labels of an interval, at most: with more rows there are fewer draws, at least `LEAST`."""
LEAST = 200
BLOCKS = 200
"""Units are left out in at most so many blocks, to see how much the score depends on each."""
Score = Callable[[Numbers, Numbers, npt.NDArray[np.intp]], Numbers]


@dataclass(frozen=True)
class RankingMetric:
    """A score of how rows with a label stand among the others, averaged over labels."""

    scores: Numbers
    """Shape (rows, labels)."""
    there: npt.NDArray[np.bool_]
    """Whether each row has each label, shape (rows, labels)."""
    score: Score
    """The score of a label; see `roc_area`."""
    weighted: bool = False
    """Whether labels count by their number of rows."""

    def value(self, weights: Numbers) -> Numbers:
        """Return the metric with rows counted as often as their weights say.

        Args:
            weights: Shape (draws, rows).

        Returns:
            Shape (draws,); NaN where a label has no rows or all, unless labels count by their rows and it has none.
        """
        support = weights @ self.there  # (draws, labels)
        each = np.stack([self._of_label(label, weights) for label in range(self.there.shape[1])], axis=1)
        if not self.weighted:
            return np.asarray(each.mean(axis=1))
        return ratio(np.where(support > 0, each * support, 0.0).sum(axis=1), support.sum(axis=1))

    def _of_label(self, label: int, weights: Numbers) -> Numbers:
        order = np.argsort(self.scores[:, label], kind="stable")
        ranked, there, drawn = self.scores[order, label], self.there[order, label], weights[:, order]
        starts = np.flatnonzero(np.append(True, ranked[1:] != ranked[:-1]))  # rows with equal scores are one step
        return self.score(drawn * there, drawn * ~there, starts)


def roc_area(positive: Numbers, negative: Numbers, starts: npt.NDArray[np.intp]) -> Numbers:
    """Return the probability that a row with the label has a higher score than one without; ties count half.

    Args:
        positive: Weights of rows with the label and 0 for others, by rising score, shape (draws, rows).
        negative: The reverse.
        starts: Positions at which a higher score begins.
    """
    ours, theirs = (np.add.reduceat(part, starts, axis=1) for part in (positive, negative))
    below = np.cumsum(theirs, axis=1) - theirs / 2
    return ratio((ours * below).sum(axis=1), ours.sum(axis=1) * theirs.sum(axis=1))


def average_precision(positive: Numbers, negative: Numbers, starts: npt.NDArray[np.intp]) -> Numbers:
    """Return the mean precision at the scores of rows with the label, as in scikit-learn.

    Args:
        positive: As for `roc_area`.
        negative: Likewise.
        starts: Likewise.
    """
    ours, theirs = (np.add.reduceat(part, starts, axis=1)[:, ::-1] for part in (positive, negative))
    right = np.cumsum(ours, axis=1)
    precision = ratio(right, right + np.cumsum(theirs, axis=1), 0.0)
    area = ratio((ours * precision).sum(axis=1), ours.sum(axis=1))
    return np.where(theirs.sum(axis=1) > 0, area, np.nan)


RANKINGS: Mapping[str, Score] = {
    f"{kind}{name}": score
    for kind in ("Multiclass", "Multilabel")
    for name, score in (("AUROC", roc_area), ("AveragePrecision", average_precision))
}
"""Class of a metric to its score of a label."""


def ranking_metric(node: Mapping[str, Any], rows: Rows, labels: Sequence[str], label: str) -> RankingMetric | None:
    """Return a metric of saved predictions as one of rankings.

    Args:
        node: Its node in `evaluation.metrics`.
        rows: The split's rows in `predictions.jsonl`.
        labels: Label names in the order of the logits.
        label: The label whose value it is; empty for the average over labels.

    Returns:
        The metric; None for others, and for keywords other than `average`.
    """
    score = RANKINGS.get(str(node.get("_target_")).rpartition(".")[2])
    average = node.get("average", "macro")
    per_label = average in (None, "none") and label in labels
    if score is None or not rows or set(node) - {"_target_", "average"}:
        return None
    if not per_label and (label or average not in ("macro", "weighted")):
        return None
    try:
        scores, there = probabilities_of(rows), truths_of(rows, labels)
    except (KeyError, TypeError, ValueError):  # rows of another shape, as in `additive_metrics`
        return None
    chosen = [labels.index(label)] if per_label else list(range(len(labels)))
    return RankingMetric(scores[:, chosen], there[:, chosen], score, weighted=average == "weighted")


def ranking_interval(
    metric: RankingMetric, groups: Sequence[int], level: float = LEVEL, draws: int = DRAWS, seed: int = 0
) -> Interval | None:
    """Return the BCa interval of a metric of rankings.

    Args:
        metric: The metric.
        groups: What each row is drawn with, numbered from 0.
        level: As in `intervals.interval`.
        draws: Likewise; fewer if there are many rows.
        seed: Likewise.
    """
    units, of_row = max(groups) + 1, np.asarray(groups)
    value = float(metric.value(np.ones((1, len(of_row))))[0])
    if units < FEWEST or not np.isfinite(value):
        return None
    draws = min(draws, max(LEAST, WORK // metric.there.size))
    random = np.random.default_rng(seed)
    drawn = (random.multinomial(units, np.full(units, 1 / units), size) for size in _parts(draws, len(of_row)))
    values = np.concatenate([metric.value(part[:, of_row].astype(float)) for part in drawn])
    blocks = np.arange(min(units, BLOCKS))
    kept = (np.arange(units) % len(blocks) != blocks[:, None])[:, of_row]  # (blocks, rows)
    without = np.concatenate([metric.value(kept[part].astype(float)) for part in _slices(len(kept), len(of_row))])
    return corrected(value, values, without, np.ones(len(without), dtype=np.int64), level)


def _parts(draws: int, rows: int) -> Iterator[int]:
    yield from (part.stop - part.start for part in _slices(draws, rows))


def _slices(count: int, rows: int) -> Iterator[slice]:
    """Divide draws into parts of a bounded number of cells."""
    most = max(CELLS // rows, 1)
    yield from (slice(start, min(start + most, count)) for start in range(0, count, most))
