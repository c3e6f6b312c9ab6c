"""Compares runs by one metric, with intervals and paired tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tunesmith.config.changes import differing
from tunesmith.config.checking.directions import direction_of
from tunesmith.errors import ConfigError, Problem
from tunesmith.evaluation.statistics.additive import AdditiveMetric
from tunesmith.evaluation.statistics.headline import group_numbers
from tunesmith.evaluation.statistics.intervals import LEVEL, Interval, interval
from tunesmith.evaluation.statistics.of_rows import additive_metrics
from tunesmith.evaluation.statistics.over_seeds import Spread
from tunesmith.evaluation.statistics.paired import Comparison
from tunesmith.reporting.comparison.contenders import Contender, against_first, same_but_for_seed
from tunesmith.reporting.comparison.pairing import Row, paired_rows
from tunesmith.reporting.comparison.tuning import Tuning, tunings_of, unequal_tuning
from tunesmith.runs.record import Record
from tunesmith.suggest import did_you_mean, nearest


@dataclass(frozen=True)
class Entry:
    """One run in a comparison, or several that differ only in their seed."""

    record: Record
    """The run; of several, the first."""
    value: float
    """The metric on the rows that all runs have; of several runs, the mean."""
    interval: Interval | None = None
    against_best: Comparison | None = None
    """Best run minus this one; None for the best, and without a test."""
    p: float | None = None
    """The test's p-value, corrected for the number of tests (Holm)."""
    gained: list[str] = field(default_factory=list)
    """Ids of rows that this run gets right and the best does not."""
    lost: list[str] = field(default_factory=list)
    """Ids of rows that the best gets right and this run does not."""
    runs: Sequence[Record] = ()
    """Every run of it, one for each seed."""
    deviation: float | None = None
    """Standard deviation of the metric over the seeds (n - 1); None for one run."""
    spread: Spread | None = None
    """How much of it is the seed and how much the rows; None for one run, and for metrics without an interval."""
    tuning: Tuning | None = None
    """What was spent on choosing it."""

    @property
    def tied(self) -> bool:
        """Whether the run cannot be told from the best one."""
        return self.p is not None and self.p > 1 - LEVEL


@dataclass(frozen=True)
class RunComparison:
    """Several runs, or groups of runs over seeds, the best first."""

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
    units = [form.by_group(group_numbers(rows.of_run[0])) if form else None for form in forms]
    methods = [Contender.of(runs, values, units) for runs in same_but_for_seed(records)]
    methods.sort(key=lambda method: -sign * method.value)
    spent = tunings_of([records[method.runs[0]] for method in methods])
    entries = [
        _entry(method, [records[run] for run in method.runs], test, rows.of_run, methods[0], tuning)
        for method, test, tuning in zip(methods, against_first(methods), spent, strict=True)
    ]
    remarks = _remarks(entries, full, all(forms))
    return RunComparison(full, len(rows.of_run[0]), rows.left_out, entries, _keys(entries), remarks)


def _entry(
    method: Contender,
    runs: Sequence[Record],
    test: tuple[Comparison | None, float | None],
    rows: Sequence[Sequence[Row]],
    best: Contender,
    tuning: Tuning,
) -> Entry:
    bounds = method.spread.interval if method.spread else None
    if method.unit is not None and len(runs) == 1:
        bounds = interval(method.unit)
    single = len(method.runs) == len(best.runs) == 1
    own, first = rows[method.runs[0]], rows[best.runs[0]]
    return Entry(
        runs[0],
        method.value,
        bounds,
        *test,
        gained=_right_only(own, first) if single else [],
        lost=_right_only(first, own) if single else [],
        runs=runs,
        deviation=method.deviation,
        spread=method.spread,
        tuning=tuning,
    )


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
    if any(len(entry.runs) > 1 for entry in entries):
        names.pop("seed", None)
    return [(key, [_value(config, key) for config in configs]) for key in names]


def _value(config: Mapping[str, Any], key: str) -> Any:
    node: Any = config
    for part in key.split("."):
        node = node.get(part) if isinstance(node, Mapping) else None
    return node


def short_names_of(entries: Sequence[Entry]) -> list[str]:
    """Return a short name for each entry: the last parts of its path that tell them apart, and its number of seeds."""
    names = short_paths([entry.record.path for entry in entries])
    return [_with_seeds(name, len(entry.runs) - 1) for name, entry in zip(names, entries, strict=True)]


def _with_seeds(name: str, more: int) -> str:
    return f"{name} and {more} more seed{'s' if more > 1 else ''}" if more > 0 else name


def short_paths(paths: Sequence[Path]) -> list[str]:
    """Return the last parts of each path that tell it from the others."""
    for depth in range(1, max(len(path.parts) for path in paths) + 1):
        names = ["/".join(path.parts[-depth:]) for path in paths]
        if len(set(names)) == len(names):
            return names
    return list(map(str, paths))


def _cost(entry: Entry) -> tuple[float, float]:
    results = entry.record.results
    return (results.get("num_trainable_parameters", float("inf")), results.get("duration_s", float("inf")))


def _group_that_differs(entries: Sequence[Entry]) -> str | None:
    """A config group of which the runs take different options, methods before models; None if there is none."""
    configs = [entry.record.config for entry in entries]
    of = {"method": ("name", "_target_"), "model": ("path", "tokenizer")}
    options = {
        group: {str([config[group].get(key) for key in keys]) for config in configs} for group, keys in of.items()
    }
    return next((group for group, names in options.items() if len(names) > 1), None)


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
    remarks += unequal_tuning(
        short_names_of(entries), [entry.tuning for entry in entries], _group_that_differs(entries)
    )
    if len({len(entry.runs) > 1 for entry in entries}) > 1:
        remarks.append("how much one run varies over seeds is unknown: it is taken from those with several")
    unfinished = [run for entry in entries for run in entry.runs if run.status != "completed"]
    remarks += [f"{record.path} is {record.status}" for record in unfinished]
    if full.startswith("val/") and full == entries[0].record.results.get("monitor"):
        remarks.append(
            f"{full} chose the weights of each run, so all values are too good; compare on test once, at the end"
        )
    return remarks
