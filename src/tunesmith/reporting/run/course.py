"""The curves of a run, as a chapter of its report."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from tunesmith.reporting.blocks import Block, Chapter, Gallery, Listing, Picture, Sentence
from tunesmith.reporting.drawing.charts import Curve, curve_chart
from tunesmith.reporting.palette import AMBER, BLUE
from tunesmith.runs.record import Record

MOST_CHARTS = 9
MOST_POINTS = 200
"""Points of a curve that are drawn; of more, each is a mean over several."""
COLORS = {"train": AMBER, "val": BLUE}

Points = list[tuple[float, float]]


def curves_chapter(record: Record) -> Chapter | None:
    """Build the chapter with the curves; None if the run has none."""
    curves = record.curves()
    by_name = _by_name(curves)
    alone = [name for name, by_split in by_name.items() if max(map(len, by_split.values())) < 2]
    by_name = {name: by_split for name, by_split in by_name.items() if name not in alone}
    if not by_name:
        return None
    decides = str(record.results.get("monitor", "")).partition("/")[2]
    first = [name for name in ("loss", decides, "lr", "grad_norm") if name in by_name]
    names = list(dict.fromkeys([*first, *(name for name in by_name if "/" not in name)]))
    pictures = [_picture(name, by_name[name], record.results.get("best_step")) for name in names[:MOST_CHARTS]]
    blocks: list[Block] = [Gallery(pictures)]
    blocks += map(Sentence, _about(record, curves, len(by_name) - len(pictures), len(alone)))
    return Chapter("curves", "Curves", blocks)


def _by_name(curves: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Points]]:
    """Return name to split to the finite points of training and validation."""
    named: dict[str, dict[str, Points]] = {}
    for point in curves:
        step = point.get("step")
        if not isinstance(step, int):
            continue
        for key, value in point.items():
            split, _, name = key.partition("/")
            if split in COLORS and name and isinstance(value, int | float) and math.isfinite(value):
                named.setdefault(name, {}).setdefault(split, []).append((float(step), float(value)))
    return named


def _picture(name: str, by_split: Mapping[str, Points], best_step: int | None) -> Picture:
    curves = [Curve(split, thinned(points), COLORS[split]) for split, points in by_split.items()]
    rows = [[split, points[0][1], points[-1][1], int(points[-1][0])] for split, points in by_split.items()]
    return Picture(name, curve_chart(curves, at=best_step), Listing(["split", "first", "last", "at step"], rows))


def thinned(points: Points) -> Points:
    """Return at most `MOST_POINTS` points: means of as many neighbours as it takes."""
    size = -(-len(points) // MOST_POINTS)
    parts = [points[start : start + size] for start in range(0, len(points), size)]
    return [(sum(x for x, _ in part) / len(part), sum(y for _, y in part) / len(part)) for part in parts]


def _about(record: Record, curves: Sequence[Mapping[str, Any]], not_drawn: int, alone: int) -> list[str]:
    sentences = []
    if "best_step" in record.results:
        sentences.append(f"The dashed line is step {record.results['best_step']:,}, whose weights were kept.")
    if len(curves) > MOST_POINTS:
        sentences.append(f"Of curves with more than {MOST_POINTS} points, means of neighbours are drawn.")
    lost = sum(isinstance(value, float) and not math.isfinite(value) for point in curves for value in point.values())
    if lost:
        sentences.append(f"{lost:,} values are not finite and are not drawn.")
    if alone:
        sentences.append(f"{alone:,} metrics were measured only once, and have no curve.")
    if not_drawn:
        sentences.append(f"{not_drawn:,} more curves are in metrics.jsonl.")
    return sentences
