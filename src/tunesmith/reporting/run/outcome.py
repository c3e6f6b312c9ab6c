"""What a report says of a run's result: the metric that decides beside trivial models, and every other metric."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tunesmith.reporting.blocks import Aside, Block, Chapter, Gallery, Listing, Picture, Sentence, Verbatim
from tunesmith.reporting.drawing.charts import Mark, value_chart
from tunesmith.reporting.formatting import number_text
from tunesmith.reporting.run.tables import deciding_first
from tunesmith.runs.record import Record

THIS_RUN = "this run"
RESULT_COLUMNS = ("metric", "model", "value", "low", "high")


def headlines(record: Record) -> list[str]:
    """Return the names of the metric that decides in each split that was measured, `<split>/<name>`, test first."""
    name = str(record.results.get("monitor", "")).partition("/")[2]
    full = [key for key in record.metrics if name and key.partition("/")[2] == name]
    return sorted(full, key=lambda key: key.partition("/")[0] != "test")


def headline_tile(record: Record, full: str) -> tuple[str, str]:
    """Return a metric, and its name with its interval, if it has one."""
    bounds = record.intervals.get(full)
    span = f", {number_text(bounds[0])} to {number_text(bounds[1])}" if bounds else ""
    return number_text(record.metrics[full]), f"{full}{span}"


def warnings_chapter(record: Record) -> Chapter | None:
    """Build the chapter with what could mislead, and what went wrong; None if nothing did."""
    blocks: list[Block] = [Aside(sentence) for sentence in record.warnings]
    for verdict in record.diagnosis:
        blocks.append(Aside(verdict["sentence"]))
        if verdict.get("override"):
            blocks.append(Verbatim(f"tunesmith train --from {record.argument} {verdict['override']}"))
    return Chapter("warnings", "Warnings", blocks) if blocks else None


def headline_chapter(record: Record) -> Chapter | None:
    """Build the chapter on the metric that decides, with its interval and the baselines on the same rows."""
    full = headlines(record)
    if not full:
        return None
    drawn = [name for name in full if name in record.intervals or name in record.baselines]
    blocks: list[Block] = [Gallery([_picture(record, name) for name in drawn])] if drawn else []
    blocks += map(Sentence, _about(record, full))
    return Chapter("result", "The metric that decides", blocks)


def headline_rows(record: Record, full: str) -> list[list[str | float | None]]:
    """Return the run and its baselines: name, value, low, high."""
    low, high = record.intervals.get(full, (None, None))
    rows: list[list[str | float | None]] = [[THIS_RUN, record.metrics[full], low, high]]
    return [*rows, *([name, value, None, None] for name, value in record.baselines.get(full, {}).items())]


def result_rows(record: Record) -> list[list[str | float | None]]:
    """Return the rows of `RESULT_COLUMNS`: in each split the metric that decides, of the run and its baselines."""
    return [[full, *row] for full in headlines(record) for row in headline_rows(record, full)]


def interval_metrics(intervals: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Return the ends of intervals as metrics of their own, `<split>/<name>/low` and `<split>/<name>/high`."""
    return {
        f"{name}/{end}": float(bound)
        for name, ends in intervals.items()
        for end, bound in zip(("low", "high"), ends, strict=True)
    }


def metrics_chapter(record: Record) -> Chapter | None:
    """Build the chapter with every metric of every split."""
    metrics = record.metrics
    if not metrics:
        return None
    splits = list(dict.fromkeys(name.partition("/")[0] for name in metrics))
    decides = str(record.results.get("monitor", "")).partition("/")[2]
    names = deciding_first([name.partition("/")[2] for name in metrics], decides)
    rows = [[name, *(metrics.get(f"{split}/{name}") for split in splits)] for name in names]
    note = f"Weights of step {record.results['best_step']}, the best by {record.results['monitor']}." * (
        "best_step" in record.results
    )
    marked = {number for number, name in enumerate(names) if name == decides}
    return Chapter("metrics", "Metrics", [Listing(["metric", *splits], rows, note, marked)])


def _picture(record: Record, full: str) -> Picture:
    rows = headline_rows(record, full)
    marks = [
        Mark(str(name), value, low, high, accent=place == 0)  # type: ignore[arg-type]
        for place, (name, value, low, high) in enumerate(rows)
    ]
    return Picture(full, value_chart(marks), Listing(["model", full, "low", "high"], rows))


def _about(record: Record, full: Sequence[str]) -> Iterator[str]:
    if any(name in record.intervals for name in full):
        yield "Intervals are 95%, over other rows of the same kind; they do not show what another seed would change."
    else:
        yield (
            "It has no interval: there are fewer than 10 rows, its value is the same on every draw of them, "
            "or it is of a kind that has none (docs/results.md)."
        )
    if not record.baselines:
        yield "No baselines were measured."
