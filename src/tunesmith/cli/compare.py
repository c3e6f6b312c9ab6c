"""`tunesmith compare RUN RUN ...`: compare finished runs on the rows that they have in common."""

from __future__ import annotations

import json
import shlex
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from tunesmith.cli.options import Parser
from tunesmith.config.folders import expand
from tunesmith.errors import ConfigError, Problem
from tunesmith.runs.sweep_record import load_winners
from tunesmith.storage import replace_file
from tunesmith.terminal import say

if TYPE_CHECKING:
    from tunesmith.reporting.comparison.comparison import RunComparison

FIGURES = (".svg", ".pdf")
DESCRIPTION = """\
Compare finished runs by what they predicted for the same rows: a metric with its interval, paired tests against the
best run, which runs cannot be told apart, the keys that differ, and the rows that only one of them gets right. Runs
that differ only in their seed are one row."""


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
    verb.add_argument("--html", type=expand, metavar="FILE", help="also write it as a page that opens from disk")
    verb.add_argument("--figure", type=expand, metavar="FILE", help="also draw the metric with intervals: .svg or .pdf")
    arguments = verb.parse_args(argv)
    if arguments.figure is not None and arguments.figure.suffix not in FIGURES:
        hint = f"--figure {arguments.figure.stem}.svg"
        raise ConfigError([Problem("--figure", f"takes {' or '.join(FIGURES)}", arguments.figure.name, hint)])
    records = [record for path in arguments.runs for record in load_winners(path)]
    _require_several([record.path for record in records])

    from tunesmith.reporting.comparison import tables
    from tunesmith.reporting.comparison.comparison import compare_runs
    from tunesmith.reporting.comparison.document import comparison_document
    from tunesmith.reporting.page import render_page
    from tunesmith.storage import write_text

    comparison = compare_runs(records, arguments.metric, arguments.split)
    if arguments.json is not None:
        write_text(arguments.json, json.dumps(tables.as_json(comparison), indent=2, ensure_ascii=False) + "\n")
    texts = {"markdown": tables.markdown, "latex": tables.latex, "csv": tables.comma_separated}
    if arguments.html is not None:
        write_text(arguments.html, render_page(comparison_document(comparison)))
    if arguments.figure is not None:
        write_figure(comparison, arguments.figure)
    if arguments.format == "table":
        tables.show_comparison(comparison)
    else:
        say(texts[arguments.format](comparison))
    return 0


def write_figure(comparison: RunComparison, path: Path) -> None:
    """Draw a comparison as SVG or PDF.

    Raises:
        ConfigError: A name has characters that a PDF's own font lacks.
        FilesError: The file cannot be written.
    """
    from tunesmith.reporting.comparison.document import comparison_drawing
    from tunesmith.reporting.drawing.pdf import pdf
    from tunesmith.reporting.drawing.svg import svg

    drawing = comparison_drawing(comparison)
    content = pdf(drawing) if path.suffix == ".pdf" else f"{svg(drawing, comparison.metric)}\n".encode()
    replace_file(path, lambda temporary: temporary.write_bytes(content))


def _require_several(paths: list[Path]) -> None:
    if len(set(paths)) < len(paths):
        twice = next(path for path in paths if paths.count(path) > 1)
        raise ConfigError([Problem("RUN", "is named twice", str(twice), "Name different runs")])
    if len(paths) < 2:
        hint = f"To look at one: tunesmith show {shlex.quote(str(paths[0]))}"
        raise ConfigError([Problem("RUN", "at least two runs are needed", str(paths[0]), hint)])
