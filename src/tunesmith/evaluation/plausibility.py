"""Warns of metrics that are not a result: one answer for all rows, or a loss worse than guessing."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

FAR = 2.0
"""Nats above the loss of guessing: the correct answer then gets a seventh (exp -2) of its probability."""
CONSTANT = 0.01
"""Standard deviation of predictions, as a fraction of the references', below which they count as constant."""


def of_loss(split: str, loss: float, num_guesses: int, among: str) -> Iterator[str]:
    """Warn of a loss far above that of guessing.

    Args:
        split: The split's name.
        loss: Its loss, in nats.
        num_guesses: Number of possible answers.
        among: The possible answers, in words.
    """
    guessing = math.log(max(num_guesses, 2))
    if loss > guessing + FAR:
        yield (
            f"{split}/loss {_number(loss)} is far above {guessing:.2f}, that of guessing {among}: training has "
            "diverged, or the model is confident in wrong answers. Lower optimizer.lr, or clip gradients "
            "(trainer.gradient_clip_val=1.0)"
        )


def of_one_answer(split: str, predictions: Sequence[Any], truths: Sequence[Any], what: str = "rows") -> Iterator[str]:
    """Warn of one answer for all rows, if their references differ.

    Args:
        split: The split's name.
        predictions: The predictions.
        truths: The references.
        what: The things that were predicted, in the plural.
    """
    expected, given = Counter(map(_comparable, truths)), Counter(map(_comparable, predictions))
    if len(expected) > 1 and len(given) == 1:  # rows with a single label are reported before training
        (answer,) = given
        yield (
            f"the prediction for all {len(predictions):,} {what} of {split} is {_shown(answer)}, which "
            f"is correct for {expected[answer]:,} of them: the model does not tell them apart"
        )


def of_majority(split: str, predictions: Sequence[str], truths: Sequence[str]) -> Iterator[str]:
    """Warn of labels that are correct no more often than the most frequent label would be."""
    expected = Counter(truths)
    if len(expected) < 2 or len(set(predictions)) == 1:
        return
    right = sum(map(lambda given, true: given == true, predictions, truths))
    label, most = expected.most_common(1)[0]
    if right <= most:
        yield (
            f"{split}/accuracy {right / len(truths):.4f} is not above {most / len(truths):.4f}, the share of {label!r} "
            f"among the {len(truths):,} {split} rows: always predicting that label would do as well"
        )


def of_numbers(split: str, predictions: Sequence[float], truths: Sequence[float], loss: float) -> Iterator[str]:
    """Warn of numbers that are all about the same, or much worse than the references' mean."""
    variance = statistics.pvariance(truths)
    if len(truths) < 2 or not variance:
        return
    if statistics.pstdev(predictions) < CONSTANT * math.sqrt(variance):
        yield (
            f"the prediction for all {len(predictions):,} {split} rows is about {statistics.fmean(predictions):.4g}: "
            "the model does not tell them apart"
        )
    if loss > variance * math.exp(FAR):
        yield (
            f"{split}/loss {_number(loss)} is far above {_number(variance)}, that of always predicting the mean of "
            "these numbers: training has diverged, or is too short. Change optimizer.lr, or train longer"
        )


def _comparable(value: Any) -> Any:
    return tuple(sorted(value)) if isinstance(value, list | tuple) else value


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def _shown(answer: Any) -> str:
    if answer == ():
        return "no label"
    text = ", ".join(map(repr, answer)) if isinstance(answer, tuple) else repr(answer)
    return text if len(text) <= 60 else f"{text[:57]}..."
