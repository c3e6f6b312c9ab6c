"""Simulate a sweep: the shipped scheduler and study on a made-up objective, without a clock, process or file."""

from __future__ import annotations

import heapq
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from optuna.distributions import FloatDistribution
from optuna.storages import BaseStorage, InMemoryStorage

from tunesmith.runs.trial_record import TrialRecord
from tunesmith.sweeping.search.judge import Judge
from tunesmith.sweeping.search.scheduler import Limits, TrialScheduler
from tunesmith.sweeping.search.study import Study
from tunesmith.sweeping.search.trials import Job, Outcome, Trial
from tunesmith.sweeping.space.space import Parameter, Point, Space

RUNGS = (0.25, 0.5)
LINE = Space({"x": Parameter("x", "...", FloatDistribution(0, 11), None)})
"""A single number from 0 to 11."""
ENDS = {"pause": -1, "stop": -2}
"""Maps a decision to the event that ends its trial; a driver may die in between."""


def objective_at(point: Point, replicate: int = 0, fraction: float = 1.0) -> float:
    """The objective after a fraction of a full run; points rank differently early and late."""
    x = float(point["x"])
    return math.sin(x) * fraction + 0.3 * math.cos(3 * x) * (1 - fraction) + 0.01 * replicate


@dataclass
class Disk:
    """The state that outlives a driver."""

    storage: BaseStorage = field(default_factory=InMemoryStorage)
    files: dict[int, Any] = field(default_factory=dict)
    """Maps trial to its record."""


class Simulation:
    """Runs a scheduler on slots; recreated over the same disk, it continues as a resumed sweep does.

    Args:
        space: The space.
        sampler: The `hydra.sweeper.sampler` node.
        limits: When the search is over.
        judge: Returns, given the study, what decides at `RUNGS`; if None, every trial runs to its end.
        slots: Trials at once.
        failing: Trial, replicate and attempt of each job that fails.
        disk: The state left by an earlier driver.
        length: Returns, given a trial's number, how long a full run of it takes; 1 for all by default.
        equal: A key whose values share the search equally.
    """

    def __init__(
        self,
        space: Space,
        sampler: Any,
        limits: Limits,
        judge: Callable[[Study], Judge] | None = None,
        *,
        slots: int = 1,
        failing: Sequence[tuple[int, int, int]] = (),
        disk: Disk | None = None,
        length: Callable[[int], float] = lambda number: 1.0,
        equal: str | None = None,
    ) -> None:
        self.slots = slots
        self.failing = failing
        self.rungs = RUNGS if judge is not None else ()
        self.files = (disk := disk or Disk()).files
        self.length = length
        study = Study(space, sampler, ["maximize"], seed=1, storage=disk.storage, equal=equal)
        self.scheduler = TrialScheduler(study, limits, ["maximize"], judge(study) if judge is not None else None)
        self.clock = 0.0
        self.cost = 0.0
        """Of all trials, in full runs."""
        self.starts: list[Job] = []
        self._events: list[tuple[float, tuple[int, int], Job, int]] = []
        for number, trial in enumerate(study.trials()):
            saved = self.files.get(number, {"number": number, "state": "waiting"})
            record = TrialRecord.from_json(json.loads(json.dumps(saved)))
            restored = Trial.restored(record, trial.user_attrs["point"])
            self.scheduler.restore(restored)

    def run(self, stop_after: float = math.inf, *, lose_last: bool = False) -> Simulation:
        """Continue until nothing is left to do, or the driver dies.

        Args:
            stop_after: Number of events after which it dies.
            lose_last: Whether it dies before recording the last trial that it started.
        """
        num_events = 0
        while True:
            self._fill(lose_last=lose_last and num_events + 1 >= stop_after)
            if not self._events:
                self.scheduler.close()
                return self
            self.clock, _, job, rung = heapq.heappop(self._events)
            self._happen(job, rung)
            self._write(job.number)
            num_events += 1
            if num_events >= stop_after:
                return self

    def result(self) -> dict[int, tuple[Any, ...]]:
        """All results, by trial."""
        trials = sorted(self.scheduler.trials.items())
        return {number: (t.point, t.state, t.values, t.rungs, t.replicates) for number, t in trials}

    def _fill(self, *, lose_last: bool) -> None:
        while len(self._events) < self.slots and (job := self.scheduler.next()) is not None:
            assert job not in [event[2] for event in self._events], "it is still running"
            self.starts.append(job)
            if not (lose_last and job.number not in self.files):
                self._write(job.number)
            reached = len(self.scheduler.trials[job.number].rungs)
            self._plan(job, reached if job.replicate == 0 else len(self.rungs))

    def _plan(self, job: Job, rung: int) -> None:
        """Run a job to a rung, or to its end: index len(rungs)."""
        begin = (0.0, *self.rungs)[rung] if job.replicate == 0 else 0.0
        share = (*self.rungs, 1.0)[rung] - begin
        self.cost += share
        self._push(share * self.length(job.number), job, rung)

    def _push(self, delay: float, job: Job, rung: int) -> None:
        heapq.heappush(self._events, (self.clock + delay, (job.number, job.replicate if rung >= 0 else -1), job, rung))

    def _happen(self, job: Job, rung: int) -> None:
        trial = self.scheduler.trials[job.number]
        if rung < 0:
            self.scheduler.ended(job, Outcome("paused" if rung == ENDS["pause"] else "stopped", None, "decided", None))
            return
        fraction = (*self.rungs, 1.0)[rung]
        value = objective_at(trial.point, job.replicate, fraction)
        if (job.number, job.replicate, trial.attempt) in self.failing:
            self.scheduler.ended(job, Outcome("failed", None, "planned failure", 4))
        elif rung == len(self.rungs):
            self.scheduler.ended(job, Outcome("completed", [value], None, 0, full_steps=100))
        else:
            decision = self.scheduler.report(job, rung, int(100 * fraction), value)
            if decision == "continue":
                self._plan(job, rung + 1)
            else:
                self._push(0.01, job, ENDS[decision])

    def record(self, number: int) -> TrialRecord:
        """A trial's record, as in its file."""
        return self.scheduler.trials[number].recorded(TrialRecord(number, "waiting"))

    def _write(self, number: int) -> None:
        self.files[number] = self.record(number).to_json()


def interrupted(make: Callable[[Disk], Simulation], stops: Sequence[int], *, lose_last: bool) -> list[Simulation]:
    """Run a search whose driver dies after given numbers of events and is resumed until the end; return the sessions.

    Args:
        make: Creates a session over what the earlier ones left.
        stops: Number of events after which each session but the last dies.
        lose_last: As in `Simulation.run`.
    """
    disk = Disk()
    return [make(disk).run(stop, lose_last=lose_last) for stop in [*stops, math.inf]]
