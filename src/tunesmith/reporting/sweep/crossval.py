"""What a cross-validation found: each row predicted by the one run of its fold that was not trained on it."""

from __future__ import annotations

import json
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from tunesmith.errors import FilesError
from tunesmith.evaluation.statistics.headline import group_numbers
from tunesmith.evaluation.statistics.intervals import interval
from tunesmith.evaluation.statistics.of_rows import additive_metrics
from tunesmith.evaluation.statistics.over_folds import compare_folds
from tunesmith.evaluation.statistics.paired import holm
from tunesmith.runs.record import Record
from tunesmith.runs.sweep_record import SweepRecord
from tunesmith.runs.trial_record import TrialRecord
from tunesmith.storage import read_mapping, write_json, write_text

OUT_OF_FOLD = "out_of_fold.jsonl"
"""In a trial's directory: the validation rows of all its folds, as in `predictions.jsonl`, with their `fold`."""
RESULTS = "crossval.json"
"""In the sweep's directory: what every completed trial reached."""

Bounds = tuple[float, float]


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
    interval: Bounds | None
    """95% interval of `over_rows`, over rows, or over groups if rows have one."""
    behind: float | None = None
    """By how much the mean is worse than the best trial's; None for the best, or where no test compares folds."""
    behind_interval: Bounds | None = None
    """95% interval of `behind`, by the corrected resampled t-test over the same folds."""
    p: float | None = None
    """Of that test, corrected for the number of trials that are compared with the best (Holm)."""


def write_crossval(record: SweepRecord) -> list[Validated]:
    """Write the out-of-fold predictions of every completed trial, and the results of all.

    Returns:
        The trials, best first.

    Raises:
        FilesError: Predictions are missing or damaged, or a row is in several folds.
    """
    folds = int(record.facts["folds"])
    trials = [trial for trial in record.leaderboard() if trial.completed]
    validated = [_of_trial(trial, record.metrics[0], folds) for trial in trials]
    if trials and len(record.metrics) == 1:
        validated = _against_best(validated, _test_to_train(trials[0]), record.directions[0])
    results = {"folds": folds, "metric": record.metrics[0], "trials": [asdict(each) for each in validated]}
    write_json(record.path / RESULTS, results)
    return validated


def read_crossval(record: SweepRecord) -> list[Validated]:
    """The results of a cross-validation, best first; empty if it has none, or is no cross-validation.

    Raises:
        FilesError: The file is damaged.
    """
    path = record.path / RESULTS
    if not record.facts.get("folds") or not path.is_file():
        return []
    try:
        return [_read(item) for item in read_mapping(path, json.loads)["trials"]]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise FilesError(f"{path} is damaged: {type(error).__name__}: {error}") from None


def _read(item: Mapping[str, Any]) -> Validated:
    pairs = {name: None if item.get(name) is None else tuple(item[name]) for name in ("interval", "behind_interval")}
    return Validated(**{**item, **pairs, "by_fold": tuple(map(float, item["by_fold"]))})


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


def _test_to_train(trial: TrialRecord) -> float | None:
    """Validation rows per training row of a fold; None for folds in time, which are no random division."""
    runs = [Record(path) for path in trial.runs]
    if runs[0].config["data"]["split"]["method"] == "time":
        return None
    counts = [run.results["num_rows"] for run in runs]
    return statistics.fmean(count["val"] / count["train"] for count in counts)


def _against_best(validated: list[Validated], test_to_train: float | None, direction: str) -> list[Validated]:
    """The trials with what the folds say about each one's distance from the best."""
    best, *others = validated
    if test_to_train is None or not others:
        return validated
    sign = 1.0 if direction == "maximize" else -1.0
    tests = [
        compare_folds([sign * x for x in best.by_fold], [sign * x for x in each.by_fold], test_to_train)
        for each in others
    ]
    known = [test for test in tests if test is not None]
    if len(known) < len(tests):
        return validated
    corrected = holm([test.p for test in known])
    compared = []
    for each, test, p in zip(others, known, corrected, strict=True):
        bounds = None if test.interval is None else (test.interval.low, test.interval.high)
        compared.append(replace(each, behind=test.difference, behind_interval=bounds, p=p))
    return [best, *compared]


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
) -> tuple[float | None, Bounds | None]:
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
