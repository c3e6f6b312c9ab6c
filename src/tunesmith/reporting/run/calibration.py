"""Whether a run's confidence can be believed, as a chapter of its report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tunesmith.evaluation.statistics.intervals import FEWEST
from tunesmith.reporting.blocks import Block, Chapter, Gallery, Listing, Picture, Sentence
from tunesmith.reporting.drawing.charts import Curve, curve_chart
from tunesmith.reporting.palette import BLUE, FAINT
from tunesmith.runs.record import Record

ERRORS = 1.96
"""Standard errors of the gap between confidence and accuracy beyond which it is called one."""

Row = Mapping[str, Any]


def calibration_chapter(record: Record) -> Chapter | None:
    """Build the chapter on calibration; None if rows have no single label with logits."""
    pictures, sentences = [], []
    for split, rows in _by_split(record.predictions()).items():
        picture, sentence = _of_split(split, rows)
        pictures.append(picture)
        sentences.append(Sentence(sentence))
    blocks: list[Block] = [Gallery(pictures), *sentences]
    return Chapter("calibration", "Calibration", blocks) if pictures else None


def _by_split(rows: Sequence[Row]) -> dict[str, list[Row]]:
    found = {}
    for split in sorted({str(row.get("split")) for row in rows}):  # test before val
        own = [row for row in rows if row.get("split") == split]
        if len(own) >= FEWEST and all(map(_has_confidence, own)):
            found[split] = own
    return found


def _has_confidence(row: Row) -> bool:
    logits = row.get("logits")
    numbers = isinstance(logits, list) and len(logits) > 1 and all(isinstance(item, int | float) for item in logits)
    return numbers and isinstance(row.get("label"), str)


def _of_split(split: str, rows: Sequence[Row]) -> tuple[Picture, str]:
    import numpy as np  # not for runs of other tasks

    from tunesmith.evaluation.statistics.reliability import calibration_gap, confidences_of, reliability_bins

    right = np.array([row["label"] == row["prediction"] for row in rows])
    confidences = confidences_of([row["logits"] for row in rows])
    bins = reliability_bins(confidences, right)
    curves = [
        Curve("as sure as right", [(0.0, 0.0), (1.0, 1.0)], FAINT),
        Curve(split, [(each.confidence, each.accuracy) for each in bins], BLUE),
    ]
    table = [[f"{each.low:.1f} to {each.high:.1f}", each.num_rows, each.confidence, each.accuracy] for each in bins]
    values = Listing(["confidence", "rows", "mean confidence", "share right"], table)
    error = float(np.std(confidences - right)) / len(rows) ** 0.5
    gap = float(confidences.mean() - right.mean())
    side = "" if abs(gap) <= ERRORS * error else " (too sure)" if gap > 0 else " (not sure enough)"
    sentence = (
        f"{split}: the mean confidence is {confidences.mean():.1%}, and {right.mean():.1%} of the answers are right"
        f"{side}; the expected calibration error is {calibration_gap(bins):.4f} over bins of a tenth."
    )
    title = f"{split}: share of right answers by confidence"
    return Picture(title, curve_chart(curves, x_name="confidence"), values), sentence
