"""What went wrong in the trials of a sweep; no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tunesmith.errors import FilesError
from tunesmith.evaluation.diagnosis.history import Diagnosis
from tunesmith.reporting.run.diagnosis import diagnose_run, diagnose_seeds
from tunesmith.runs.record import Record, load_run
from tunesmith.runs.sweep_record import SweepRecord


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
    trials = [trial for trial in sweep.leaderboard() if trial.state in ("completed", "failed")]
    records = [record for trial in trials for path in trial.runs if (record := _started(path)) is not None]
    return diagnose_records(records)


def diagnose_records(records: Sequence[Record]) -> list[Judged]:
    """Judge each of several runs, and groups of them that differ in nothing but their seeds.

    Raises:
        FilesError: A file of a run is damaged.
    """
    single = [Judged([record], verdict) for record in records for verdict in diagnose_run(record)]
    return single + [Judged(group, verdict) for group, verdict in diagnose_seeds(records)]


def _started(path: Any) -> Record | None:
    """The run in a trial's directory; None if it failed before there was one."""
    try:
        return load_run(path)
    except FilesError:
        return None
