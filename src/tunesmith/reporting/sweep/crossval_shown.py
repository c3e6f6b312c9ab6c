"""Shows a cross-validation: in the terminal, on the sweep's page, in Markdown and in trackers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from tunesmith.evaluation.statistics.intervals import LEVEL
from tunesmith.reporting.blocks import Aside, Block, Chapter, Listing, Sentence
from tunesmith.reporting.formatting import number_text
from tunesmith.reporting.run.tables import console
from tunesmith.reporting.sweep.crossval import RESULTS, Validated, read_crossval
from tunesmith.reporting.sweep.winner import BEST_FILE, rows_of_winner
from tunesmith.runs.sweep_record import SweepRecord
from tunesmith.terminal import printable

MOST_FOLDS = 10
"""With more runs per trial than this, a table shows the lowest and the highest value instead of each."""


def crossval_columns(validated: Sequence[Validated]) -> tuple[list[str], list[list[Any]]]:
    """Column names and a row per trial, best first: its values over folds and rows, and the test against the best."""
    each = all(len(trial.by_fold) <= MOST_FOLDS for trial in validated)
    folds = [f"fold {number}" for number in range(max((len(trial.by_fold) for trial in validated), default=0))]
    named = folds if each else ["lowest", "highest"]
    columns = ["trial", "mean of folds", "sd", "behind the best", "at least", "at most", "p", "all rows", "low", "high"]
    columns += [*named, "rows"]
    rows = []
    for trial in validated:
        values = list(trial.by_fold) if each else [min(trial.by_fold), max(trial.by_fold)]
        bounds, behind = trial.interval or (None, None), trial.behind_interval or (None, None)
        compared = [trial.mean, trial.sd, trial.behind, *behind, trial.p]
        rows.append([trial.trial, *compared, trial.over_rows, *bounds, *values, trial.num_rows])
    return columns, rows


def fold_sentences(record: SweepRecord, validated: Sequence[Validated]) -> list[str]:
    """What the folds say about the order of the trials, and by which test."""
    if len(validated) < 2 or len(record.metrics) > 1:
        return []
    compared = [trial for trial in validated if trial.p is not None]
    if not compared:
        return [
            "No test compares the trials over folds in time: they are no random division, and each is trained on other "
            "numbers of rows."
        ]
    tied = [trial.trial for trial in compared if trial.p is not None and trial.p > 1 - LEVEL]
    numbers = ", ".join(map(str, tied[:10])) + (f" and {len(tied) - 10} more" if len(tied) > 10 else "")
    verdict = (
        f"By their folds, {len(tied)} of {len(compared)} other trials cannot be told from trial {validated[0].trial}: "
        f"{numbers}."
        if tied
        else f"By its folds, trial {validated[0].trial} is better than each of the {len(compared)} others."
    )
    return [
        f"{verdict} Differences are paired over the same folds: corrected resampled t-test (Nadeau and Bengio 2003), "
        f"p-values corrected for their number (Holm)."
    ]


def crossval_chapter(record: SweepRecord) -> Chapter | None:
    """The cross-validation as a part of the sweep's report; None if there is none.

    Raises:
        FilesError: Its results are damaged.
    """
    validated = read_crossval(record)
    if not validated:
        return None
    columns, rows = crossval_columns(validated)
    note = (
        f"{record.metrics[0]} of rows that a run was not trained on, best first. All rows: over all folds at once, "
        "with its 95% interval over rows (low, high). Behind the best: difference of the means, with its 95% interval."
    )
    blocks: list[Block] = [Listing(columns, rows, note, marked=(0,))]
    blocks += [Aside(sentence, calm=True) for sentence in fold_sentences(record, validated)]
    trained_on = rows_of_winner(record)
    if trained_on is not None:
        blocks.append(Sentence(f"{BEST_FILE} trains the winner on {trained_on}."))
    return Chapter("crossval", "Cross-validation", blocks)


def show_crossval(validated: Sequence[Validated], record: SweepRecord) -> None:
    """Print the trials over their folds as a table, and what it says about their order.

    Args:
        validated: The trials, best first.
        record: The sweep.
    """
    if not validated:
        return
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for header in ("trial", "mean of folds", "sd", "behind", "p", "all rows", "95% over rows"):
        table.add_column(Text(header), justify="right")
    for each in validated:
        bounds = "" if each.interval is None else " to ".join(map(number_text, each.interval))
        numbers = (each.mean, each.sd, each.behind, each.p, each.over_rows)
        table.add_row(str(each.trial), *map(number_text, numbers), bounds)
    out = console()
    rows, where = f"{validated[0].num_rows:,} rows", record.path / RESULTS
    out.print(Text(printable(f"{record.metrics[0]} of {rows} that a run was not trained on ({where}):")))
    out.print(table)
    for sentence in fold_sentences(record, validated):
        out.print(Text(printable(sentence)))
