"""Whether measured numbers look like a result and are none: one answer for everything, or worse than guessing."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from tunesmith.config.schema import Task

FAR = 2.0
"""Nats: a loss that is so far above that of guessing gives the right answer a seventh of its probability (exp -2)."""
CONSTANT = 0.01
"""Deviation of predicted numbers, as a part of that of the true ones, below which they are one number."""


def doubts(
    task: Task, split: str, predictions: Sequence[Any], truths: Sequence[Any], loss: float, num_guesses: int
) -> Iterator[str]:
    """What makes the metrics of a split no result, a sentence each.

    Args:
        task: The task.
        split: Its name.
        predictions: What was answered, row by row: a label, labels, a number, tags, or a text.
        truths: What should have been; nothing else than None in language modeling.
        loss: The split's loss, in nats for everything but numbers.
        num_guesses: How many answers there are to choose from: labels, or the tokens of a vocabulary.
    """
    if task.name == "regression":
        yield from _of_numbers(split, predictions, truths, loss)
        return
    if task.name == "token_classification":
        pairs = [pair for row in zip(predictions, truths, strict=True) for pair in zip(*row, strict=True)]
        predictions, truths = zip(*pairs, strict=True) if pairs else ((), ())
    if task.name != "language_modeling":
        yield from _of_answers(task, split, list(map(_comparable, predictions)), list(map(_comparable, truths)))
    guessing = math.log(2 if task.multi_label else max(num_guesses, 2))
    if loss > guessing + FAR:
        kind = "labels" if "classification" in task.name else "tokens"
        among = "yes or no for each label" if task.multi_label else f"among {num_guesses:,} {kind}"
        yield (
            f"{split}/loss {_number(loss)} is far above {guessing:.2f}, that of guessing {among}: the training has "
            "diverged, or the model is sure of wrong answers. Lower optimizer.lr, or clip gradients "
            "(trainer.gradient_clip_val=1.0)"
        )


def _comparable(value: Any) -> Any:
    return tuple(sorted(value)) if isinstance(value, list | tuple) else value


def _of_answers(task: Task, split: str, predictions: Sequence[Any], truths: Sequence[Any]) -> Iterator[str]:
    wanted = Counter(truths)
    if len(wanted) < 2:  # rows with one answer are told of before the training
        return
    what = {"token_classification": "words", "text_to_text": "answers"}.get(task.name, "rows")
    given = Counter(predictions)
    if len(given) == 1:
        (answer,) = given
        yield (
            f"all {len(predictions):,} {what} of {split} are answered with {_shown(answer)}, which {wanted[answer]:,} "
            "of them have: the model does not tell them apart"
        )
        return
    if task.name != "classification" or task.multi_label:
        return
    right = sum(map(lambda given, true: given == true, predictions, truths))
    label, most = wanted.most_common(1)[0]
    if right <= most:
        yield (
            f"{split}/accuracy {right / len(truths):.4f} is not above {most / len(truths):.4f}, the share of {label!r} "
            f"among the {len(truths):,} {split} rows: answering that alone would do as well"
        )


def _of_numbers(split: str, predictions: Sequence[float], truths: Sequence[float], loss: float) -> Iterator[str]:
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


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def _shown(answer: Any) -> str:
    if answer == ():
        return "no label"
    text = ", ".join(map(repr, answer)) if isinstance(answer, tuple) else repr(answer)
    return text if len(text) <= 60 else f"{text[:57]}..."
