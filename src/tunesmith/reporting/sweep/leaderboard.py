"""Shows a sweep's trials as a table, in the terminal and in a CSV file."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from rich import box
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from tunesmith.reporting.formatting import (
    count_text,
    number_text,
    objective_texts,
    params_text,
    short_names,
    spreadsheet_cell,
    steps_text,
    value_text,
)
from tunesmith.reporting.run.tables import console, facts_table, warned
from tunesmith.reporting.sweep.trial_warnings import trial_warnings
from tunesmith.reporting.sweep.winner import BEST_FILE, rows_of_winner
from tunesmith.runs.sweep_record import SweepRecord
from tunesmith.runs.trial_record import TrialRecord
from tunesmith.storage import write_text
from tunesmith.terminal import printable, say

LEADERBOARD_FILE = "leaderboard.csv"
REPORT_FILE = "report.html"

COSTS = {"num_trainable_parameters": "trained", "peak_memory_mb": "MB"}
"""Costs of a trial besides time, with their column headers."""
ROOMY = 100
"""Terminal width, in characters, from which costs are shown."""
_STYLES = {"running": "cyan", "failed": "red", "interrupted": "red", "pruned": "dim"}


def has_spread(record: SweepRecord) -> bool:
    """Whether trials were repeated over seeds."""
    return any(trial.spread is not None for trial in record.trials)


def shown_costs(record: SweepRecord) -> list[str]:
    """Return the costs besides time that are not already columns as objectives."""
    return [name for name in COSTS if name not in record.metrics]


def leaderboard_rows(record: SweepRecord) -> list[list[Any]]:
    """Return the rows of `leaderboard.csv`, with the header, in full precision.

    Columns: number, state, one per objective, spread, reason, one per swept key, steps, parameters trained, peak MB,
    seconds, run (relative path).
    """
    repeated = ["spread"] if has_spread(record) else []
    costs = ["steps", *shown_costs(record), "seconds"]
    rows: list[list[Any]] = [["number", "state", *record.metrics, *repeated, "reason", *record.keys, *costs, "run"]]
    for trial in record.leaderboard():
        values = list(trial.values) if trial.values else [None] * len(record.metrics)
        spread = [trial.spread] if repeated else []
        params = [_cell(trial.params[key]) if key in trial.params else None for key in record.keys]
        run = trial.directory.relative_to(record.path).as_posix()
        cost = [getattr(trial, name) for name in costs]
        rows.append([trial.number, trial.state, *values, *spread, trial.reason, *params, *cost, run])
    return rows


def write_leaderboard(record: SweepRecord) -> Path:
    """Write `leaderboard.csv` into the sweep's directory and return its path.

    Text that a spreadsheet would run as a formula gets an apostrophe in front.

    Raises:
        FilesError: The file cannot be written.
    """
    text = io.StringIO()
    rows = [[spreadsheet_cell(cell) for cell in row] for row in leaderboard_rows(record)]
    csv.writer(text, lineterminator="\n").writerows(rows)
    path = record.path / LEADERBOARD_FILE
    write_text(path, text.getvalue())
    return path


def leaderboard_table(record: SweepRecord, width: int | None = None) -> Table:
    """Build a table of all trials with state and reason; text is never read as markup.

    Args:
        record: The sweep.
        width: Terminal width in characters; if one column per swept key does not fit, they share one, and below
            `ROOMY` costs are left out.
    """
    trials = record.leaderboard()
    columns = [
        [name, *(value_text(trial.params[key], 3) if key in trial.params else "" for trial in trials)]
        for name, key in zip(short_names(record.keys), record.keys, strict=True)
    ]
    if any(trial.reason for trial in trials):
        columns.append(["reason", *(trial.reason or "" for trial in trials)])
    costs = width is None or width >= ROOMY
    wide = _table(record, columns, costs=costs)
    if width is None or Measurement.get(console(), console().options.update(width=10_000), wide).maximum <= width:
        return wide
    texts = ["\n".join(filter(None, (params_text(trial, record.keys), trial.reason))) for trial in trials]
    return _table(record, [["parameters and reason", *texts]], costs=costs)


def sweep_facts(record: SweepRecord) -> list[tuple[str, Any]]:
    """Return the most important facts about a sweep, as names and values."""
    facts: list[tuple[str, Any]] = [("sweep", record.name), ("status", record.status)]
    if record.facts.get("reason"):
        facts.append(("reason", record.facts["reason"]))
    facts.append(("objective", objectives_text(record)))
    facts.append(("trials", counts_text(record)))
    best = record.best()
    if best is not None:
        facts.append(("best", best_text(best)))
    elif len(record.metrics) > 1 and record.pareto():
        facts.append(("Pareto front", ", ".join(f"trial {trial.number}" for trial in record.pareto())))
    if any(trial.state == "pruned" for trial in record.trials):
        facts.append(("pruning", saved_text(record)))
    for name, file in (("winner", BEST_FILE), ("leaderboard", LEADERBOARD_FILE), ("report", REPORT_FILE)):
        if (record.path / file).is_file():
            facts.append((name, record.path / file))
    trained_on = rows_of_winner(record)
    if trained_on is not None:
        facts.append(("trains on", trained_on))
    if record.facts.get("command"):
        facts.append(("command", record.facts["command"]))
    return facts


def objectives_text(record: SweepRecord) -> str:
    """Format the objectives with their directions, `maximize val/accuracy`."""
    pairs = zip(record.directions, record.metrics, strict=False)
    return ", ".join(f"{direction} {metric}" for direction, metric in pairs)


def counts_text(record: SweepRecord) -> str:
    """Count the trials by state, `8 of 12: 6 completed, 2 pruned`."""
    planned = record.facts.get("n_trials")
    total = f"{len(record.trials)} of {planned}" if planned and planned > len(record.trials) else len(record.trials)
    states = ", ".join(f"{count} {state}" for state, count in record.counts.items())
    return f"{total}: {states}" if states else str(total)


def best_text(best: TrialRecord) -> str:
    """Describe the winner in one line: number, value, values of the swept keys."""
    spread = f" ± {number_text(best.spread)}" if best.spread is not None else ""
    params = " ".join(f"{key}={value_text(value)}" for key, value in best.params.items())
    return f"trial {best.number}: {', '.join(objective_texts(best, 1))}{spread}" + (f" with {params}" if params else "")


def saved_text(record: SweepRecord) -> str:
    """Describe what pruning saved, in optimizer steps compared with full runs of the same trials."""
    run, full = record.steps
    if not full:
        return "no steps recorded yet"
    return f"{run:,} of {full:,} steps run, {1 - run / full:.0%} saved"


def show_sweep(record: SweepRecord) -> None:
    """Print a sweep: its facts, its trials, and their warnings."""
    out = console()
    out.print(facts_table([(name, printable(str(value))) for name, value in sweep_facts(record)]))
    if record.trials:
        out.print(leaderboard_table(record, out.width))
    warnings = trial_warnings(record)
    if warnings:
        say(warned(warnings))


def _table(record: SweepRecord, last: Sequence[Sequence[str]], *, costs: bool) -> Table:
    """Build the leaderboard, with the columns in `last` at its end.

    Args:
        record: The sweep.
        last: Columns, each a header and one text per trial.
        costs: Whether to show trained parameters, peak memory and seconds.
    """
    trials = record.leaderboard()
    columns = [["trial", *(str(trial.number) for trial in trials)], ["state", *(trial.state for trial in trials)]]
    objectives = [objective_texts(trial, len(record.metrics)) for trial in trials]
    columns += [[metric, *(texts[place] for texts in objectives)] for place, metric in enumerate(record.metrics)]
    if has_spread(record):
        columns.append(["spread", *(number_text(trial.spread) for trial in trials)])
    columns.append(["steps", *map(steps_text, trials)])
    if costs:
        for name in shown_costs(record):
            columns.append([COSTS[name], *(count_text(getattr(trial, name)) for trial in trials)])
        columns.append(["seconds", *(count_text(trial.seconds) for trial in trials)])
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for header, *texts in columns:
        narrow = max(map(len, texts), default=0)
        side: Literal["left", "right"] = "left" if header == "state" else "right"
        table.add_column(Text(printable(header)), justify=side, min_width=narrow, overflow="fold")
    for header, *_ in last:
        table.add_column(Text(printable(header)), overflow="fold")
    for trial, *cells in zip(trials, *(column[1:] for column in [*columns, *last]), strict=True):
        table.add_row(*(Text(printable(cell)) for cell in cells), style=_STYLES.get(trial.state))
    return table


def _cell(value: Any) -> Any:
    """Convert a swept value for the CSV: numbers and texts stay, anything else becomes JSON."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict | bool) or value is None else value
