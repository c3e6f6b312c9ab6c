"""`tunesmith show RUN`: summarise a run or a sweep, or what it gets wrong."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import Any

from tunesmith.cli.options import Parser, add_trust
from tunesmith.config.trust import trusting
from tunesmith.errors import ConfigError, FilesError, Problem
from tunesmith.runs.record import Record, load_run
from tunesmith.runs.sweep_record import is_sweep, load_sweep, load_winners
from tunesmith.storage import read_lines
from tunesmith.terminal import say

MOST_ERRORS = 10
"""Rows of a split that are listed."""


def main(argv: list[str]) -> int:
    """Print status, numbers and metrics of a run, or every trial of a sweep, finished or not; or what is wrong."""
    parser = Parser(
        prog="tunesmith show", description="Status, facts and metrics of a run; the leaderboard of a sweep."
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="directory of a run or a sweep")
    parser.add_argument(
        "--errors",
        type=number_of_rows,
        nargs="?",
        const=MOST_ERRORS,
        metavar="N",
        help=f"instead, what the run (or a sweep's winner) gets wrong, with the N worst rows ({MOST_ERRORS})",
    )
    parser.add_argument("--slices", metavar="COLUMN[,COLUMN]", help="with --errors: measure rows by these columns too")
    add_trust(parser)
    arguments = parser.parse_args(argv)
    if arguments.errors is not None:
        with trusting(arguments.trust):
            return show_errors(arguments.run, arguments.errors, arguments.slices)
    if arguments.slices is not None:
        raise ConfigError([Problem("--slices", "goes with --errors", arguments.slices, "Add --errors")])
    show(arguments.run)
    return 0


def show(path: Path) -> None:
    """Print the summary of a run or a sweep.

    Raises:
        FilesError: It is neither, or one of its files is damaged.
    """
    if is_sweep(path):
        sweep = load_sweep(path)

        from tunesmith.reporting.sweep.leaderboard import show_sweep

        show_sweep(sweep)
        return
    record = load_run(path)

    from tunesmith.reporting.run.tables import show_run

    show_run(record)


def show_errors(path: Path, most: int, slices: str | None) -> int:
    """Print what a run gets wrong, with the texts of its data.

    Args:
        path: A run's directory; of a sweep, its winner is shown.
        most: Rows of a split to list.
        slices: Columns to measure rows by, with commas between them.

    Returns:
        0.

    Raises:
        ConfigError: The data has no such column.
        FilesError: There is no such run, or it made no predictions.
    """
    record, predicted, labels = predictions_of(path)
    if not predicted:
        raise FilesError(f"{record.path} has no predictions: the run is {record.status}")

    from tunesmith.reporting.run.errors import error_blocks
    from tunesmith.reporting.run.tables import show_blocks
    from tunesmith.training.texts_again import with_texts

    columns = [] if slices is None else [name.strip() for name in slices.split(",")]
    rows, lacking = with_texts(record, predicted, columns)
    show_blocks(error_blocks(rows, labels, most))
    if lacking:
        say(lacking)
    return 0


def predictions_of(path: Path) -> tuple[Record, list[dict[str, Any]], list[str]]:
    """Return a run, or the winner of a sweep, its predictions, and its labels in the order of the logits.

    Of a cross-validation it is each row once, predicted by the run of its fold; the labels are empty if folds differ.

    Raises:
        FilesError: There is no such run, or a file of it is damaged.
    """
    runs = load_winners(path)
    first, labels = runs[0], [run.results.get("labels") or [] for run in runs]
    if is_sweep(path):
        from tunesmith.reporting.sweep.crossval import OUT_OF_FOLD

        folds = first.typed.data.split.folds
        out_of_fold = [row for row in read_lines(first.path.parent / OUT_OF_FOLD) if folds and row["fold"] < folds]
        if out_of_fold:
            return first, out_of_fold, labels[0] if all(own == labels[0] for own in labels) else []
    return first, first.predictions(), labels[0]


def number_of_rows(text: str) -> int:
    """Read the argument of `--errors`.

    Raises:
        ArgumentTypeError: It is no number of rows, such as the run itself.
    """
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        first = f"; the run comes first: tunesmith show {shlex.quote(text)} --errors"
        hint = "" if text.lstrip("-").isdigit() else first
        raise argparse.ArgumentTypeError(f"takes a number of rows of at least 1, not {text!r}{hint}")
    return int(text)
