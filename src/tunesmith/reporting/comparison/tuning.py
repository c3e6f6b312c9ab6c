"""What was spent on choosing a run: the best of many trials looks better than the best of few, by chance alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tunesmith.runs.record import Record
from tunesmith.runs.sweep_record import SweepRecord, sweep_of


@dataclass(frozen=True)
class Tuning:
    """What a sweep spent before its best trial was known; one run of its own is one trial."""

    trials: int
    steps: int
    """Optimizer steps of all trials."""


def tunings_of(records: Sequence[Record]) -> list[Tuning]:
    """Count the trials and steps that each run was chosen from: those of its sweep.

    Runs of one sweep that differ in an option of a config group (`method`, `model`) compare these options: each was
    chosen from the trials that have its own.

    Raises:
        FilesError: A file of a sweep is damaged.
    """
    folders = [sweep_of(record.path) for record in records]
    sweeps = {folder: SweepRecord(folder) for folder in dict.fromkeys(folders) if folder is not None}
    tunings = []
    for record, folder in zip(records, folders, strict=True):
        if folder is None:
            tunings.append(Tuning(1, int(record.results.get("steps", 0))))
            continue
        beside = [other.path for other, place in zip(records, folders, strict=True) if place == folder]
        tunings.append(_within(sweeps[folder], record.path, beside))
    return tunings


def _within(sweep: SweepRecord, run: Path, beside: Sequence[Path]) -> Tuning:
    """Count the trials of a sweep that have the options of a run, as far as the compared runs differ in them."""
    own, *others = [_params(sweep, path) for path in (run, *beside)]
    groups = [key for key in sweep.keys if "." not in key and any(own.get(key) != other.get(key) for other in others)]
    alike = [trial for trial in sweep.trials if all(trial.params.get(key) == own.get(key) for key in groups)]
    started = [trial for trial in alike if trial.steps]
    return Tuning(len(started), sum(trial.steps for trial in started))


def _params(sweep: SweepRecord, run: Path) -> Mapping[str, Any]:
    return next((trial.params for trial in sweep.trials if run in (trial.directory, *trial.runs)), {})


def unequal_tuning(names: Sequence[str], spent: Sequence[Tuning | None], group: str | None = None) -> Iterator[str]:
    """Yield a sentence if some were chosen from more trials, or with more steps, than others.

    Args:
        names: What the runs are called.
        spent: What each was chosen from.
        group: A config group in which they differ, over which a sweep could search equally.
    """
    known = [(name, tuning) for name, tuning in zip(names, spent, strict=True) if tuning is not None]
    if max((tuning.trials for _, tuning in known), default=1) < 2 or len({tuning for _, tuning in known}) < 2:
        return
    parts = (
        f"{name} from {tuning.trials} {'trial' if tuning.trials == 1 else 'trials'} ({tuning.steps:,} steps)"
        for name, tuning in known
    )
    advice = f". A sweep over {group} with hydra.sweeper.equal={group} gives each the same" if group is not None else ""
    yield f"they were not tuned alike: {', '.join(parts)}. The best of more trials looks better by chance alone{advice}"
