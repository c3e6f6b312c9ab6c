"""Compares runs by one metric, with intervals and paired tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tunesmith.config.changes import differing
from tunesmith.config.checking.directions import direction_of
from tunesmith.errors import ConfigError, Problem
from tunesmith.evaluation.statistics.additive import AdditiveMetric
from tunesmith.evaluation.statistics.headline import group_numbers
from tunesmith.evaluation.statistics.intervals import LEVEL, Interval, interval
from tunesmith.evaluation.statistics.of_rows import additive_metrics
from tunesmith.evaluation.statistics.paired import Comparison, compare, holm
from tunesmith.reporting.comparison.pairing import Row, paired_rows
from tunesmith.runs.record import Record
from tunesmith.suggest import did_you_mean, nearest


@dataclass(frozen=True)
class Entry:
    """One run in a comparison."""

    record: Record
    value: float
    """The metric on the rows that all runs have."""
    interval: Interval | None = None
    against_best: Comparison | None = None
    """Best run minus this one; None for the best, and without a test."""
    p: float | None = None
    """The test's p-value, corrected for the number of tests (Holm)."""
    gained: list[str] = field(default_factory=list)
    """Ids of rows that this run gets right and the best does not."""
    lost: list[str] = field(default_factory=list)
    """Ids of rows that the best gets right and this run does not."""

    @property
    def tied(self) -> bool:
        """Whether the run cannot be told from the best one."""
        return self.p is not None and self.p > 1 - LEVEL


@dataclass(frozen=True)
class RunComparison:
    """Several runs, the best first."""

    metric: str
    """`<split>/<name>`."""
    num_rows: int
    left_out: int
    """Rows that not all runs have."""
    entries: list[Entry]
    keys: list[tuple[str, list[Any]]]
    """Keys of the config that differ and can change the result, with each entry's value."""
    remarks: list[str]
    """What a reader has to know, one sentence each."""

    @property
    def ties(self) -> list[Entry]:
        """The best run and those that cannot be told from it."""
        return [self.entries[0], *(entry for entry in self.entries[1:] if entry.tied)]

    @property
    def cheapest(self) -> Entry:
        """The tie that trains the fewest parameters, and of these the fastest."""
        return min(self.ties, key=_cost)


def compare_runs(records: Sequence[Record], metric: str | None = None, split: str | None = None) -> RunComparison:
    """Compare runs on the rows that they have in common.

    Args:
        records: The runs, at least two.
        metric: Name of the metric without its split, such as `accuracy` or `f1/LABEL`; None is the first run's monitor.
        split: The split; None takes test if every run has looked at it, else val.

    Raises:
        ConfigError: A run does not measure the metric.
        FilesError: A run has no predictions for the split.
        DataError: The runs have no row in common.
    """
    name = metric or str(records[0].results["monitor"]).partition("/")[2]
    rows = paired_rows(records, split)
    full = f"{rows.split}/{name}"
    _require_metric(records, full, name)
    forms = [_additive(record, full, paired) for record, paired in zip(records, rows.of_run, strict=True)]
    values = [form.of_all() if form else record.metrics[full] for form, record in zip(forms, records, strict=True)]
    sign = 1 if _higher_is_better(records[0], full) else -1
    order = sorted(range(len(records)), key=lambda run: -sign * values[run])
    units = [form.by_group(group_numbers(rows.of_run[0])) if form else None for form in forms]
    tests = _tests([units[run] for run in order])
    best = rows.of_run[order[0]]
    entries = [
        Entry(
            records[run],
            values[run],
            interval(unit) if (unit := units[run]) else None,
            *tests[place],
            gained=_right_only(rows.of_run[run], best),
            lost=_right_only(best, rows.of_run[run]),
        )
        for place, run in enumerate(order)
    ]
    remarks = _remarks(entries, full, all(forms))
    return RunComparison(full, len(best), rows.left_out, entries, _keys(entries), remarks)


def _tests(units: Sequence[AdditiveMetric | None]) -> list[tuple[Comparison | None, float | None]]:
    """Compare the first with each of the others; return every test with its corrected p-value, none for the first."""
    first = units[0]
    tests = [None, *(compare(first, other) if first and other else None for other in units[1:])]
    corrected = iter(holm([test.p for test in tests if test]))
    return [(test, next(corrected) if test else None) for test in tests]


def _require_metric(records: Sequence[Record], full: str, name: str) -> None:
    for record in records:
        if full not in record.metrics:
            split = full.partition("/")[0]
            known = [key.partition("/")[2] for key in record.metrics if key.startswith(f"{split}/")]
            close = nearest(name, known)
            hint = did_you_mean(close) if close else f"It has {', '.join(known)}"
            raise ConfigError([Problem("--metric", f"{record.path} does not measure {full}", name, hint)])


def _additive(record: Record, full: str, rows: Sequence[Row]) -> AdditiveMetric | None:
    """Return the metric on the paired rows; None if it is no function of sums over rows."""
    split, _, name = full.partition("/")
    node_name, _, label = name.partition("/")
    node = record.config["evaluation"]["metrics"].get(node_name)
    if node is None and node_name != "loss":
        return None
    labels = list(record.results.get("labels", ()))
    whole = record.predictions(split)
    forms = additive_metrics(node, whole, labels, {label: record.metrics[full]})
    if label not in forms:
        return None
    positions = {row["id"]: position for position, row in enumerate(whole)}
    return forms[label].take([positions[row["id"]] for row in rows])


def _higher_is_better(record: Record, full: str) -> bool:
    evaluation = record.config["evaluation"]
    if full.partition("/")[2] == str(evaluation["monitor"]).partition("/")[2] and evaluation.get("mode") in (
        "max",
        "min",
    ):
        return bool(evaluation["mode"] == "max")
    return direction_of(full, evaluation["metrics"]) != "minimize"


def _right_only(ones: Sequence[Row], others: Sequence[Row]) -> list[str]:
    """Return the ids of rows that the first answers are right for and the others are not."""
    pairs = zip(ones, others, strict=True)
    return [str(one["id"]) for one, other in pairs if _right(one) and not _right(other)]


def _right(row: Row) -> bool:
    label, prediction = row.get("label"), row.get("prediction")
    if isinstance(label, list) and isinstance(prediction, list):
        return sorted(map(str, label)) == sorted(map(str, prediction))
    return isinstance(label, str) and label == prediction


def _keys(entries: Sequence[Entry]) -> list[tuple[str, list[Any]]]:
    configs = [entry.record.config for entry in entries]
    names = {key: None for config in configs[1:] for key, _, _ in differing(configs[0], config)}
    return [(key, [_value(config, key) for config in configs]) for key in names]


def _value(config: Mapping[str, Any], key: str) -> Any:
    node: Any = config
    for part in key.split("."):
        node = node.get(part) if isinstance(node, Mapping) else None
    return node


def _cost(entry: Entry) -> tuple[float, float]:
    results = entry.record.results
    return (results.get("num_trainable_parameters", float("inf")), results.get("duration_s", float("inf")))


def _remarks(entries: Sequence[Entry], full: str, additive: bool) -> list[str]:
    remarks = []
    if not additive:
        remarks.append(
            f"{full} has no interval and no test: it is no function of sums over rows, or the saved predictions do not "
            "give the recorded value"
        )
    steps = {entry.record.path.name: entry.record.results.get("steps") for entry in entries}
    if len(set(steps.values())) > 1:
        counts = ", ".join(f"{name}: {number}" for name, number in steps.items())
        remarks.append(f"the runs were trained for different numbers of steps ({counts})")
    unfinished = [entry.record for entry in entries if entry.record.status != "completed"]
    remarks += [f"{record.path} is {record.status}" for record in unfinished]
    if full.startswith("val/") and full == entries[0].record.results.get("monitor"):
        remarks.append(
            f"{full} chose the weights of each run, so all values are too good; compare on test once, at the end"
        )
    return remarks
