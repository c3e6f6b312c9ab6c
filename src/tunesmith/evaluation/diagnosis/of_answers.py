"""Verdicts that the answers of the best weights give."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tunesmith.evaluation.diagnosis.history import Diagnosis, Given, History
from tunesmith.evaluation.diagnosis.levels import levels
from tunesmith.evaluation.diagnosis.of_curves import HIGHEST_ADAPTIVE_LR, STILL, rate_text

LEAST_ROWS = 20
LEAST_ROWS_FOR_NOISE = 150
UNEVEN = 0.6
"""Share of the most frequent label from which one answer for all is that of the labels' frequencies."""
FLAT = 0.62
"""Probability that a right answer is surer than a wrong one. Sums of many small signs give 0.67 at 30% errors, and more
at fewer; labels flipped at random give 0.5."""
ERRORS = (0.1, 0.38)
"""Range of the error rate in which the two can be told apart."""
LEARNED = 0.8
"""Training loss as a fraction of the validation loss, below which answers are sure because rows were memorised."""


def one_answer(history: History) -> Diagnosis | None:
    """Judge whether the model gives one label to all validation rows."""
    given = history.given
    if given is None or len(given.truths) < LEAST_ROWS or len(set(given.truths)) < 2 or len(set(given.answers)) > 1:
        return None
    share = sum(given.right) / len(given.right)
    settings = history.settings
    if given.most_frequent >= UNEVEN and settings.weighs_labels:
        override = "task.class_weights=balanced"
    else:
        override = f"optimizer.lr={rate_text(_other_rate(history))}"
    sentence = (
        f"one answer for all: the {len(given.answers):,} validation rows all get {given.answers[0]!r}, which is right "
        f"for {share:.0%} of them"
    )
    return Diagnosis("one_answer", sentence, override, {"rows": len(given.answers), "right": share})


def _other_rate(history: History) -> float:
    """A lower rate if the loss stayed where it was in spite of the present one; a higher one if that is low."""
    lr, adaptive = history.settings.lr, history.settings.adaptive
    parts = levels(history.losses, 4)
    moved = len(parts) > 1 and (parts[0].mean - parts[-1].mean) > STILL * parts[0].mean
    if adaptive and (moved or (history.rate_sum or math.inf) < 0.02) and lr < HIGHEST_ADAPTIVE_LR:
        return min(lr * 10, HIGHEST_ADAPTIVE_LR)
    return lr / 10


def label_noise(history: History) -> Diagnosis | None:
    """Judge whether labels are wrong at random: errors are as frequent among the surest answers as among the others.

    A model of a hard task errs where it is unsure, also a weak one. Where labels are flipped at random, it errs
    everywhere alike. A model that memorised its rows is sure of anything, so that its training loss must not be below
    the validation loss.
    """
    given, validations = history.given, history.validations
    if given is None or len(given.margins) < LEAST_ROWS_FOR_NOISE or not validations or memorised(history):
        return None
    wrong = 1 - sum(given.right) / len(given.right)
    if not ERRORS[0] <= wrong <= ERRORS[1] or wrong > 0.8 * (1 - given.most_frequent):
        return None
    order, error = surer(given)
    if order + 1.64 * error > FLAT:
        return None
    third = sorted(zip(given.margins, given.right, strict=True), reverse=True)[: len(given.right) // 3]
    among = 1 - sum(right for _, right in third) / len(third)
    override = "task.label_smoothing=0.1" if history.settings.smooths_labels else None
    sentence = (
        f"labels seem wrong at random: of the third of the validation rows with the surest answers {among:.0%} are "
        f"errors, of all rows {wrong:.0%}. tunesmith audit lists suspects"
    )
    evidence = {"errors": wrong, "errors_of_surest": among, "surer": order, "rows": len(given.right)}
    return Diagnosis("label_noise", sentence, override, evidence)


def memorised(history: History) -> bool:
    """Whether the training loss is clearly below the validation loss at the best weights."""
    best = min(history.validations, key=lambda item: item.loss)
    before = [loss for step, loss in zip(history.steps, history.losses, strict=True) if step <= best.step]
    recent = before[-max(3, len(before) // 4) :]
    return not recent or sum(recent) / len(recent) < LEARNED * best.loss


def surer(given: Given) -> tuple[float, float]:
    """Return the probability that a right answer has a larger margin than a wrong one, and its standard error.

    The first is the statistic of Mann and Whitney (1947); the second holds where the probability is near one half.
    """
    rights = given.right
    ranks = _ranks(given.margins)
    count, others = sum(rights), len(rights) - sum(rights)
    total = sum(rank for rank, right in zip(ranks, rights, strict=True) if right)
    probability = (total - count * (count + 1) / 2) / (count * others)
    return probability, math.sqrt((count + others + 1) / (12 * count * others))


def _ranks(values: Sequence[float]) -> list[float]:
    """Ranks from 1; equal values share the mean of theirs."""
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks, start = [0.0] * len(values), 0
    while start < len(order):
        end = start
        while end + 1 < len(order) and values[order[end + 1]] == values[order[start]]:
            end += 1
        for place in range(start, end + 1):
            ranks[order[place]] = (start + end) / 2 + 1
        start = end + 1
    return ranks
