"""Writes a comparison of runs for the terminal, a paper or a program."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from rich.table import Table

from tunesmith.evaluation.statistics.intervals import LEVEL, Interval
from tunesmith.reporting.comparison.comparison import Entry, RunComparison, short_names_of
from tunesmith.reporting.formatting import spreadsheet_cell
from tunesmith.reporting.run.tables import cell, console, warned
from tunesmith.terminal import say

SHOWN_ROWS = 5
"""Ids of rows that the terminal shows for each run."""
LATEX = {"&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}"}
LATEX |= {"^": r"\textasciicircum{}", "\\": r"\textbackslash{}"}


def header(comparison: RunComparison) -> list[str]:
    """Return the names of the columns."""
    seeds = ["sd over seeds"] * any(entry.deviation is not None for entry in comparison.entries)
    return ["run", comparison.metric, *seeds, f"{LEVEL:.0%} interval", "behind the best by", "p (Holm)", "verdict"]


def cells(comparison: RunComparison) -> list[list[str]]:
    """Return the rows of the table as text, the best run first."""
    names = short_names_of(comparison.entries)
    seeds = any(entry.deviation is not None for entry in comparison.entries)
    return [
        [
            name,
            number(entry.value),
            *[_deviation(entry)] * seeds,
            bounds(entry.interval),
            _behind(entry),
            _p(entry),
            _verdict(entry, place),
        ]
        for place, (name, entry) in enumerate(zip(names, comparison.entries, strict=True))
    ]


def show_comparison(comparison: RunComparison) -> None:
    """Print a comparison: metrics, ties, the keys and rows that differ, and what to bear in mind."""
    out = console()
    out.print(_table(header(comparison), cells(comparison)))
    say(f"{comparison.num_rows:,} rows{_left_out(comparison)}; {_test_names(comparison)}")
    if len(comparison.ties) > 1:
        cheapest = short_names_of(comparison.entries)[comparison.entries.index(comparison.cheapest)]
        say(f"{len(comparison.ties)} runs cannot be told apart; the cheapest of them is {cheapest}")
    for line in seed_lines(comparison):
        say(line)
    if comparison.keys:
        out.print(
            _table(
                ["key", *short_names_of(comparison.entries)], [[key, *map(str, row)] for key, row in comparison.keys]
            )
        )
    else:
        say("the configs do not differ in anything that can change a result")
    for name, entry in list(zip(short_names_of(comparison.entries), comparison.entries, strict=True))[1:]:
        if entry.gained or entry.lost:
            say(f"{name} against the best: {_flips('right', entry.gained)}; {_flips('wrong', entry.lost)}")
    if comparison.remarks:
        say(warned(comparison.remarks))


def markdown(comparison: RunComparison) -> str:
    """Return the table in Markdown."""
    rows = [header(comparison), ["---"] * len(header(comparison)), *cells(comparison)]
    return "\n".join("| " + " | ".join(text.replace("|", r"\|") for text in row) + " |" for row in rows)


def latex(comparison: RunComparison) -> str:
    """Return the table in LaTeX, for the package booktabs."""
    rows = [" & ".join(_latex(text) for text in row) + r" \\" for row in [header(comparison), *cells(comparison)]]
    lines = [
        rf"\begin{{tabular}}{{l{'r' * (len(header(comparison)) - 2)}l}}",
        r"\toprule",
        rows[0],
        r"\midrule",
        *rows[1:],
        r"\bottomrule",
    ]
    return "\n".join([*lines, r"\end{tabular}"])


def comma_separated(comparison: RunComparison) -> str:
    """Return the table as CSV in full precision; text that a spreadsheet would run as a formula gets an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(
        ["run", comparison.metric, "low", "high", "behind", "behind_low", "behind_high", "p", "tied", "seeds", "sd"]
    )
    for entry in comparison.entries:
        test = entry.against_best
        row = [str(entry.record.path), entry.value, *_both(entry.interval)]
        row += [test.difference if test else None, *_both(test.interval if test else None), entry.p, entry.tied]
        row += [len(entry.runs), entry.deviation]
        writer.writerow([spreadsheet_cell(item) for item in row])
    return out.getvalue().rstrip("\n")


def as_json(comparison: RunComparison) -> dict[str, Any]:
    """Return all of a comparison as JSON values."""
    return {
        "metric": comparison.metric,
        "num_rows": comparison.num_rows,
        "left_out": comparison.left_out,
        "level": LEVEL,
        "runs": [_entry(entry) for entry in comparison.entries],
        "ties": [str(entry.record.path) for entry in comparison.ties],
        "keys": {key: values for key, values in comparison.keys},
        "remarks": comparison.remarks,
    }


def seed_lines(comparison: RunComparison) -> Iterator[str]:
    """Say for each method that was run over several seeds what makes its runs differ."""
    for name, entry in zip(short_names_of(comparison.entries), comparison.entries, strict=True):
        spread = entry.spread
        share = spread.share_of_seed if spread else None
        if spread is None or share is None:
            continue
        yield (
            f"{name}: {share:.0%} of the variance of one run is the seed (standard deviation "
            f"{number(math.sqrt(max(spread.of_seed, 0.0)))}), the rest the sample of rows "
            f"({number(math.sqrt(spread.of_rows))})"
        )


def number(value: float) -> str:
    """Format a metric."""
    return f"{value:.4f}" if abs(value) < 1e4 else f"{value:.4g}"


def bounds(interval: Interval | None) -> str:
    """Format an interval; empty if there is none."""
    return f"{number(interval.low)} to {number(interval.high)}" if interval else ""


def _table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table()
    for name in names:
        table.add_column(cell(name), overflow="fold")
    for row in rows:
        table.add_row(*map(cell, row))
    return table


def _deviation(entry: Entry) -> str:
    return "" if entry.deviation is None else number(entry.deviation)


def _behind(entry: Entry) -> str:
    test = entry.against_best
    if test is None:
        return ""
    span = f" ({bounds(test.interval)})" if test.interval else ""
    return f"{number(test.difference)}{span}"


def _p(entry: Entry) -> str:
    return "" if entry.p is None else "< 0.0001" if entry.p < 0.0001 else f"{entry.p:.4f}"


def _verdict(entry: Entry, place: int) -> str:
    if place == 0:
        return "best"
    return "not tested" if entry.p is None else "tied with the best" if entry.tied else "worse"


def _left_out(comparison: RunComparison) -> str:
    return f" that all runs have, {comparison.left_out:,} others left out" if comparison.left_out else ""


def _test_names(comparison: RunComparison) -> str:
    tests = {entry.against_best.test for entry in comparison.entries if entry.against_best}
    return f"test: {', '.join(sorted(tests))}" if tests else "no test"


def _flips(what: str, ids: Sequence[str]) -> str:
    more = f" and {len(ids) - SHOWN_ROWS} more" if len(ids) > SHOWN_ROWS else ""
    return f"{len(ids)} more rows {what}" + (f" (id {', '.join(ids[:SHOWN_ROWS])}{more})" if ids else "")


def _latex(text: str) -> str:
    return "".join(LATEX.get(character, character) for character in text)


def _both(interval: Interval | None) -> list[float | None]:
    return [None, None] if interval is None else [interval.low, interval.high]


def _entry(entry: Entry) -> dict[str, Any]:
    test = entry.against_best
    return {
        "run": str(entry.record.path),
        "value": entry.value,
        "interval": _both(entry.interval),
        "behind": test.difference if test else None,
        "behind_interval": _both(test.interval if test else None),
        "p": entry.p,
        "test": test.test if test else None,
        "tied": entry.tied,
        "gained": entry.gained,
        "lost": entry.lost,
        "seeds": [{"run": str(run.path), "seed": run.results.get("seed")} for run in entry.runs],
        "deviation": entry.deviation,
        "share_of_seed": entry.spread.share_of_seed if entry.spread else None,
        "tuning": asdict(entry.tuning) if entry.tuning else None,
    }
