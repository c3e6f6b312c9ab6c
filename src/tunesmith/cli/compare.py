"""`tunesmith compare RUN RUN ...`: compare finished runs on the rows that they have in common."""

from __future__ import annotations

import json
import shlex
import textwrap
from pathlib import Path

from tunesmith.cli.options import Parser
from tunesmith.config.folders import expand
from tunesmith.errors import ConfigError, Problem
from tunesmith.runs.sweep_record import load_winner
from tunesmith.terminal import say

DESCRIPTION = """\
Compare finished runs by what they predicted for the same rows: a metric with its interval, paired tests against the
best run, which runs cannot be told apart, the keys that differ, and the rows that only one of them gets right."""


def main(argv: list[str]) -> int:
    """Print the comparison, in the format asked for."""
    verb = Parser(prog="tunesmith compare", description=textwrap.fill(DESCRIPTION, 100))
    verb.add_argument("runs", type=expand, nargs="+", metavar="RUN", help="directory of a run, or a sweep: its winner")
    verb.add_argument(
        "--metric", metavar="NAME", help="such as accuracy or f1/LABEL (default: the first run's monitor)"
    )
    verb.add_argument("--split", choices=("val", "test"), help="default: test if every run has looked at it, else val")
    verb.add_argument("--format", choices=("table", "markdown", "latex", "csv"), default="table", help="default: table")
    verb.add_argument(
        "--json", type=expand, metavar="FILE", help="also write everything to this file, with ids of rows"
    )
    arguments = verb.parse_args(argv)
    records = [load_winner(path) for path in arguments.runs]
    _require_several([record.path for record in records])

    from tunesmith.reporting.comparison import tables
    from tunesmith.reporting.comparison.comparison import compare_runs
    from tunesmith.storage import write_text

    comparison = compare_runs(records, arguments.metric, arguments.split)
    if arguments.json is not None:
        write_text(arguments.json, json.dumps(tables.as_json(comparison), indent=2, ensure_ascii=False) + "\n")
    texts = {"markdown": tables.markdown, "latex": tables.latex, "csv": tables.comma_separated}
    if arguments.format == "table":
        tables.show_comparison(comparison)
    else:
        say(texts[arguments.format](comparison))
    return 0


def _require_several(paths: list[Path]) -> None:
    if len(set(paths)) < len(paths):
        twice = next(path for path in paths if paths.count(path) > 1)
        raise ConfigError([Problem("RUN", "is named twice", str(twice), "Name different runs")])
    if len(paths) < 2:
        hint = f"To look at one: tunesmith show {shlex.quote(str(paths[0]))}"
        raise ConfigError([Problem("RUN", "at least two runs are needed", str(paths[0]), hint)])
