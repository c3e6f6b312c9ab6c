"""What a search knows about its trials and their runs."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from tunesmith.runs.trial_record import State, TrialRecord
from tunesmith.sweeping.space.grammar import overrides
from tunesmith.sweeping.space.space import Point

ENDED: tuple[State, ...] = ("completed", "pruned", "failed")


@dataclass(frozen=True)
class Job:
    """One run of one trial, to be started or resumed."""

    number: int
    replicate: int = 0


@dataclass
class Trial:
    """A point of the search and its state; its record adds what its runs cost."""

    number: int
    point: Point
    state: State = "waiting"
    values: list[float] | None = None
    """One per objective; only for a completed trial, the mean over its replicates."""
    reason: str | None = None
    exit_code: int | None = None
    attempt: int = 1
    rungs: dict[int, float] = field(default_factory=dict)
    """Maps the index of each rung that it reached to the first objective there."""
    curve: list[tuple[int, float]] = field(default_factory=list)
    """Optimizer step and first objective, as reported during training."""
    replicates: dict[int, list[float]] = field(default_factory=dict)
    """Maps replicate to its values."""
    decision: str | None = None
    """The last decision it received at a rung."""

    @property
    def means(self) -> list[float]:
        """The mean over its finished replicates, one per objective."""
        columns = zip(*(self.replicates[replicate] for replicate in sorted(self.replicates)), strict=True)
        return [statistics.fmean(column) for column in columns]

    @classmethod
    def restored(cls, record: TrialRecord, point: Point) -> Self:
        """Restore the trial that an earlier session recorded.

        Args:
            record: The trial's record.
            point: Its point according to the study.
        """
        return cls(
            number=record.number,
            point=point,
            state=record.state,
            values=None if record.values is None else list(record.values),
            reason=record.reason,
            exit_code=record.exit_code,
            attempt=record.attempt,
            rungs=dict(record.rungs),
            curve=list(record.curve),
            replicates={replicate: list(values) for replicate, values in record.replicates.items()},
            decision=record.decision,
        )

    def recorded(self, record: TrialRecord) -> TrialRecord:
        """Merge the search's current knowledge of the trial into its record.

        Args:
            record: The record, with what was measured of the trial's runs.
        """
        return replace(
            record,
            state=self.state,
            values=None if self.values is None else tuple(self.values),
            reason=self.reason,
            exit_code=self.exit_code,
            params=self.point,
            overrides=tuple(overrides(self.point)),
            attempt=self.attempt,
            rungs=dict(self.rungs),
            curve=tuple(self.curve),
            replicates={replicate: tuple(values) for replicate, values in self.replicates.items()},
            decision=self.decision,
        )


@dataclass(frozen=True)
class Outcome:
    """How a job ended."""

    state: str
    """`completed`, `paused`, `stopped` (by a pruner), `failed` or `interrupted` (by the end of the sweep)."""
    values: Sequence[float] | None = None
    reason: str | None = None
    exit_code: int | None = None
    full_steps: int = 1
    """Optimizer steps of the trial's first run, if it is not cut short: the unit in which folds are counted."""
