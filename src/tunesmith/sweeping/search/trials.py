"""What a search knows of its trials and of the runs that they are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from tunesmith.runs.trial_record import State, TrialRecord
from tunesmith.sweeping.space.grammar import overrides
from tunesmith.sweeping.space.space import Point

ENDED: tuple[State, ...] = ("completed", "pruned", "failed")


@dataclass(frozen=True)
class Job:
    """One run of one trial, to be started or gone on with."""

    number: int
    replicate: int = 0


@dataclass
class Trial:
    """A point of the search and what has become of it; its record has that, and what its runs took."""

    number: int
    point: Point
    state: State = "waiting"
    values: list[float] | None = None
    """One per objective; for a completed trial only, the mean over its replicates."""
    reason: str | None = None
    exit_code: int | None = None
    attempt: int = 1
    rungs: dict[int, float] = field(default_factory=dict)
    """Index of a rung that it has reached to the first objective there."""
    curve: list[tuple[int, float]] = field(default_factory=list)
    """Optimizer step and first objective, as reported while it trained."""
    replicates: dict[int, list[float]] = field(default_factory=dict)
    """Replicate to its values."""
    decision: str | None = None
    """The last answer that it was given at a rung."""

    @classmethod
    def restored(cls, record: TrialRecord, point: Point) -> Self:
        """The trial that an earlier session wrote down.

        Args:
            record: What it wrote.
            point: What the study knows that it was asked for.
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
        """The trial's record with what the search knows of it by now.

        Args:
            record: With what was measured of the trial's runs.
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
    """`completed`, `paused`, `stopped` (by a pruner), `failed` or `interrupted` (by the sweep's own end)."""
    values: Sequence[float] | None = None
    reason: str | None = None
    exit_code: int | None = None
