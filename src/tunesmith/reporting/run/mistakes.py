"""The rows that a run answers worst, as a chapter of its report."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from tunesmith.evaluation.text_scores import token_f1
from tunesmith.reporting.blocks import Block, Chapter, Listing, Sentence
from tunesmith.runs.record import Record

MOST_MISTAKES = 200
"""Rows of a split that are listed; `predictions.jsonl` has all."""
LONGEST = 300
"""Characters of a text that are shown."""

Row = Mapping[str, Any]


def mistakes_chapter(record: Record) -> Chapter | None:
    """Build the chapter with the rows that are answered worst, the worst first; None without predictions."""
    rows = record.predictions()
    blocks: list[Block] = []
    for split in sorted({str(row.get("split")) for row in rows}):  # test before val
        own = [row for row in rows if row.get("split") == split]
        worst = [(row, answer) for row in own if (answer := judged(row)) is not None]
        worst.sort(key=lambda pair: -pair[1][0])
        if not worst:
            blocks.append(Sentence(f"{split}: all {len(own):,} rows are right."))
            continue
        of_texts = isinstance(worst[0][0].get("num_tokens"), int)
        what = f"{len(own):,} rows" if of_texts else f"{len(worst):,} of {len(own):,} rows are not right"
        first = f"; the {MOST_MISTAKES} worst" if len(worst) > MOST_MISTAKES else ""
        columns, table = _table(worst[:MOST_MISTAKES])
        blocks.append(Listing(columns, table, f"{split}: {what}{first}.", filtered=True))
    return Chapter("errors", "Errors", blocks) if blocks else None


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
        return None if score is None else (1 - score, "1 - token F1", [_cut(label), _cut(prediction)])
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
            *[_cut(str(row.get("text", "")))] * has_text,
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


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
