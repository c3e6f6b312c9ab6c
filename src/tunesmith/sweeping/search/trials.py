"""What a search knows of its trials and of the runs that they are made of."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tunesmith.sweeping.space.space import Point

ENDED = ("completed", "pruned", "failed")


@dataclass(frozen=True)
class Job:
    """One run of one trial, to be started or gone on with."""

    number: int
    replicate: int = 0


@dataclass
class Trial:
    """A point of the search and what has become of it."""

    number: int
    point: Point
    state: str = "waiting"
    """`waiting`, `running`, `paused`, `interrupted`, `completed`, `pruned` or `failed`."""
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

    @property
    def spread(self) -> float | None:
        """Standard deviation of the first objective over the replicates."""
        if len(self.replicates) < 2:
            return None
        return statistics.stdev(values[0] for values in self.replicates.values())


@dataclass(frozen=True)
class Outcome:
    """How a job ended."""

    state: str
    """`completed`, `paused`, `stopped` (by a pruner), `failed` or `interrupted` (by the sweep's own end)."""
    values: Sequence[float] | None = None
    reason: str | None = None
    exit_code: int | None = None


def from_json(found: dict[str, Any]) -> Trial:
    """A trial as `trial.json` has it."""
    repeats = found.get("repeat_values") or ([found["values"]] if found.get("values") else [])
    return Trial(
        number=int(found["number"]),
        point=dict(found["params"]),
        state=str(found["state"]),
        values=found.get("values"),
        reason=found.get("reason"),
        exit_code=found.get("exit_code"),
        attempt=int(found.get("attempt", 1)),
        rungs={int(rung): float(value) for rung, value in found.get("rungs", {}).items()},
        curve=[(int(step), float("nan" if value is None else value)) for step, value in found.get("curve", [])],
        replicates={int(r): list(values) for r, values in found.get("replicates", dict(enumerate(repeats))).items()},
        decision=found.get("decision"),
    )


def as_json(trial: Trial) -> dict[str, Any]:
    """What `trial.json` says of a trial's place in the search."""
    found: dict[str, Any] = {
        "number": trial.number,
        "state": trial.state,
        "values": trial.values,
        "reason": trial.reason,
        "exit_code": trial.exit_code,
        "params": trial.point,
        "attempt": trial.attempt,
        "rungs": {str(rung): value for rung, value in trial.rungs.items()},
        "curve": [list(pair) for pair in trial.curve],
        "decision": trial.decision,
    }
    if trial.replicates:
        found["replicates"] = {str(replicate): values for replicate, values in sorted(trial.replicates.items())}
    if len(trial.replicates) > 1:
        found["repeat_values"] = [trial.replicates[replicate] for replicate in sorted(trial.replicates)]
        found["spread"] = trial.spread
    return found
