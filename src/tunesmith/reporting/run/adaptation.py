"""What a run that started from an earlier one gained on its own rows, and lost on those of the earlier run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tunesmith.evaluation.statistics.intervals import LEVEL
from tunesmith.reporting.blocks import Block, Chapter, Listing, Sentence
from tunesmith.reporting.formatting import number_text
from tunesmith.reporting.run.evaluations import decides, p_text, signed, span_text
from tunesmith.runs.record import Record


def adaptation_text(record: Record) -> str | None:
    """Say what the metric that decides was before and after, a line for each set of rows; None if it was not asked."""
    adaptation = record.adaptation
    if not adaptation:
        return None
    lines = [f"adaptation of {adaptation['from_run']}"]
    lines += [f"  - {_line(each, decides(record))}" for each in adaptation.get("sets", [])]
    if "unmeasured" in adaptation:
        lines.append(f"  - not measured{' on the old rows' * ('sets' in adaptation)}: {adaptation['unmeasured']}")
    return "\n".join(lines)


def adaptation_chapter(record: Record) -> Chapter | None:
    """Build the chapter with every metric before and after; None if it was not asked."""
    adaptation = record.adaptation
    if not adaptation:
        return None
    blocks: list[Block] = [Sentence(f"Started from {adaptation['from_run']}; before is its model as that run left it.")]
    blocks += [_listing(each, decides(record)) for each in adaptation.get("sets", [])]
    if "unmeasured" in adaptation:
        blocks.append(Sentence(f"Not measured: {adaptation['unmeasured']}."))
    return Chapter("adaptation", "Adaptation", blocks)


def _line(each: Mapping[str, Any], name: str) -> str:
    rows = f"{each['data']} {each['split']} ({each['num_rows']:,} rows)"
    change = each["metrics"].get(name)
    if change is None:
        return f"{rows}: {name} has no value"
    line = f"{rows}: {name} {number_text(change['before'])} before, {number_text(change['after'])} after"
    if "difference" not in change:
        return line
    bounds = f", {span_text(change['interval'])}" if change["interval"] else ""
    return f"{line}: {signed(change['difference'])}{bounds} (p {p_text(change['p'])}, {change['test']})"


def _listing(each: Mapping[str, Any], name: str) -> Listing:
    metrics = each["metrics"]
    names = sorted(metrics, key=lambda other: other != name)
    rows = [
        [
            other,
            metrics[other]["before"],
            metrics[other]["after"],
            signed(metrics[other]["after"] - metrics[other]["before"]),
            span_text(metrics[other].get("interval")),
            p_text(metrics[other].get("p")),
        ]
        for other in names
    ]
    what = "of this run" if each["data"] == "new" else "of the earlier run"
    note = f"{each['num_rows']:,} {each['split']} rows {what}, answered by both models."
    columns = ["metric", "before", "after", "change", f"{LEVEL:.0%} interval", "p"]
    return Listing(columns, rows, note, {0} if names[:1] == [name] else set())
