"""What was spent on choosing a run: the best of many trials looks better than the best of few, by chance alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tunesmith.runs.record import Record
from tunesmith.runs.sweep_record import SweepRecord, sweep_of


@dataclass(frozen=True)
class Tuning:
    """What a sweep spent before its best trial was known; one run of its own is one trial."""

    trials: int
    steps: int
    """Optimizer steps of all trials."""


def tuning_of(record: Record) -> Tuning:
    """Count the trials and steps of the sweep that a run belongs to.

    Raises:
        FilesError: A file of the sweep is damaged.
    """
    folder = sweep_of(record.path)
    if folder is None:
        return Tuning(1, int(record.results.get("steps", 0)))
    started = [trial for trial in SweepRecord(folder).trials if trial.steps]
    return Tuning(len(started), sum(trial.steps for trial in started))


def unequal_tuning(names: Sequence[str], spent: Sequence[Tuning | None]) -> Iterator[str]:
    """Yield a sentence if some were chosen from more trials, or with more steps, than others."""
    known = [(name, tuning) for name, tuning in zip(names, spent, strict=True) if tuning is not None]
    if max((tuning.trials for _, tuning in known), default=1) < 2 or len({tuning for _, tuning in known}) < 2:
        return
    parts = (
        f"{name} from {tuning.trials} {'trial' if tuning.trials == 1 else 'trials'} ({tuning.steps:,} steps)"
        for name, tuning in known
    )
    yield f"they were not tuned alike: {', '.join(parts)}. The best of more trials looks better by chance alone"
