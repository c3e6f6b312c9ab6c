"""The rows that a run answers worst."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tunesmith.evaluation.text_scores import token_f1
from tunesmith.reporting.blocks import Block, Listing, Sentence

MOST_MISTAKES = 200
"""Rows of a split that are listed on a page; `predictions.jsonl` has all."""
SAMPLES = 5
"""Generated texts that are shown from best to worst."""
LONGEST = 300
"""Characters of a text that are shown."""

Row = Mapping[str, Any]


def mistake_blocks(rows: Sequence[Row], split: str, most: int = MOST_MISTAKES) -> Iterator[Block]:
    """List the rows of a split that are answered worst, worst first; of generated texts also some from best to worst.

    Args:
        rows: The rows of the split.
        split: Its name.
        most: Rows to list at most.
    """
    worst = [(row, answer) for row in rows if (answer := judged(row)) is not None]
    worst.sort(key=lambda pair: -pair[1][0])
    if not worst:
        yield Sentence(f"{split}: all {len(rows):,} rows are right.")
        return
    of_texts = isinstance(worst[0][0].get("num_tokens"), int)
    what = f"{len(rows):,} rows" if of_texts else f"{len(worst):,} of {len(rows):,} rows are not right"
    first = f"; the {most} worst" if len(worst) > most else ""
    columns, table = _table(worst[:most])
    yield Listing(columns, table, f"{split}: {what}{first}.", filtered=True)
    if of_texts and worst[0][1][2] and len(worst) > SAMPLES:
        last = len(worst) - 1
        columns, table = _table([worst[last - place * last // (SAMPLES - 1)] for place in range(SAMPLES)])
        yield Listing(columns, table, f"{split}: {SAMPLES} answers at even distances from the best to the worst.")


def judged(row: Row) -> tuple[float, str, list[Any]] | None:
    """Say how wrong a row's answer is: its degree, the degree's name, and label and prediction as texts.

    Returns:
        None if it is right, or if there is nothing to go by.
    """
    label, prediction, logits = row.get("label"), row.get("prediction"), row.get("logits")
    if isinstance(row.get("num_tokens"), int):
        return _judged_text(row)
    if isinstance(label, str) and isinstance(logits, list):
        if label == prediction:
            return None
        return _confidence(logits), "confidence", [label, prediction]
    if isinstance(label, int | float) and isinstance(prediction, int | float):
        return abs(prediction - label), "off by", [label, prediction]
    if not (isinstance(label, list) and isinstance(prediction, list)):
        return None
    if isinstance(logits, list) and logits and isinstance(logits[0], int | float):
        other = set(map(str, label)) ^ set(map(str, prediction))
        return (float(len(other)), "labels wrong", [_joined(label), _joined(prediction)]) if other else None
    wrong = [place for place, (true, given) in enumerate(zip(label, prediction, strict=False)) if true != given]
    parts = [", ".join(f"{place + 1}: {tags[place]}" for place in wrong) for tags in (label, prediction)]
    return (float(len(wrong)), "words wrong", parts) if wrong else None


def _judged_text(row: Row) -> tuple[float, str, list[Any]] | None:
    label, prediction, loss = row.get("label"), row.get("prediction"), row.get("loss")
    if isinstance(label, str) and isinstance(prediction, str):
        score = token_f1(prediction, label)
        return None if score is None else (1 - score, "1 - token F1", [cut(label), cut(prediction)])
    return (float(loss), "loss", []) if isinstance(loss, int | float) and math.isfinite(loss) else None


def _table(worst: Sequence[tuple[Row, tuple[float, str, list[Any]]]]) -> tuple[list[str], list[list[Any]]]:
    has_text = any("text" in row for row, _ in worst)
    has_group = any("group" in row for row, _ in worst)
    sides = ["label", "prediction"] if worst[0][1][2] else []
    columns = ["id", *["group"] * has_group, *["text"] * has_text, *sides, worst[0][1][1]]
    cells = [
        [
            str(row.get("id")),
            *[row.get("group")] * has_group,
            *[cut(str(row.get("text", "")))] * has_text,
            *parts,
            degree,
        ]
        for row, (degree, _, parts) in worst
    ]
    return columns, cells


def _confidence(logits: Sequence[float]) -> float:
    top = max(logits)
    return 1 / sum(math.exp(logit - top) for logit in logits)


def _joined(labels: Sequence[Any]) -> str:
    return ", ".join(map(str, labels)) or "none"


def cut(text: str) -> str:
    """Put a text on one line, at most `LONGEST` characters of it."""
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
