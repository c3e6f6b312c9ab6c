"""What a run gets wrong, and where: confused labels, rows by length and slice, labels in doubt, and the worst rows."""

from __future__ import annotations

import bisect
import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tunesmith.data.audit.interval import wilson
from tunesmith.evaluation.statistics.intervals import FEWEST
from tunesmith.evaluation.text_scores import token_f1
from tunesmith.reporting.blocks import Block, Chapter, Listing, Sentence
from tunesmith.reporting.run.mistakes import MOST_MISTAKES, Row, mistake_blocks
from tunesmith.reporting.run.suspects import suspects_listing
from tunesmith.runs.record import Record

MATRIX = 8
"""Labels up to which confusions are shown as a matrix; of more, the most frequent are listed."""
MOST_PAIRS = 20
"""Confusions that are listed."""
PARTS = 4
"""Into how many parts rows are divided by their length."""
MOST_VALUES = 20
"""Values of a slice that are listed, those with the most rows."""


def errors_chapter(record: Record, rows: Sequence[Row] | None = None, lacking: str = "") -> Chapter | None:
    """Build the chapter on what a run gets wrong; None without predictions.

    Args:
        record: The run.
        rows: Its predictions, with their texts where there are any; None reads them.
        lacking: Why some have no text.
    """
    rows = record.predictions() if rows is None else rows
    blocks = list(error_blocks(rows, record.results.get("labels") or []))
    if blocks and not any("text" in row for row in rows) and not lacking:
        lacking = f"The run kept no texts. To read them from its data again: tunesmith report {record.argument} --texts"
    return Chapter("errors", "Errors", [*map(Sentence, filter(None, [lacking])), *blocks]) if blocks else None


def error_blocks(rows: Sequence[Row], labels: Sequence[str], most: int = MOST_MISTAKES) -> Iterator[Block]:
    """Show what is confused, by length and by slice; labels in doubt; and the worst rows of each split.

    Args:
        rows: Rows of `predictions.jsonl`, with their `text` if it is known, and with `slices` if asked for.
        labels: Label names in the order of the logits; empty if they are not the same for all rows.
        most: Rows of a split to list at most.
    """
    for split in sorted({str(row.get("split")) for row in rows}):  # test before val
        own = [row for row in rows if str(row.get("split")) == split]
        yield from mistake_blocks(own, split, most)
        for listing in (confusions(own, split), by_length(own, split), *by_slice(own, split)):
            if listing is not None:
                yield listing
    doubts = suspects_listing(rows, labels, most)
    if doubts is not None:
        yield doubts


def confusions(rows: Sequence[Row], split: str) -> Listing | None:
    """Count which labels or tags are taken for which; None for other answers, or without a mistake.

    Where a text may have several labels, it is how often each is missed and wrongly given.
    """
    if any(isinstance(row.get("num_tokens"), int) for row in rows):
        return None
    pairs = Counter(pair for row in rows for pair in _pairs(row))
    if not any(true != given for true, given in pairs):
        several = [row for row in rows if _has_several(row)]
        return _missed(several, split) if several else None
    names = sorted({name for pair in pairs for name in pair})
    if len(names) <= MATRIX:
        table = [[true, *(pairs[true, given] for given in names)] for true in names]
        return Listing(["label", *names], table, f"{split}: rows of each label by what they are taken for.")
    wrong = [(pair, count) for pair, count in pairs.most_common() if pair[0] != pair[1]]
    of_label = Counter[str]()
    for (true, _), count in pairs.items():
        of_label[true] += count
    listed = [[true, given, count, count / of_label[true]] for (true, given), count in wrong[:MOST_PAIRS]]
    first = f"the {MOST_PAIRS} most frequent of {len(wrong):,} confusions" if len(wrong) > MOST_PAIRS else "confusions"
    return Listing(["label", "taken for", "count", "of the label"], listed, f"{split}: {first}.")


def _pairs(row: Row) -> list[tuple[str, str]]:
    """The label and the answer of a row, or of each of its words."""
    label, prediction = row.get("label"), row.get("prediction")
    if isinstance(label, str) and isinstance(prediction, str):
        return [(label, prediction)]
    if isinstance(label, list) and isinstance(prediction, list) and not _has_several(row):
        return [(str(true), str(given)) for true, given in zip(label, prediction, strict=False) if given is not None]
    return []


def _has_several(row: Row) -> bool:
    """Whether a row is of texts that may have several labels: then it has one logit for each."""
    logits = row.get("logits")
    one_each = isinstance(logits, list) and bool(logits) and isinstance(logits[0], int | float)
    return one_each and isinstance(row.get("label"), list)


def _missed(rows: Sequence[Row], split: str) -> Listing | None:
    having, missed, wrongly = Counter[str](), Counter[str](), Counter[str]()
    for row in rows:
        true, given = set(map(str, row["label"])), set(map(str, row["prediction"]))
        having.update(true)
        missed.update(true - given)
        wrongly.update(given - true)
    names = sorted({*missed, *wrongly}, key=lambda name: (-missed[name] - wrongly[name], name))
    listed = [[name, having[name], missed[name], wrongly[name]] for name in names[:MOST_PAIRS]]
    note = f"{split}: labels by how often they are missed and wrongly given."
    return Listing(["label", "rows with it", "missed", "wrongly given"], listed, note) if listed else None


def score(row: Row) -> tuple[str, float] | None:
    """Say how well a row is answered, with the measure's name; None if there is nothing to go by."""
    label, prediction, loss = row.get("label"), row.get("prediction"), row.get("loss")
    if isinstance(row.get("num_tokens"), int):
        if isinstance(label, str) and isinstance(prediction, str):
            return "token F1", token_f1(prediction, label)
        return ("loss", float(loss)) if isinstance(loss, int | float) else None
    if isinstance(label, str) and isinstance(prediction, str):
        return "right", float(label == prediction)
    if isinstance(label, list) and isinstance(prediction, list):
        if _has_several(row):
            return "right", float(set(map(str, label)) == set(map(str, prediction)))
        words = [true == given for true, given in zip(label, prediction, strict=False)]
        return ("words right", statistics.fmean(words)) if words else None
    if isinstance(label, int | float) and isinstance(prediction, int | float):
        return "off by", abs(prediction - label)
    return None


def by_length(rows: Sequence[Row], split: str) -> Listing | None:
    """Measure rows by the length of their texts, in parts of about as many rows; None if no text is known."""
    known = [row for row in rows if isinstance(row.get("text"), str)]
    lengths = sorted(len(row["text"]) for row in known)
    edges = sorted({lengths[len(lengths) * part // PARTS] for part in range(1, PARTS)}) if lengths else []
    if not edges or lengths[0] == lengths[-1]:
        return None
    parts: dict[int, list[Row]] = {}
    for row in known:
        parts.setdefault(bisect.bisect_left(edges, len(row["text"])), []).append(row)
    named = {}
    for part in sorted(parts):
        own = [len(row["text"]) for row in parts[part]]
        named[f"{min(own):,} to {max(own):,}"] = parts[part]
    return _measured("characters", named, f"{split}: by the length of the text.")


def by_slice(rows: Sequence[Row], split: str) -> Iterator[Listing]:
    """Measure rows by their label, their source, their group, and the columns that were asked for."""
    columns = dict.fromkeys(column for row in rows for column in row.get("slices", ()))
    values = {column: [row.get("slices", {}).get(column) for row in rows] for column in columns}
    of_rows = {name: [row.get(name) for row in rows] for name in ("source", "group") if name not in values}
    labels = [row.get("label") if "num_tokens" not in row else None for row in rows]
    for name, found in {"label": labels, **of_rows, **values}.items():
        parts: dict[str, list[Row]] = {}
        for row, value in zip(rows, found, strict=True):
            if isinstance(value, str):
                parts.setdefault(value, []).append(row)
        large = {value: own for value, own in parts.items() if len(own) >= FEWEST or name in columns}
        if len(parts) < 2 or not large:
            continue
        most = dict(sorted(large.items(), key=lambda pair: (-len(pair[1]), pair[0]))[:MOST_VALUES])
        rest = f"; the {len(most)} with the most rows of {len(parts):,}" if len(most) < len(parts) else ""
        yield _measured(name, most, f"{split}: by {name}{rest}.")


def _measured(name: str, parts: Mapping[str, Sequence[Row]], note: str) -> Listing:
    """Build the table of how the rows of each part are answered."""
    table: list[list[Any]] = []
    measure = ""
    for value, rows in parts.items():
        scores = [found for row in rows if (found := score(row)) is not None]
        measure = scores[0][0] if scores else measure
        numbers = [number for _, number in scores]
        table.append([value, len(rows), statistics.fmean(numbers) if numbers else None, *_interval(rows, numbers)])
    columns = [name, "rows", measure, "low", "high"]
    if not any(row[3] is not None for row in table):
        return Listing(columns[:3], [row[:3] for row in table], note)
    return Listing(columns, table, f"{note} With 95% intervals.")


def _interval(rows: Sequence[Row], numbers: Sequence[float]) -> tuple[float | None, float | None]:
    """The interval of a fraction of rows; none for means, few rows, or rows in groups, which are alike."""
    if len(numbers) < FEWEST or set(numbers) - {0.0, 1.0} or any("group" in row for row in rows):
        return None, None
    return wilson(statistics.fmean(numbers), len(numbers))
