"""All verdicts on a training, or on several that differ in their seeds; strong evidence only, else none."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from tunesmith.evaluation.diagnosis.history import Diagnosis, History, Settings
from tunesmith.evaluation.diagnosis.of_answers import label_noise, one_answer
from tunesmith.evaluation.diagnosis.of_curves import (
    divergence,
    overfitting,
    rate_text,
    rate_too_low,
    too_little_data,
    undertrained,
)

SURE = 0.001
"""Chance at most of calling seeds unstable whose spread is that of the rows."""


def verdicts_on(history: History) -> list[Diagnosis]:
    """Return the verdicts on one training, the most important first; empty if nothing is sure to be wrong.

    Where the training diverged, or did not move, nothing else is judged: it would follow from that.
    """
    if history.not_finite or history.losses:
        for judge in (divergence, rate_too_low):
            verdict = judge(history)
            if verdict is not None:
                return [verdict]
    if not history.losses:
        return []
    judges = (overfitting, too_little_data, label_noise, undertrained)
    verdicts = [verdict for judge in judges if (verdict := judge(history)) is not None]
    # Where rows were learned by heart, the best weights may be those of the untuned model, with its one answer.
    alike = None if {"overfitting", "too_little_data"} & {item.kind for item in verdicts} else one_answer(history)
    return verdicts if alike is None else [alike, *verdicts]


def unstable_over_seeds(values: Sequence[float], row_error: float | None, settings: Settings) -> Diagnosis | None:
    """Judge whether the seed decides more than the sample of validation rows does.

    The spread over seeds is held against the standard error over rows by a chi-squared test of a variance.

    Args:
        values: The metric that decides, of one run per seed, each on the same validation rows.
        row_error: Its standard error over rows, such as a quarter of the width of its 95% interval.
        settings: Of the runs.
    """
    if len(values) < 3 or not row_error:
        return None
    from scipy.special import chdtrc

    spread = statistics.stdev(values)
    chance = float(chdtrc(len(values) - 1, (len(values) - 1) * (spread / row_error) ** 2))
    if chance >= SURE:
        return None
    sentence = (
        f"unstable over seeds: {len(values)} seeds give {min(values):.4f} to {max(values):.4f} (standard deviation "
        f"{spread:.4f}), where the sample of rows alone explains {row_error:.4f}"
    )
    evidence = {"seeds": len(values), "low": min(values), "high": max(values), "spread": spread, "row_error": row_error}
    return Diagnosis("unstable_over_seeds", sentence, f"optimizer.lr={rate_text(settings.lr / 3)}", evidence)
