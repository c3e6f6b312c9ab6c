"""What a cross-validation found: each row predicted by the one run of its fold that was not trained on it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from tunesmith.errors import FilesError
from tunesmith.evaluation.statistics.headline import group_numbers
from tunesmith.evaluation.statistics.intervals import interval
from tunesmith.evaluation.statistics.of_rows import additive_metrics
from tunesmith.reporting.formatting import number_text
from tunesmith.reporting.run.tables import console
from tunesmith.runs.record import Record
from tunesmith.runs.sweep_record import SweepRecord
from tunesmith.runs.trial_record import TrialRecord
from tunesmith.storage import write_json, write_text
from tunesmith.terminal import printable

OUT_OF_FOLD = "out_of_fold.jsonl"
"""In a trial's directory: the validation rows of all its folds, as in `predictions.jsonl`, with their `fold`."""
RESULTS = "crossval.json"
"""In the sweep's directory: what every completed trial reached."""


@dataclass(frozen=True)
class Validated:
    """A trial over all folds."""

    trial: int
    num_rows: int
    """Rows predicted; one counts again in each further division."""
    by_fold: tuple[float, ...]
    mean: float
    """Over folds."""
    sd: float | None
    """Sample standard deviation (n-1) over folds."""
    over_rows: float | None
    """The metric of all out-of-fold predictions at once; None if it cannot be computed from saved predictions."""
    interval: tuple[float, float] | None
    """95% interval of `over_rows`, over rows, or over groups if rows have one."""


def write_crossval(record: SweepRecord) -> list[Validated]:
    """Write the out-of-fold predictions of every completed trial, and the results of all.

    Returns:
        The trials, best first.

    Raises:
        FilesError: Predictions are missing or damaged, or a row is in several folds.
    """
    folds = int(record.facts["folds"])
    validated = [_of_trial(trial, record.metrics[0], folds) for trial in record.leaderboard() if trial.completed]
    results = {"folds": folds, "metric": record.metrics[0], "trials": [asdict(each) for each in validated]}
    write_json(record.path / RESULTS, results)
    return validated


def show_crossval(validated: Sequence[Validated], metric: str, path: Path) -> None:
    """Print the trials over their folds as a table.

    Args:
        validated: The trials, best first.
        metric: The objective.
        path: The sweep's directory.
    """
    if not validated:
        return
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for header in ("trial", "mean of folds", "sd", "lowest", "highest", "all rows", "95% over rows", "rows"):
        table.add_column(Text(header), justify="right")
    for each in validated:
        bounds = "" if each.interval is None else " to ".join(map(number_text, each.interval))
        numbers = (each.mean, each.sd, min(each.by_fold), max(each.by_fold), each.over_rows)
        texts = ["" if number is None else number_text(number) for number in numbers]
        table.add_row(str(each.trial), *texts, bounds, f"{each.num_rows:,}")
    out = console()
    out.print(Text(printable(f"{metric} of rows that a run was not trained on ({path / RESULTS}):")))
    out.print(table)


def _of_trial(trial: TrialRecord, metric: str, folds: int) -> Validated:
    runs = [Record(path) for path in trial.runs]
    by_fold = [run.predictions("val") for run in runs]
    check_once(by_fold, folds)
    rows = [{"fold": number, **row} for number, own in enumerate(by_fold) for row in own]
    lines = "".join(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows)
    write_text(trial.directory / OUT_OF_FOLD, lines)
    values = tuple(values[0] for values in (trial.repeat_values or ()))
    value, bounds = over_rows(runs, by_fold, metric)
    return Validated(trial.number, len(rows), values, (trial.values or (0.0,))[0], trial.spread, value, bounds)


def check_once(by_fold: Sequence[Sequence[Mapping[str, Any]]], folds: int) -> None:
    """Refuse predictions in which a row is in several folds of one division.

    Args:
        by_fold: The validation rows of each run, in the order of `data.split.fold`.
        folds: Folds in one division.

    Raises:
        FilesError: There is such a row.
    """
    for start in range(0, len(by_fold), folds):
        counts = Counter(row["id"] for own in by_fold[start : start + folds] for row in own)
        twice = [row_id for row_id, count in counts.items() if count > 1]
        if twice:
            rule = f"{len(twice)} rows are in several folds of one division, such as id {twice[0]!r}"
            raise FilesError(f"{rule}: the data has changed between folds. Start the sweep anew")


def over_rows(
    runs: Sequence[Record], by_fold: Sequence[Sequence[Mapping[str, Any]]], metric: str
) -> tuple[float | None, tuple[float, float] | None]:
    """Return a metric of the predictions of all folds at once, and its interval.

    Both are None if some fold's predictions do not give its recorded value, or folds differ in their labels.

    Args:
        runs: The run of each fold.
        by_fold: Its validation rows.
        metric: `val/<name>`.
    """
    split, _, name = metric.partition("/")
    node_name, _, label = name.partition("/")
    nodes = {key: node.model_dump(by_alias=True) for key, node in runs[0].typed.evaluation.metrics.items()}
    labels = [run.labels for run in runs]
    if split != "val" or (node_name not in nodes and node_name != "loss") or any(own != labels[0] for own in labels):
        return None, None
    node = nodes.get(node_name)
    for run, own in zip(runs, by_fold, strict=True):
        if label not in additive_metrics(node, own, labels[0], {label: run.metrics[metric]}):
            return None, None
    rows = [row for own in by_fold for row in own]
    form = additive_metrics(node, rows, labels[0], None)[label]
    # a row is drawn with its predictions in further divisions
    units = group_numbers({"group": row.get("group") or f"row {row['id']}"} for row in rows)
    bounds = interval(form.by_group(units))
    return float(form.of_all()), None if bounds is None else (bounds.low, bounds.high)
