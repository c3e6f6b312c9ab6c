"""What went wrong in the trials of a sweep; no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tunesmith.errors import FilesError
from tunesmith.evaluation.diagnosis.history import Diagnosis
from tunesmith.reporting.blocks import Chapter, Listing, Sentence
from tunesmith.reporting.run.diagnosis import diagnose_run, diagnose_seeds
from tunesmith.runs.record import Record, as_argument, load_run
from tunesmith.runs.sweep_record import SweepRecord

MOST_TRIALS = 10
"""Trials that a report names for one verdict."""


@dataclass(frozen=True)
class Judged:
    """A run or a group of runs over seeds, with a verdict on it."""

    records: Sequence[Record]
    verdict: Diagnosis

    def plain(self) -> dict[str, Any]:
        """The verdict with the directories that it is about."""
        return self.verdict.plain() | {"runs": [str(record.path) for record in self.records]}


def diagnose_sweep(sweep: SweepRecord) -> list[Judged]:
    """Judge every run of a sweep's trials, the best trial's first, and trials with several seeds.

    Pruned trials are left out: they ended because others were better, and say little about their end.

    Raises:
        FilesError: A file of a run is damaged.
    """
    return diagnose_records([record for _, record in _ended_runs(sweep)])


def diagnose_records(records: Sequence[Record]) -> list[Judged]:
    """Judge each of several runs, and groups of them that differ in nothing but their seeds.

    Raises:
        FilesError: A file of a run is damaged.
    """
    single = [Judged([record], verdict) for record in records for verdict in diagnose_run(record)]
    return single + [Judged(group, verdict) for group, verdict in diagnose_seeds(records)]


def recorded_verdicts(sweep: SweepRecord) -> list[tuple[int, Record, Mapping[str, Any]]]:
    """What the runs of completed and failed trials recorded of their diagnosis: trial, run and verdict, best first."""
    return [(number, record, verdict) for number, record in _ended_runs(sweep) for verdict in record.diagnosis]


def verdict_columns(sweep: SweepRecord) -> tuple[list[str], list[list[Any]]]:
    """Column names and a row per kind of verdict, the most frequent first: its runs, what shows it, what to type."""
    kinds: dict[str, list[tuple[int, Record, Mapping[str, Any]]]] = {}
    for item in recorded_verdicts(sweep):
        kinds.setdefault(str(item[2]["kind"]), []).append(item)
    rows: list[list[Any]] = []
    for kind, items in sorted(kinds.items(), key=lambda pair: -len(pair[1])):
        trials = [str(number) for number in dict.fromkeys(number for number, _, _ in items)]
        more = f" and {len(trials) - MOST_TRIALS} more" if len(trials) > MOST_TRIALS else ""
        _, record, first = items[0]
        override = first.get("override")
        advice = f"tunesmith train --from {record.argument} {override}" if override else None
        rows.append(
            [kind.replace("_", " "), len(items), ", ".join(trials[:MOST_TRIALS]) + more, first["sentence"], advice]
        )
    return ["verdict", "runs", "trials", "in the first of them", "try next"], rows


def diagnosis_chapter(sweep: SweepRecord) -> Chapter | None:
    """The diagnosis as a part of the sweep's report; None if no run has recorded one.

    Raises:
        FilesError: A file of a run is damaged.
    """
    judged = [record for _, record in _ended_runs(sweep) if "diagnosis" in record.results]
    if not judged:
        return None
    columns, rows = verdict_columns(sweep)
    if not rows:
        text = f"In none of the {len(judged)} runs that ended by themselves is anything sure to be wrong."
        return Chapter("diagnosis", "What went wrong", [Sentence(text)])
    note = f"Of {len(judged)} runs that ended by themselves. tunesmith diagnose {as_argument(sweep.path)} lists each."
    return Chapter("diagnosis", "What went wrong", [Listing(columns, rows, note)])


def _ended_runs(sweep: SweepRecord) -> list[tuple[int, Record]]:
    """The runs of completed and failed trials, the best trial's first, each with the trial's number."""
    trials = [trial for trial in sweep.leaderboard() if trial.state in ("completed", "failed")]
    started = ((trial.number, _started(path)) for trial in trials for path in trial.runs)
    return [(number, record) for number, record in started if record is not None]


def _started(path: Any) -> Record | None:
    """The run in a trial's directory; None if it failed before there was one."""
    try:
        return load_run(path)
    except FilesError:
        return None
