"""Scores of a whole set of texts from counts that are summed over texts, without torch: BLEU and chrF2."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tunesmith.evaluation.text_scores import BLEU_ORDER, CHARACTERS

Counts = npt.NDArray[np.float64]
BETA = 2.0
"""Weight of recall in chrF2, relative to precision."""


def bleu(sums: Counts) -> Counts:
    """Return BLEU from 0 to 1 (Papineni et al. 2002), as sacreBLEU does for a corpus with one reference per text.

    The geometric mean of the precisions of 1 to 4 tokens, times the brevity penalty. An order without a match counts
    as half a match, the next such order as a quarter, and so on (the smoothing of mteval-v13a.pl); it is 0 if no token
    matches, or if no prediction has four tokens.

    Args:
        sums: Sums of `bleu_counts` over texts, shape (..., 10).
    """
    right, given = sums[..., :BLEU_ORDER], sums[..., BLEU_ORDER : 2 * BLEU_ORDER]
    ours, theirs = sums[..., -2], sums[..., -1]
    halvings = np.cumsum((right == 0) & (given > 0), axis=-1)
    smoothed = np.where(right > 0, right, 0.5**halvings)
    logarithms = np.log(smoothed / np.maximum(given, 1)).mean(axis=-1)
    penalty = np.minimum(1 - theirs / np.maximum(ours, 1), 0.0)
    possible = (right[..., 0] > 0) & (given > 0).all(axis=-1)
    return np.where(possible, np.exp(logarithms + penalty), 0.0)


def chrf2(sums: Counts) -> Counts:
    """Return chrF2 from 0 to 1 (Popović 2015), as sacreBLEU 2 computes it for a corpus by default.

    Precision and recall are means over the orders that occur on both sides; recall has twice the weight.

    Args:
        sums: Sums of `chrf2_counts` over texts, shape (..., 18).
    """
    right, given, there = (sums[..., i * CHARACTERS : (i + 1) * CHARACTERS] for i in range(3))
    occurs = (given > 0) & (there > 0)
    orders = np.maximum(occurs.sum(axis=-1), 1)
    precision, recall = (
        np.where(occurs, right / np.maximum(total, 1), 0.0).sum(axis=-1) / orders for total in (given, there)
    )
    weighted = BETA**2 * precision + recall
    return np.where(weighted > 0, (1 + BETA**2) * precision * recall / np.where(weighted > 0, weighted, 1.0), 0.0)
