"""Shows finished runs as tables in the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tunesmith.reporting.blocks import Block, Listing, Sentence, cell_text
from tunesmith.reporting.run.adaptation import adaptation_text
from tunesmith.reporting.run.by_slice import slices_text
from tunesmith.reporting.run.calibration import calibration_text
from tunesmith.reporting.run.diagnosis import diagnosis_text
from tunesmith.reporting.run.evaluations import evaluations_listing
from tunesmith.runs.evaluations import evaluations_of
from tunesmith.runs.record import Record
from tunesmith.terminal import printable, say

RUN_REPORT = "report.html"
"""The page of a run, in its directory."""


def console() -> Console:
    """Return a console on standard output, plain if it is not a terminal; text is never read as markup."""
    return Console(markup=False, highlight=False, soft_wrap=False)


def cell(value: Any) -> Text:
    """Format a value for a table, without control characters that a terminal would act on."""
    return Text(printable(str(value)))


def metrics_table(metrics: Mapping[str, float], monitor: str = "") -> Table:
    """Build a table with one row per metric and one column per split.

    Args:
        metrics: `<split>/<name>` to value.
        monitor: The metric that decides, such as `val/accuracy`: it stands first, in bold and above a line.
    """
    splits = list(dict.fromkeys(name.partition("/")[0] for name in metrics))
    decides = monitor.partition("/")[2]
    names = deciding_first([name.partition("/")[2] for name in metrics], decides)
    table = Table("metric")
    for split in splits:
        table.add_column(cell(split), justify="right")
    for name in names:
        cells = [metrics.get(f"{split}/{name}") for split in splits]
        first = name == decides
        texts = ("" if value is None else f"{value:.4f}" for value in cells)
        table.add_row(cell(name), *texts, style="bold" if first else None, end_section=first)
    return table


def deciding_first(names: Sequence[str], decides: str) -> list[str]:
    """Return the names of metrics once each, the one that decides before the others."""
    return sorted(dict.fromkeys(names), key=lambda name: name != decides)


def facts_table(facts: Sequence[tuple[str, Any]]) -> Table:
    """Build a table with two columns: names and values."""
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts:
        table.add_row(cell(name), cell(value))
    return table


def listing_table(listing: Listing) -> Table:
    """Build the table of a listing, numbers to the right."""
    table = Table()
    for place, name in enumerate(listing.columns):
        table.add_column(cell(name), justify="right" if listing.is_number(place) else "left", overflow="fold")
    for row in listing.rows:
        table.add_row(*(cell(cell_text(value)) for value in row))
    return table


def show_blocks(blocks: Iterable[Block]) -> None:
    """Print tables, each below its note, and sentences."""
    out = console()
    for block in blocks:
        if isinstance(block, Listing):
            say(block.note)
            out.print(listing_table(block))
        elif isinstance(block, Sentence):
            say(block.text)


def run_facts(record: Record) -> list[tuple[str, Any]]:
    """Return the most important facts about a run, as names and values."""
    results = record.results
    facts: list[tuple[str, Any]] = [("status", record.status)]
    if "reason" in results:
        facts.append(("reason", results["reason"]))
    rows = results.get("num_rows")
    if rows:
        facts.append(("rows", ", ".join(f"{count} {split}" for split, count in rows.items())))
    if "num_parameters" in results:
        total, trained = results["num_parameters"], results["num_trainable_parameters"]
        facts.append(("parameters", f"{total:,}, {trained:,} of them trained ({trained / total:.2%})"))
    if "best_step" in results:
        facts.append(("best step", f"{results['best_step']} of {results['steps']} by {results['monitor']}"))
        facts.append(("speed", f"{results['train_samples_per_s']} training samples/s"))
    if "duration_s" in results:
        facts.append(("duration", f"{results['duration_s']:.1f} s"))
    if "peak_memory_mb" in results:
        facts.append(("peak memory", f"{results['peak_memory_mb']:,.0f} MB"))
    for name, key in (("seed", "seed"), ("weights", "weights_sha256"), ("data", "data_fingerprint")):
        if key in results:
            facts.append((name, results[key]))
    if record.provenance:
        facts.append(("command", record.provenance.get("command")))
    return facts


def show_run(record: Record) -> None:
    """Print a run: its facts, metrics, warnings and evaluations on other data."""
    out = console()
    out.print(facts_table(run_facts(record)))
    show_result(record)
    evaluations = evaluations_of(record)
    if evaluations:
        out.print(listing_table(evaluations_listing(record, evaluations)))


def show_result(record: Record) -> None:
    """Print the metrics of a run, followed by its warnings and its diagnosis."""
    out = console()
    if record.metrics:
        out.print(metrics_table(record.metrics, record.results.get("monitor", "")))
    if record.intervals:
        say(intervals_text(record.intervals))
    if record.slices:
        say(slices_text(record.slices, record.results.get("monitor", "")))
    for name, values in record.baselines.items():
        say(f"baselines of {name}: {', '.join(f'{baseline} {value:.4f}' for baseline, value in values.items())}")
    if record.calibration is not None and (line := calibration_text(record.calibration)):
        say(line)
    if (adapted := adaptation_text(record)) is not None:
        say(adapted)
    if record.tables:
        say(f"tables in {record.directory.results}: {', '.join(record.tables)}")
    if record.notes:
        say("\n".join(["notes", *(f"  - {note['sentence']}" for note in record.notes)]))
    if record.warnings:
        say(warned(record.warnings))
    if record.diagnosis:
        say(diagnosis_text(record.diagnosis, record.argument))
    if (record.path / RUN_REPORT).is_file():
        say(f"report: {record.path / RUN_REPORT}")


def intervals_text(intervals: Mapping[str, Sequence[float]]) -> str:
    """Format the intervals of metrics as a line."""
    return "95% intervals: " + ", ".join(f"{name} {low:.4f} to {high:.4f}" for name, (low, high) in intervals.items())


def warned(sentences: Sequence[str]) -> str:
    """Format warnings as a block of lines."""
    return "\n".join(["warnings", *(f"  - {sentence}" for sentence in sentences)])


def side_by_side(then: Record, now: Record, differences: Sequence[tuple[str, Any, Any]] = ()) -> Table:
    """Compare two runs: every metric, the weight hash, and the differing conditions; differing rows are marked."""
    rows: list[tuple[str, Any, Any]] = [
        (name, then.metrics.get(name), now.metrics.get(name)) for name in {**then.metrics, **now.metrics}
    ]
    rows.append(("weights_sha256", then.results.get("weights_sha256"), now.results.get("weights_sha256")))
    return then_and_now([*rows, *differences])


def then_and_now(rows: Sequence[tuple[str, Any, Any]]) -> Table:
    """Build a table of earlier and current values; differing rows are marked."""
    table = Table()
    table.add_column("", no_wrap=True)
    table.add_column("then", overflow="fold", ratio=1)
    table.add_column("now", overflow="fold", ratio=1)
    table.add_column("", no_wrap=True)
    for name, first, second in rows:
        table.add_row(cell(name), cell(_short(first)), cell(_short(second)), "" if first == second else "differs")
    return table


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6f}"
    text = "" if value is None else str(value)
    return text if len(text) <= 64 else text[:61] + "..."
