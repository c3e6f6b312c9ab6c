"""Evaluations of a run on other data: what one changed, and all of them over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tunesmith.evaluation.statistics.intervals import LEVEL
from tunesmith.reporting.blocks import Block, Chapter, Gallery, Listing, Picture
from tunesmith.reporting.drawing.charts import Mark, value_chart
from tunesmith.reporting.formatting import number_text
from tunesmith.runs.evaluations import Evaluated, evaluations_of
from tunesmith.runs.record import Record

MOST_DRAWN = 24
"""Evaluations that the chart shows, the latest."""


def change_listing(changes: Mapping[str, Any], decides: str) -> Listing:
    """Build the table of what changed: each metric then and now, the metric that decides first.

    Args:
        changes: As in an evaluation's `results.json`.
        decides: The monitored metric, without its split.
    """
    metrics: Mapping[str, Mapping[str, Any]] = changes["metrics"]
    names = sorted(metrics, key=lambda name: name != decides)
    rows = [
        [
            name,
            metrics[name]["then"],
            metrics[name]["now"],
            signed(metrics[name]["now"] - metrics[name]["then"]),
            span_text(metrics[name].get("interval")),
            p_text(metrics[name].get("p")),
        ]
        for name in names
    ]
    marked = {0} if names[:1] == [decides] else set()
    columns = ["metric", f"{changes['against']} of the run", "now", "change", f"{LEVEL:.0%} interval", "p"]
    return Listing(columns, rows, marked=marked)


def drift_lines(drifts: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say how far the rows differ from the run's own, one line for each property."""
    lines = []
    for drift in drifts:
        if drift["moved"]:
            moved = ", ".join(f"{name} {then:.1%} to {now:.1%}" for name, (then, now) in drift["moved"].items())
        elif drift["kind"] == "unknown words":
            moved = f"{drift['then']:.1%} to {drift['now']:.1%} of the words are not in the training rows"
        else:
            moved = f"median {number_text(float(drift['then']))} to {number_text(float(drift['now']))}"
        lines.append(f"{drift['kind']}: {moved} (distance {drift['distance']:.3f}, p {p_text(drift['p'])})")
    return lines


def evaluations_listing(record: Record, evaluations: Sequence[Evaluated]) -> Listing:
    """Build the table of the evaluations of a run, oldest first, by the metric that decides."""
    name = decides(record)
    rows = []
    for each in evaluations:
        change = each.change(name) or {}
        difference = signed(change["difference"]) if "difference" in change else ""
        cells = [each.results["metrics"].get(f"{each.split}/{name}"), difference, span_text(change.get("interval"))]
        rows.append([each.time, each.data, each.split, each.num_rows, *cells, p_text(change.get("p"))])
    columns = ["evaluated", "data", "split", "rows", name, "change", f"{LEVEL:.0%} interval", "p"]
    return Listing(columns, rows)


def evaluations_chapter(record: Record) -> Chapter | None:
    """Build the chapter on evaluations; None if there are none.

    Raises:
        FilesError: A file of one is damaged.
    """
    evaluations = evaluations_of(record)
    if not evaluations:
        return None
    listing = evaluations_listing(record, evaluations)
    marks = [mark for each in evaluations[-MOST_DRAWN:] if (mark := _mark(record, each)) is not None]
    drawn: list[Block] = [Gallery([Picture(decides(record), value_chart(marks))])] if marks else []
    return Chapter("evaluations", "Evaluations", [*drawn, listing])


def decides(record: Record) -> str:
    """Return the name of the metric that decides, without its split."""
    return str(record.results.get("monitor", "")).partition("/")[2]


def signed(value: float) -> str:
    """Format a difference with its sign."""
    return f"{'+' if value >= 0 else '-'}{number_text(abs(float(value)))}"


def span_text(bounds: Sequence[float] | None) -> str:
    """Format the interval of a difference; empty if there is none."""
    return f"{signed(bounds[0])} to {signed(bounds[1])}" if bounds else ""


def p_text(p: float | None) -> str:
    """Format a p-value; empty if there is none."""
    return "" if p is None else "< 0.0001" if p < 0.0001 else f"{p:.4f}"


def _mark(record: Record, evaluated: Evaluated) -> Mark | None:
    full = f"{evaluated.split}/{decides(record)}"
    value = evaluated.results["metrics"].get(full)
    low, high = evaluated.results.get("intervals", {}).get(full, (None, None))
    return None if value is None else Mark(f"{evaluated.time} {evaluated.split}", value, low, high, accent=True)
