"""The main loop of a sweep: starts trials in free slots, handles their messages, records each outcome."""

from __future__ import annotations

import logging
import math
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

from tunesmith.config.checking.directions import COSTS
from tunesmith.config.composing.compose import Composed
from tunesmith.runs.directory import RunDirectory
from tunesmith.runs.trial_record import TrialRecord, write_trial
from tunesmith.storage import write_json
from tunesmith.sweeping.execution.executors.executor import Executor, Exit
from tunesmith.sweeping.execution.messages import Message
from tunesmith.sweeping.record.layout import JOB, SweepDirectory, freeze_job, read_job
from tunesmith.sweeping.search.scheduler import TrialScheduler
from tunesmith.sweeping.search.trials import ENDED, Job, Outcome
from tunesmith.sweeping.space.space import Point

log = logging.getLogger("tunesmith")

POLL_S = 0.5
FREE_FRACTION = 0.05
"""Fraction of the disk. With less than this free, trials are stopped instead of paused."""


@dataclass(frozen=True)
class SearchPlan:
    """What the driver of a sweep needs to know."""

    objectives: tuple[str, ...]
    rungs: tuple[float, ...]
    repeats: int
    trust: tuple[str, ...] = ()
    deadline: float | None = None
    """Time on the `time.monotonic()` clock after which no more trials are started."""
    keep: int | None = None
    folds: bool = False
    """Whether the replicates of a trial are folds."""


class Driver:
    """Runs a scheduler's jobs in an executor.

    Args:
        directory: The sweep's directory.
        scheduler: Decides what runs next.
        executor: Runs the jobs.
        compose: Returns the config of one replicate of a point.
        plan: Objectives, rungs and limits of the sweep.
        watch: Called with all trial records after each change.
    """

    def __init__(
        self,
        directory: SweepDirectory,
        scheduler: TrialScheduler,
        executor: Executor,
        compose: Callable[[int, Point, int], Composed],
        plan: SearchPlan,
        watch: Callable[[Sequence[TrialRecord]], None] = lambda trials: None,
    ) -> None:
        self.directory = directory
        self.scheduler = scheduler
        self.executor = executor
        self.compose = compose
        self.plan = plan
        self.watch = watch
        self.signal: int | None = None
        self._records: dict[int, TrialRecord] = {}
        self._began: dict[Job, float] = {}
        """When each job was started, on the `time.monotonic()` clock."""
        self._reasons: dict[Job, str] = {}
        """The reason that a job itself gave for its end."""
        self._told_disk = False

    def run(self) -> None:
        """Run until nothing is left to do or a signal arrives."""
        with self._signals():
            try:
                self.executor.ready()
                while True:
                    self._fill()
                    if self.scheduler.finished:
                        break
                    if self.signal is not None:
                        self.executor.interrupt()  # includes a trial that was just starting when the signal arrived
                    for ended in self.executor.wait(self._answer, POLL_S):
                        self._ended(ended)
                    self.watch(list(self._records.values()))
            finally:
                self.executor.close()
        if self.signal is None:
            self.scheduler.close()
            for number, trial in self.scheduler.trials.items():
                if number in self._records and self._records[number].state != trial.state:
                    self.write(number)
        self._drop_weights()
        self.watch(list(self._records.values()))

    def known(self, record: TrialRecord) -> None:
        """Take over the record of a trial from an earlier session; the scheduler already has the trial."""
        self._records[record.number] = record
        self.write(record.number)

    def write(self, number: int) -> None:
        """Write a trial's current record to disk, and show it."""
        self._records[number] = self.scheduler.trials[number].recorded(self._records[number])
        write_trial(self._records[number])

    def _measured(self, number: int, **values: Any) -> None:
        """Note values measured for a trial; they are written with the scheduler's next decision."""
        self._records[number] = replace(self._records[number], **values)

    def _made(self, job: Job, steps: int) -> None:
        """Note how many steps a job has completed."""
        made = {**self._records[job.number].replicate_steps, job.replicate: steps}
        self._measured(job.number, replicate_steps=made, steps=sum(made.values()))

    def _planned(self, job: Job, full_steps: int) -> None:
        """Note how many steps a job has in full; its trial's others, until they start, are taken to have as many."""
        full = {**self._records[job.number].replicate_full_steps, job.replicate: full_steps}
        whole = round(sum(full.values()) * self.plan.repeats / len(full))
        self._measured(job.number, replicate_full_steps=full, full_steps=whole)

    def _fill(self) -> None:
        """Start jobs while slots are free."""
        if self.plan.deadline is not None and time.monotonic() >= self.plan.deadline:
            self.scheduler.stop("time limit reached (hydra.sweeper.timeout)")
        while self.signal is None and len(list(self.scheduler.running())) < self.executor.slots:
            job = self.scheduler.next()
            if job is None:
                return
            self._start(job)

    def _start(self, job: Job) -> None:
        trial = self.scheduler.trials[job.number]
        record = self._records.setdefault(job.number, new_record(self.directory, job.number))
        directory = self.directory.job(job.number, job.replicate, self.plan.repeats, folds=self.plan.folds)
        attempted = (directory / JOB).is_file()  # written last, so its presence means that the directory is complete
        request = {
            "metric": self.plan.objectives[0] if self.plan.objectives[0] not in COSTS else None,
            "rungs": list(self.plan.rungs) if job.replicate == 0 else [],
            "judged": len(trial.rungs),
            "attempted": attempted,
            "trust": list(self.plan.trust),
        }
        if attempted:
            write_json(directory / JOB, read_job(directory) | request)
        else:
            freeze_job(directory, self.compose(job.number, trial.point, job.replicate), request)
        self._began[job] = time.monotonic()
        self._measured(job.number, started=record.started or now(), ended=None)
        self.write(job.number)
        if attempted and RunDirectory(directory).read_results().get("status") == "completed":
            self._ended(Exit(job, 0))  # the last session died before it received this exit
            return
        self.executor.start(job, directory)

    def _answer(self, job: Job, message: Message) -> str | None:
        """Handle a trial's message; return a decision if it asks for one."""
        decision: str | None = None
        if message["kind"] == "failed" or message["kind"] == "pruned":
            self._reasons[job] = message["reason"]
            return None
        self._made(job, message["step"])
        if message["kind"] == "started":
            self._planned(job, message["full_steps"])
            return None
        value = math.nan if message["value"] is None else message["value"]
        if message["kind"] == "point":
            self.scheduler.observe(job, message["step"], value)
        else:
            decision = self.scheduler.report(job, message["rung"], message["step"], value)
            if decision == "pause" and not self._has_room():
                decision = "stop"
        self.scheduler.trials[job.number].decision = decision
        self.write(job.number)
        return decision

    def _has_room(self) -> bool:
        usage = shutil.disk_usage(self.directory.path)
        return usage.free > FREE_FRACTION * usage.total

    def _ended(self, ended: Exit) -> None:
        """Record how a job went, from its exit code and the files it left."""
        job = ended.job
        record = self._records[job.number]
        path = self.directory.job(job.number, job.replicate, self.plan.repeats, folds=self.plan.folds)
        results = RunDirectory(path).read_results()
        peaks = (record.peak_memory_mb, results.get("peak_memory_mb"))
        self._measured(
            job.number,
            seconds=(record.seconds or 0.0) + time.monotonic() - self._began.pop(job),
            ended=now(),
            num_trainable_parameters=results.get("num_trainable_parameters", record.num_trainable_parameters),
            peak_memory_mb=max((peak for peak in peaks if peak is not None), default=None),
        )
        outcome = self._outcome(job, ended.code, results)
        if outcome.state == "failed" and results.get("status") not in (None, "failed"):
            _mark(path, "failed", outcome.exit_code or 1, outcome.reason)
        self._made(job, int(results.get("steps") or record.replicate_steps.get(job.replicate, 0)))
        self.scheduler.ended(job, outcome)
        self.write(job.number)
        if self.scheduler.trials[job.number].state == "completed":
            self._drop_weights()
            self._tell_disk(job.number)

    def _outcome(self, job: Job, code: int, results: dict[str, Any]) -> Outcome:
        status, reason = results.get("status"), self._reasons.pop(job, None) or results.get("reason")
        if self.signal is not None and (status == "interrupted" or code in (-signal.SIGTERM, 128 + signal.SIGTERM)):
            return Outcome("interrupted", None, reason, code)  # includes a process too young to handle its signal
        if code < 0:
            name = signal.Signals(-code).name
            hint = " (out of memory?)" if name == "SIGKILL" else ""
            return Outcome("failed", None, f"killed by {name}{hint}", code)
        if code == 0 and status == "pruned":
            decision = self.scheduler.trials[job.number].decision
            return Outcome("paused" if decision == "pause" else "stopped", None, reason, None)
        if code == 0 and status == "completed":
            return self._values(job, results)
        return Outcome("failed", None, reason or f"exited with code {code} without giving a reason", code or 1)

    def _values(self, job: Job, results: dict[str, Any]) -> Outcome:
        record = self._records[job.number]
        measured = results.get("metrics", {}) | {"duration_s": record.seconds, "peak_memory_mb": record.peak_memory_mb}
        measured |= {"num_trainable_parameters": record.num_trainable_parameters}
        missing = [name for name in self.plan.objectives if measured.get(name) is None]
        if missing:
            return Outcome("failed", None, f"the run has no {missing[0]}", 1)
        values = [float(measured[name]) for name in self.plan.objectives]
        full_steps = record.replicate_full_steps.get(0) or int(results.get("steps") or 1)
        return Outcome("completed", values, None, 0, full_steps)

    def _tell_disk(self, number: int) -> None:
        """Log once how much disk space the sweep will need, judging by the first completed trial."""
        if self._told_disk:
            return
        self._told_disk = True
        files = (path for path in self.directory.trial(number).rglob("*") if path.is_file())
        each = sum(path.stat().st_size for path in files) / 1e6
        total = self.scheduler.limits.n_trials * each / 1e3
        free = shutil.disk_usage(self.directory.path).free / 1e9
        log.info("a trial takes %.0f MB on disk, all trials at most %.1f GB; %.0f GB are free", each, total, free)
        if total > free:
            log.warning("the disk may be too small; hydra.sweeper.keep=1 keeps the weights of the best trial only")

    def _drop_weights(self) -> None:
        """Keep weights and checkpoints of the best trials only, if `keep` is set."""
        if self.plan.keep is None:
            return
        ended = [trial for trial in self.scheduler.trials.values() if trial.state in ENDED]
        best = self.scheduler.ranked()[: self.plan.keep]
        for trial in ended:
            if trial not in best:
                for folder in ("model", "checkpoints"):
                    for path in self.directory.trial(trial.number).glob(f"**/{folder}"):
                        shutil.rmtree(path, ignore_errors=True)

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Ask the trials for a checkpoint on the first signal; end everything at once on the second."""

        def handle(signum: int, frame: FrameType | None) -> None:
            if self.signal is not None:
                self.executor.close()
                raise SystemExit(128 + signum)
            self.signal = signum
            self.scheduler.stop(f"received {signal.Signals(signum).name}")
            log.info("stopping after each trial's next checkpoint; interrupt again to stop immediately")
            self.executor.interrupt()

        before = {signum: signal.signal(signum, handle) for signum in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for signum, handler in before.items():
                signal.signal(signum, handler)


def new_record(directory: SweepDirectory, number: int) -> TrialRecord:
    """The record of a trial that has not started."""
    return TrialRecord(number, "waiting", seconds=0.0, directory=directory.trial(number))


def _mark(path: Path, status: str, exit_code: int, reason: str | None) -> None:
    """Write into a run's results how it ended, if it could not do so itself."""
    run = RunDirectory(path)
    results = run.read_results()
    if results:
        write_json(run.results, results | {"status": status, "exit_code": exit_code, "reason": reason})


def now() -> str:
    """The current time in the format of records."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
