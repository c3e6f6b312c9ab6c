"""Whether measured numbers look like a result and are none: one answer for everything, or worse than guessing."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

FAR = 2.0
"""Nats: a loss that is so far above that of guessing gives the right answer a seventh of its probability (exp -2)."""
CONSTANT = 0.01
"""Deviation of predicted numbers, as a part of that of the true ones, below which they are one number."""


def of_loss(split: str, loss: float, num_guesses: int, among: str) -> Iterator[str]:
    """A loss that is far above that of guessing.

    Args:
        split: The split's name.
        loss: Its loss, in nats.
        num_guesses: How many answers there are to choose from.
        among: They, in words.
    """
    guessing = math.log(max(num_guesses, 2))
    if loss > guessing + FAR:
        yield (
            f"{split}/loss {_number(loss)} is far above {guessing:.2f}, that of guessing {among}: the training has "
            "diverged, or the model is sure of wrong answers. Lower optimizer.lr, or clip gradients "
            "(trainer.gradient_clip_val=1.0)"
        )


def of_one_answer(split: str, predictions: Sequence[Any], truths: Sequence[Any], what: str = "rows") -> Iterator[str]:
    """One answer for everything, where more than one is right.

    Args:
        split: The split's name.
        predictions: What was answered.
        truths: What should have been.
        what: What the answers are of.
    """
    expected, given = Counter(map(_comparable, truths)), Counter(map(_comparable, predictions))
    if len(expected) > 1 and len(given) == 1:  # rows with one answer are told of before the training
        (answer,) = given
        yield (
            f"all {len(predictions):,} {what} of {split} are answered with {_shown(answer)}, which "
            f"{expected[answer]:,} of them have: the model does not tell them apart"
        )


def of_majority(split: str, predictions: Sequence[str], truths: Sequence[str]) -> Iterator[str]:
    """Labels that are right no more often than the most frequent one alone would be."""
    expected = Counter(truths)
    if len(expected) < 2 or len(set(predictions)) == 1:
        return
    right = sum(map(lambda given, true: given == true, predictions, truths))
    label, most = expected.most_common(1)[0]
    if right <= most:
        yield (
            f"{split}/accuracy {right / len(truths):.4f} is not above {most / len(truths):.4f}, the share of {label!r} "
            f"among the {len(truths):,} {split} rows: answering that alone would do as well"
        )


def of_numbers(split: str, predictions: Sequence[float], truths: Sequence[float], loss: float) -> Iterator[str]:
    """Numbers that are all about the same, or further from the truth than its mean."""
    variance = statistics.pvariance(truths)
    if len(truths) < 2 or not variance:
        return
    if statistics.pstdev(predictions) < CONSTANT * math.sqrt(variance):
        yield (
            f"all {len(predictions):,} {split} rows are answered with about {statistics.fmean(predictions):.4g}: the "
            "model does not tell them apart"
        )
    if loss > variance * math.exp(FAR):
        yield (
            f"{split}/loss {_number(loss)} is far above {_number(variance)}, that of answering the mean of these "
            "numbers each time: the training has diverged, or is too short. Change optimizer.lr, or train longer"
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
